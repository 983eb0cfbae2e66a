"""The option `--no-color`, which does what the variable NO_COLOR does (https://no-color.org)."""

from __future__ import annotations

import os

import click


def _obey(context: click.Context, option: click.Parameter, chosen: bool) -> None:  # noqa: ARG001
    if chosen:
        os.environ["NO_COLOR"] = "1"


no_color = click.option(
    "--no-color", is_flag=True, expose_value=False, callback=_obey, help="Print without colours, as NO_COLOR does."
)
