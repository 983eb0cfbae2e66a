"""How verdicts, seconds and outages are written, wherever people read them."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from chaos.verdict import Outage, Verdict

if TYPE_CHECKING:
    from chaos.history import Step, WaitEnded

MARK: Final = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.UNKNOWN: "?"}
"""One sign for each verdict, so that colour never carries it alone."""

WORD: Final = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.UNKNOWN: "unknown"}

SENTENCE: Final = {
    Verdict.PASS: "The claim held.",
    Verdict.FAIL: "The claim did not hold.",
    Verdict.UNKNOWN: "Not proven either way.",
}

STREAM: Final = {
    "reads": "Reads",
    "rows": "Writes, SQL rows",
    "posts": "Writes, posts",
    "uploads": "Writes, uploads",
}
"""What people call the streams of requests."""

GLOSSES: Final = {
    "install-page": "WordPress found an empty database and offered to install itself",
    "error 1146": "the database lacks the table",
    "refused": "nothing listened where the request was sent",
    "no address": "the name led to no pod",
    "bootstrap": "the database started empty, with data from nowhere",
    "seed": "the posts, options and the picture that were there before the first fault and have to stay, by their ids",
    "steady": "good answers, one after the other, for a while",
    "primary": "the database pod that takes writes, the master",
}
"""Words of checks and of the cluster that a reader need not know."""

NOT_MEASURED: Final = "not measured"

_NOT_TEXT: Final = re.compile("[^\\t\\n\\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def step(one: Step) -> str:
    """A step's number and name: `1 · delete the master's pod`; the baseline and the end have no number."""
    from chaos.history import BASELINE

    return f"{one.index + 1} · {one.name}" if one.of_plan else "Baseline" if one.index == BASELINE else "The end"


def glosses(texts: Iterable[str]) -> list[tuple[str, str]]:
    """The words in these texts that have to be explained, each with what it means."""
    whole = "\n".join(texts)
    return [
        (word, told) for word, told in GLOSSES.items() if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", whole)
    ]


def legal(text: str) -> str:
    """The text with what XML 1.0 cannot hold, not even escaped (its production 2, Char), replaced by U+FFFD."""
    return _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


def markup(value: object) -> str:
    """Any value as text that HTML and SVG show and never obey, between tags and in quoted attributes."""
    return html.escape(legal(str(value)), quote=True)


def seconds(value: float) -> str:
    """A duration given in seconds, to about three digits: `0.42 s`, `12.3 s`, `2 min 05 s`."""
    if value < 0.005:
        return "0 s"
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def latency(value: float) -> str:
    """A short duration given in seconds: `0.8 ms`, `104 ms`, `1.25 s`."""
    if value < 0.00995:
        return f"{value * 1000:.1f} ms"
    return f"{value * 1000:.0f} ms" if value < 0.9995 else seconds(value)


def limit(value: float) -> str:
    """A duration that somebody set, given in seconds: `30 s`, `2.5 s`."""
    return f"{value:g} s"


def waited(wait: WaitEnded) -> str:
    """Whether something that was waited for came, in words that stand between what it is and the seconds."""
    if wait.unknown:
        return "is not known to have come within"
    return "after" if wait.satisfied else "did not come within"


def sentence(text: str) -> str:
    """The text with a full stop; its first letter is raised where it begins with a word and not with a name."""
    text = text.strip()
    if not text:
        return ""
    first = text.split(maxsplit=1)[0]
    head = text[0].upper() if first.isalpha() and first.islower() else text[0]
    return head + text[1:] + ("" if text.endswith((".", "!", "?", ":")) else ".")


def short(name: str, most: int = 16) -> str:
    """A name cut in its middle, since pods of one set differ at the end."""
    return name if len(name) <= most else f"{name[: most - 10]}…{name[-9:]}"


def clock(at: float) -> str:
    """A moment of the run, given in seconds since it began: `1:05.3`."""
    minutes, rest = divmod(max(at, 0.0), 60)
    return f"{int(minutes)}:{int(rest * 10) / 10:04.1f}"


def day(unix: float) -> str:
    """A wall time in UTC, for people."""
    return time.strftime("%-d %B %Y, %H:%M:%S UTC", time.gmtime(unix))


def stamp(unix: float) -> str:
    """A wall time in UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))


def bounds(outage: Outage) -> str:
    """How long an outage was: no shorter than .. no longer than; open where its beginning or end was not seen."""
    low, high = outage.no_shorter_than_s, outage.no_longer_than_s
    if high is None:
        return f"{seconds(low)} or longer"
    if seconds(low) == seconds(high):
        return seconds(low)
    if low < 0.005:
        return f"up to {seconds(high)}"
    return f"{seconds(low).removesuffix(' s') if high < 59.95 else seconds(low)} – {seconds(high)}"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2 rows`, `12,000 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
