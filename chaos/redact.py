"""Text that crosses the tool's border: nothing secret gets out, and nothing that came in can steer a terminal.

Whoever comes by a password or a token makes it known here (`know`). What is written or printed passes through
`redact`, which also takes out what only looks like a secret: those of others, in a pod's log, are known to nobody here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import Any

GONE = "[redacted]"
"""What stands in place of a secret."""

SHORTEST = 4
"""Shorter secrets are not looked for: they are in every text, and anybody would guess them."""

_ANYWHERE = 12
"""A secret of so many characters is found within a word too. A shorter one may be part of a name, so it must be all."""

_SHAPES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<keep>\bAuthorization['\"]?\s*[:=]\s*['\"]?(?:Basic|Bearer)\s+)[^\s'\",;]+",
        r"(?P<keep>\bBearer\s+)[A-Za-z0-9._~+/-]{16,}=*",
        r"(?P<keep>\bIDENTIFIED\s+(?:WITH\s+\w+\s+)?(?:BY|AS)\s+(?:PASSWORD\s+)?)(?:'(?:[^'\\]|\\.|'')*'|\"[^\"]*\")",
        r"(?P<keep>\bPASSWORD\s*\(\s*)(?:'(?:[^'\\]|\\.|'')*'|\"[^\"]*\")",
        r"(?P<keep>\b\w*(?:PASSWORD|PASSWD|PWD)['\"]?\s*=\s*)(?:'(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|[^\s'\",;&()]+)",
        r"(?P<keep>://[^\s/:@]*:)[^\s/@]+(?=@)",
        r"(?P<keep>)\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        r"(?P<keep>-----BEGIN [A-Z ]*PRIVATE KEY-----)[^-]+",
    )
)
# A text without any of these has none of the shapes, which are slow to look for.
_HINTS = ("authorization", "bearer", "identified", "passw", "pwd", "://", "eyj", "private key")

# C0 and C1 controls but tab and line feed, and what turns the direction of text around.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Redactor:
    """Knows secrets in each form in which they travel. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._parts: tuple[str, ...] = ()
        self._words: tuple[re.Pattern[str], ...] = ()

    def know(self, *secrets: str) -> None:
        """Find these from now on: as they are, URL-encoded, quoted in JSON or XML, and in base64 at any place of it."""
        if self._known.issuperset(secrets):
            return
        with self._lock:
            self._known |= {secret for secret in secrets if len(secret) >= SHORTEST}
            parts: set[str] = set()
            words: set[str] = set()
            for secret in self._known:
                for form in _forms(secret):
                    (parts if len(form) >= _ANYWHERE or not form.isalnum() else words).add(form)
            self._parts = tuple(sorted(parts, key=lambda form: (-len(form), form)))
            self._words = tuple(re.compile(rf"(?<![0-9A-Za-z]){form}(?![0-9A-Za-z])") for form in sorted(words))

    def text(self, text: str) -> str:
        """The text with `GONE` for each secret."""
        for part in self._parts:
            if part in text:
                text = text.replace(part, GONE)
        for word in self._words:
            text = word.sub(GONE, text)
        lower = text.lower()
        if any(hint in lower for hint in _HINTS):
            for shape in _SHAPES:
                text = shape.sub(_shaped, text)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value with each text in it redacted, keys left as they are; the same object where nothing was."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            new = {key: self.value(each) for key, each in value.items()}
            return value if all(new[key] is value[key] for key in value) else new
        if isinstance(value, list | tuple):
            items = [self.value(each) for each in value]
            return value if all(map(lambda one, other: one is other, items, value)) else type(value)(items)
        return value


_REDACTOR = Redactor()
know = _REDACTOR.know
redact = _REDACTOR.text
redact_value = _REDACTOR.value


def plain(text: str) -> str:
    """The text for a terminal or a log: redacted, and no character in it does anything but stand there."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", redact(text))


def _shaped(found: re.Match[str]) -> str:
    return found["keep"] + GONE


def _forms(secret: str) -> Iterable[str]:
    import base64
    import json
    from html import escape
    from urllib.parse import quote, quote_plus

    content = secret.encode()
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield from (json.dumps(secret)[1:-1], repr(secret)[1:-1], escape(secret), escape(secret, quote=False))
    yield from (content.hex(), content.hex().upper()) if len(content) >= _ANYWHERE // 2 else ()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            # What stands before and after it shares the characters at both ends; those between are the secret's alone.
            whole = encode(b"\0" * before + content).decode().rstrip("=")
            first = (0, 2, 3)[before]
            shared = 1 if (before + len(content)) % 3 else 0
            inner = whole[first : len(whole) - shared]
            if len(inner) >= _ANYWHERE // 2:
                yield inner
    yield base64.b64encode(content).decode()
