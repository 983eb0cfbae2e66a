"""How long report.html of an hour takes to be drawn, how large it is, and how soon a browser has it open."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks import long_run
from benchmarks.table import ROOT, Row
from chaos.checks.judge import judge
from chaos.history import History
from chaos.report import html
from chaos.report.summary import summarise

_HOUR_S = 3600
_OUTAGES = 12
_TIMES = 7


def measure() -> list[Row]:
    """An hour of 20 reads and 10 rows a second, a post and the reads of three pods beside them, with twelve outages.

    Drawing begins with the judged history, in this process; the browser runs already when it is given the page.
    """
    history = History(long_run.records(int(_HOUR_S * long_run.OPERATIONS_PER_S), _OUTAGES))
    judgement = judge(history)
    drawn, worked = [], []
    for _ in range(_TIMES):
        began, busy = time.perf_counter(), time.process_time()
        text = html.render(summarise(history, judgement), "an-hour")
        drawn.append(time.perf_counter() - began)
        worked.append(time.process_time() - busy)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_text(text, encoding="utf-8")
        opened = _open(path)
        size = path.stat().st_size / 1e3
    what = f"{len(history.records):,} records, {_OUTAGES} outages"
    return [
        Row(f"report.html of an hour, {what}: drawn in", tuple(drawn), "s", "<= 1 s"),
        Row("its processor time", tuple(worked), "s"),
        Row("its size", (size,), "kB", "<= 1000 kB"),
        Row("opened in the browser, to its load event", tuple(opened), "ms", "<= 1000 ms"),
    ]


def _open(path: Path) -> list[float]:
    """Milliseconds from the command to navigate to the load event."""
    sys.path.insert(0, str(ROOT / "tests/browser"))
    from chrome import Chrome

    took = []
    with Chrome() as chrome:
        for _ in range(_TIMES):
            began = time.perf_counter()
            chrome.open(path)
            took.append(1000 * (time.perf_counter() - began))
            assert chrome.evaluate("document.querySelectorAll('.timeline .certain').length") >= _OUTAGES
            chrome.call("Page.navigate", url="about:blank")
    return took
