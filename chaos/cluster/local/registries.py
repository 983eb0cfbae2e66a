"""Whether the package registries answer, asked through their own clients and so with their own settings."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable

from chaos.cluster.local.doctor import Row

_TIMEOUT_S = 20.0
_CONNECT_S = 3.0
_MEND = "the network, or the proxy or mirror that the client is set to"


def examine() -> list[Row]:
    """A row for each registry that a first `up` may need. None is `lacking`: what is cached needs no registry."""
    return [_row("Python packages", _pip), _row("Go modules", _go), _row("Debian packages", _apt)]


def _row(subject: str, ask: Callable[[], str]) -> Row:
    try:
        return Row(subject, "ok", ask())
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        words = said.strip().splitlines() or [type(error).__name__]
        return Row(subject, "instead", f"no answer: {words[-1]}", _MEND)


def _pip() -> str:
    _run(sys.executable, "-m", "pip", "--disable-pip-version-check", "index", "versions", "click")
    return "the index answers"


def _go() -> str:
    if shutil.which("go") is None:
        return "not asked: Go is not there yet"
    _run("go", "list", "-m", "-versions", "golang.org/x/sys")
    return "the proxy answers"


def _apt() -> str:
    servers = sorted(
        set(re.findall(r"^'(https?)://([^/:']+)(?::(\d+))?", _run("apt-get", "--print-uris", "update"), re.M))
    )
    for scheme, server, port in servers:
        socket.create_connection((server, int(port or (443 if scheme == "https" else 80))), _CONNECT_S).close()
    return f"these answer: {', '.join(sorted({server for _, server, _ in servers}))}"


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S, cwd="/").stdout
