"""What a write came to, whichever way it was sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Written:
    """What a write came to: `ok` (with the server's key), `fail` or `info`. See `history.Write`.

    Of an upload, `path` is where the server says that the file is, and `digest` that of what was sent.
    """

    outcome: str
    reason: str = ""
    key: int | None = None
    path: str = ""
    digest: str = ""
