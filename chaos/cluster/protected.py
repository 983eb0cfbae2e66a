"""A namespace that says of itself that nothing in it may be broken."""

from __future__ import annotations

from chaos.cluster.api import Api
from chaos.errors import UsageError

MARK = "hachaos.dev/protected"


def refuse(api: Api, namespace: str) -> None:
    """Raise UsageError where a namespace has a label or an annotation `hachaos.dev/protected` that is not `false`.

    Raises ClusterError when one may not look at the namespace: it could be protected.
    """
    metadata = (api.get("Namespace", namespace) or {}).get("metadata", {})
    for where in ("label", "annotation"):
        value = (metadata.get(f"{where}s") or {}).get(MARK)
        if value is not None and str(value).lower() != "false":
            raise UsageError(
                f"namespace {namespace} is protected: it has the {where} {MARK}={value}",
                hint="ask whoever set it",
            )
