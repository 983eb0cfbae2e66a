"""The figures of a check as tables for people: whatever they are, nothing of them is obeyed and little is left out."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from chaos.report import words
from chaos.report.words import markup as _e

MOST_ITEMS = 20
"""So many of a list are shown."""

_MOST_COLUMNS = 8
_ALIKE = 3
_MOST_CHARACTERS = 2000
_UID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def tables(figures: dict[str, Any]) -> str:
    """All figures of a check; those that say the same of several things stand side by side."""
    alike = {key: value for key, value in figures.items() if isinstance(value, dict) and len(value) >= _ALIKE}
    if len(alike) < 2 or len({frozenset(value) for value in alike.values()}) > len(alike) / 2:
        alike = {}
    rows = "".join(
        f'<tr><th scope="row">{_e(_name(key))}</th><td>{_value(key, value)}</td></tr>'
        for key, value in figures.items()
        if key not in alike
    )
    single = f'<table class="figures"><caption class="unseen">Figures</caption><tbody>{rows}</tbody></table>'
    return (single if rows else "") + (_side_by_side(alike) if alike else "")


def _side_by_side(figures: dict[str, dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for one in figures.values() for name in one))
    shown = dict(list(figures.items())[:_MOST_COLUMNS])
    head = "".join(f'<th scope="col">{_e(key)}</th>' for key in shown)
    rows = "".join(
        f'<tr><th scope="row">{_e(_name(name))}</th>'
        + "".join(f"<td>{_value(name, one[name], 1) if name in one else ''}</td>" for one in shown.values())
        + "</tr>"
        for name in names
    )
    left = len(figures) - len(shown)
    more = f'<p class="hint">and {left:,} more, in report.json</p>' if left > 0 else ""
    return (
        '<div class="scroll" role="group" aria-label="Figures" tabindex="0"><table class="figures beside">'
        f'<caption class="unseen">Figures side by side</caption><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{more}"
    )


def _name(key: object) -> str:
    """A figure's name for people: the unit, where the name ends in one, goes to the value."""
    return str(key).removesuffix("_s").replace("_", " ")


def _value(key: object, value: Any, depth: int = 0) -> str:
    if isinstance(value, (list, tuple, set, frozenset)):
        items = list(value)
        if all(isinstance(item, (str, int)) and len(str(item)) <= 48 for item in items):
            tail = f" and {len(items) - MOST_ITEMS:,} more, in report.json" if len(items) > MOST_ITEMS else ""
            return (_e(", ".join(map(str, items[:MOST_ITEMS]))) + tail) if items else "none"
        shown = "".join(f"<li>{_value('', item, depth + 1)}</li>" for item in items[:MOST_ITEMS])
        more = len(items) - MOST_ITEMS
        left = f"<li>and {more:,} more, in report.json</li>" if more > 0 else ""
        return f"<ul>{shown}{left}</ul>" if items else "none"
    if isinstance(value, dict):
        if depth > 3 or not value:
            return _e(plain(value)) if value else "none"
        entries = list(value.items())
        if depth and all(not isinstance(item, (dict, list, tuple, set, frozenset)) for item in value.values()):
            told = ", ".join(f"{_name(name)} {_scalar(name, item)}" for name, item in entries[:MOST_ITEMS])
            return _e(told + (f" and {len(entries) - MOST_ITEMS:,} more" if len(entries) > MOST_ITEMS else ""))
        rows = "".join(
            f'<tr><th scope="row">{_e(_name(name))}</th><td>{_value(name, item, depth + 1)}</td></tr>'
            for name, item in entries[:MOST_ITEMS]
        )
        more = len(entries) - MOST_ITEMS
        left = f'<tr><td colspan="2">and {more:,} more, in report.json</td></tr>' if more > 0 else ""
        return f'<table class="figures"><tbody>{rows}{left}</tbody></table>'
    return _e(_scalar(key, value))


def _scalar(key: object, value: Any) -> str:
    return words.seconds(value) if isinstance(value, float) and str(key).endswith("_s") else plain(value)


def plain(value: Any) -> str:
    """Any value as text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, str) and _UID.fullmatch(value):
        return value[:8]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + " …"
