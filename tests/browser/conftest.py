from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "report"))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "past"))

from chrome import Chrome
from made import run, write

from chaos import report
from chaos.past import trend
from chaos.past.index import past
from chaos.past.standing import standings


@pytest.fixture(scope="module")
def chrome():
    with Chrome() as found:
        yield found


@pytest.fixture(scope="module")
def reports_of(tmp_path_factory):
    """Write the report of each run, given as its history and its judgement: their pages by the names given."""

    def write(**runs):
        found = {}
        for name, one in runs.items():
            folder = tmp_path_factory.mktemp(name)
            report.write(folder, *one)
            found[name] = folder / "report.html"
        return found

    return write


@pytest.fixture(scope="session")
def trend_page(tmp_path_factory):
    """Scenarios that are slower, flaky, broken and new, and one whose words are hostile."""
    reports, draw = tmp_path_factory.mktemp("reports"), Random(3)

    def add(number, scenario, verdict="pass", factor=1.0, **also):
        load = factor * draw.lognormvariate(0, 0.2)
        figures = {"reads_s": 2 * load, "writes_s": 3 * load, "recovered_s": 4 * load}
        write(reports, run(number, verdict, folder=f"{scenario}-{number}", scenario=scenario, **figures, **also))

    for number in range(40):
        add(number, "kill-master", factor=1.7 if number > 34 else 1.0)
        add(number, "drain-node", "fail" if number % 4 == 2 else "pass", reason="2 acknowledged writes are lost " * 4)
    for number in range(14):
        add(number, "mysql-shrink", "pass" if number < 11 else "unknown", reason="the site did not come back")
    evil = f"<script>document.title='owned'</script><img src=http://x.test/ onerror=alert(1)>{'x' * 120}"
    add(1, "kill-replica", "fail", stack=evil, reason=evil)
    found = past(reports)
    path = reports / "trend.html"
    path.write_text(
        trend.render(standings(found.runs, every_s=86400.0, now=found.runs[-1].began), found, reports, path)
    )
    return path
