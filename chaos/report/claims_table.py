"""The claims table that a run's page and a suite's page have alike."""

from __future__ import annotations

from collections.abc import Iterable

from chaos.report import words
from chaos.report.advice import quoted
from chaos.report.claims import Claim
from chaos.report.page import badge, table
from chaos.report.words import markup as _e

_HEAD = ("Claim", "Scenario", "Verdict", "Deciding fact", "What to change")


def section(rows: Iterable[tuple[Claim, str]]) -> str:
    """The page's section on claims, each with the HTML that names its scenario."""
    told = [
        (_e(words.sentence(row.claim)) or "–", name, badge(row.verdict), _e(words.sentence(row.fact)), change(row))
        for row, name in rows
    ]
    many = "Each claim, whether it held, and by which fact."
    caption = many if len(told) != 1 else "What was claimed, whether it held, and by which fact."
    shown = table(caption, _HEAD, told, kind="claims")
    return f'<section>\n<h2 id="claims">Claim{"s" if len(told) != 1 else ""}</h2>\n{shown}\n</section>'


def change(row: Claim) -> str:
    """What to change, as HTML; the manifest's line stands out."""
    return advice(row.change) if row.change else "–"


def advice(text: str) -> str:
    """A piece of advice as HTML; the manifest's line stands out, where it begins with one."""
    where, found, what = text.partition(": ")
    if not found or not where.startswith("manifests/"):
        return _e(words.sentence(text))
    line = quoted(where)
    quote = f' <code class="quoted">{_e(line)}</code>' if line else ""
    return f"<span><code>{_e(where)}</code>{quote} {_e(words.sentence(what))}</span>"
