"""The pod that hachaos itself runs in, if it does: whatever a stack's labels select, that one is never broken."""

from __future__ import annotations

import os
from pathlib import Path

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def is_own(namespace: str, name: str) -> bool:
    """Whether this process runs in that pod.

    It is known by POD_NAME and POD_NAMESPACE (the downward API sets them); without them by what every pod has: its
    host name, and the namespace of its service account.
    """
    own = os.environ.get("POD_NAME")
    if not own and "KUBERNETES_SERVICE_HOST" in os.environ:
        own = os.environ.get("HOSTNAME")
    return own == name and namespace == (os.environ.get("POD_NAMESPACE") or _namespace())


def _namespace() -> str:
    try:
        return _ACCOUNT.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
