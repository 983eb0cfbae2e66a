"""All rules, by topic."""

from chaos.preflight import clone, database, files, site, storage, workloads

RULES = (*clone.RULES, *database.RULES, *site.RULES, *files.RULES, *workloads.RULES, *storage.RULES)
