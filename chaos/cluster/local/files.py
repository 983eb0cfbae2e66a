"""Writing the small files of a cluster."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from chaos.cluster.local.layout import API_SERVER
from chaos.cluster.local.pki import Authority, Pair


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def write_pair(path: Path, pair: Pair) -> None:
    """Write `path`.crt and `path`.key."""
    write_private(path.with_suffix(".crt"), pair.certificate)
    write_private(path.with_suffix(".key"), pair.key)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a configuration file. JSON is YAML, so every component reads it."""
    write_private(path, json.dumps(content, indent=1).encode())


def write_kubeconfig(path: Path, authority: Authority, pair: Pair, *, cluster: str, user: str) -> None:
    """Write a kubeconfig with its certificates inside."""
    write_json(
        path,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": cluster,
                    "cluster": {"server": API_SERVER, "certificate-authority-data": _text(authority.certificate)},
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": _text(pair.certificate),
                        "client-key-data": _text(pair.key),
                    },
                }
            ],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
            "current-context": cluster,
        },
    )


def _text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
