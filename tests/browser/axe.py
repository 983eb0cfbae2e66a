"""axe-core in a page that is open: what keeps people who see, hear or move otherwise from using it."""

from __future__ import annotations

from importlib import resources
from typing import Any

from chrome import Chrome

GRAVE = ("serious", "critical")
"""Impacts of which a page of ours has none."""

_SOURCE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def findings(chrome: Chrome) -> list[str]:
    """All that axe-core holds against the page that is open, folded parts opened: `impact rule: selector: why`."""
    chrome.evaluate("document.querySelectorAll('details').forEach(d => d.open = true) || 1")
    # In two calls, since the source's own value is no JSON.
    chrome.evaluate(f"{_SOURCE}; 1")
    answer: dict[str, Any] = chrome.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert answer["passes"], "axe-core looked at nothing"
    return [
        f"{found['impact']} {found['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for found in answer["violations"]
        for node in found["nodes"]
    ]


def grave(found: list[str]) -> list[str]:
    """Those of the findings that are serious or critical."""
    return [one for one in found if one.startswith(GRAVE)]
