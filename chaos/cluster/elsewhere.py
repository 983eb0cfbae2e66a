"""Which cluster the command line names, where that is not the embedded one. Imports no client: it is read first."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

from chaos.errors import UsageError
from chaos.suggest import instead_of


@dataclass(frozen=True)
class Elsewhere:
    """A context of a kubeconfig, or the cluster in whose pod this process runs (`context` is empty then).

    `kubeconfig` is one path or, as in $KUBECONFIG, several with colons between them.
    """

    context: str = ""
    kubeconfig: str = ""

    @property
    def place(self) -> str:
        """What journals call it."""
        return f"context/{self.context}" if self.context else "in-cluster"

    @property
    def option(self) -> str:
        """What names it on a command line."""
        if not self.context:
            return "--in-cluster"
        words = ["--context", self.context]
        # Another file may have a context of the same name, which leads to another cluster.
        return shlex.join(words if self.kubeconfig in ("", _default()) else [*words, "--kubeconfig", self.kubeconfig])


def elsewhere(context: str, kubeconfig: str, *, in_cluster: bool) -> Elsewhere | None:
    """What these three options name; None = the embedded cluster.

    The current context of a kubeconfig counts for nothing: it is what somebody worked with last. Raises UsageError for
    a context that is not named or not there, and for a kubeconfig that can't be read.
    """
    if in_cluster:
        if context or kubeconfig:
            raise UsageError("--in-cluster names a cluster, and so does --context", hint="leave one of them out")
        return Elsewhere()
    if not context and not kubeconfig:
        return None
    files = kubeconfig or _default()
    there = _contexts(files)
    if not context:
        raise UsageError(
            f"{files}: which context? Its current one is never taken on its own",
            hint=f"--context NAME; it has: {', '.join(there) or 'none'}",
        )
    if context not in there:
        raise UsageError(f"{files}: there is no context {context!r}", hint=instead_of(context, there))
    return Elsewhere(context, files)


def _default() -> str:
    return os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")


def _contexts(files: str) -> list[str]:
    found: list[str] = []
    paths = [Path(each).expanduser() for each in files.split(os.pathsep) if each]
    # As kubectl does: of several, those that are not there are passed over.
    for path in [each for each in paths if each.exists()] or paths[:1]:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            found += [str(each["name"]) for each in content["contexts"]]
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", hint="--kubeconfig FILE, or $KUBECONFIG") from error
        except (yaml.YAMLError, UnicodeDecodeError, LookupError, TypeError) as error:
            raise UsageError(f"{path}: this is no kubeconfig", hint="--kubeconfig FILE, or $KUBECONFIG") from error
    return list(dict.fromkeys(found))
