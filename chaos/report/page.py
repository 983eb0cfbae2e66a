"""What all HTML reports share: the page around them, badges and tables. All text passes through `_e`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chaos.report import words
from chaos.report.words import markup as _e
from chaos.verdict import Verdict

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"


def whole(title: str, styles: str, skip_to: str, body: str, footer: str) -> str:
    """A page that opens offline, needs no script, and asks for nothing from anywhere. `body` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{_e(title)}</title>\n<style>\n{styles}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#{skip_to}">Skip to the {skip_to}</a>\n<main>\n'
        f"{body}\n</main>\n<footer>{_e(footer)}</footer>\n</body>\n</html>\n"
    )


def badge(verdict: Verdict) -> str:
    """A verdict as a sign and a word."""
    mark = f'<span aria-hidden="true">{words.MARK[verdict]}</span>'
    return f'<span class="badge {verdict.value}">{mark} {words.WORD[verdict]}</span>'


def table(
    caption: str,
    head: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    *,
    numbers: tuple[int, ...] = (),
    kind: str = "",
) -> str:
    """A table whose first column names the row. Cells are HTML. On a narrow page each row becomes a card.

    `kind` is a class of the style sheet: `steps`, or `claims` with its long cells.

    The roles are there since a table that is laid out as cards loses its own for screen readers.
    """

    def css(column: int) -> str:
        return ' class="n"' if column in numbers else ""

    heads = "".join(f'<th scope="col" role="columnheader"{css(n)}>{_e(name)}</th>' for n, name in enumerate(head))
    body = "".join(
        f'<tr role="row"><th scope="row" role="rowheader">{row[0]}</th>'
        + "".join(
            f'<td role="cell" data-label="{_e(head[n])}"{css(n)}>{cell}</td>' for n, cell in enumerate(row[1:], 1)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<table role="table" class="{f"cards {kind}".strip()}"><caption>{_e(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead><tbody role="rowgroup">{body}</tbody></table>'
    )
