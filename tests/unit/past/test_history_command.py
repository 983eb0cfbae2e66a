"""`hachaos history` and `hachaos trend` as a user meets them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import click
import pytest
from click.testing import CliRunner
from made import run, write

from chaos.cli.history import history, trend
from chaos.errors import UsageError
from chaos.past.runs import FIGURES


def hachaos(command: Any, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    if done.exception:
        raise done.exception
    return int(done.return_value or 0), done.output


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    for number in range(20):
        write(tmp_path, run(number, recovered_s=4.0 + number % 3))
    return tmp_path


def test_each_scenario_is_told_in_a_few_lines(reports: Path) -> None:
    write(reports, run(20, "fail", folder="bad", reason="a write is lost"))
    code, said = hachaos(history, "--reports", str(reports), "--last", "5")
    assert code == 0
    assert "kill-master on hardened, local/hachaos: doubtful" in said
    assert "✓✓✓✓✗  21 runs: 20 pass, 1 fail" in said
    assert "recovered in  ▇█▆▇▆  5.00 s (4.00 s – 6.00 s)" in said
    assert "first bad     bad: a write is lost" in said


def test_json_says_the_same(reports: Path) -> None:
    values = json.loads(hachaos(history, "--reports", str(reports), "--json", "--last", "3")[1])
    (one,) = values["scenarios"]
    assert (values["format"], one["state"], one["number_of_runs"], len(one["runs"])) == (1, "sound", 20, 3)
    assert one["figures"]["recovered_s"]["median_s"] == 5.0
    assert one["rule"] == {"slower": [], "runs": 5, "before": 15, "why_not": ""}


def slow(reports: Path) -> None:
    for number in range(20, 25):
        write(reports, run(number, writes_s=4.5, recovered_s=8.0))


def broken(reports: Path) -> None:
    for number in range(20, 23):
        write(reports, run(number, "fail"))


@pytest.mark.parametrize(("make", "code"), [(None, 0), (slow, 1), (broken, 1)])
def test_a_regression_ends_with_one_where_asked_for(reports: Path, make: Any, code: int) -> None:
    if make:
        make(reports)
    assert hachaos(history, "--reports", str(reports))[0] == 0
    assert hachaos(history, "--reports", str(reports), "--fail-on", "regression")[0] == code


def test_a_slowdown_is_said_with_its_figures(reports: Path) -> None:
    slow(reports)
    said = hachaos(history, "--reports", str(reports))[1]
    assert ": sound, slower" in said
    assert "recovered in: 5.00 s before, 8.00 s in the last 5 passing runs" in said


def test_runs_that_are_due_and_missing_end_with_one_where_asked_for(reports: Path) -> None:
    assert hachaos(history, "--reports", str(reports), "--fail-on", "missing")[0] == 0
    code, said = hachaos(history, "--reports", str(reports), "--every", "1d", "--fail-on", "missing")
    assert code == 1
    assert "· missing" in said


def test_no_run_at_all_is_missing_where_one_is_due(reports: Path, tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    Path(none).mkdir()
    code, said = hachaos(history, "--reports", none, "--every", "24h", "--fail-on", "missing")
    assert code == 1
    assert "No run at all, although one is due (--every): it counts as missing" in said
    assert hachaos(history, "--reports", none, "--fail-on", "missing") == (0, "no runs\n")
    assert hachaos(history, "--reports", none, "--every", "24h", "--fail-on", "regression") == (0, "no runs\n")
    said = hachaos(history, "--reports", str(reports), "--every", "24h", "--fail-on", "missing")[1]
    assert "No run at all" not in said


@pytest.mark.parametrize(("text", "why"), [("{", "not readable"), ('{"format": 99}', "newer than this")])
def test_a_folder_that_cannot_be_read_is_counted_and_may_be_the_missing_run(reports: Path, text: str, why: str) -> None:
    assert hachaos(history, "kill-master", "--reports", str(reports), "--fail-on", "missing")[0] == 0
    (reports / "0021-other").mkdir()
    (reports / "0021-other/report.json").write_text(text)
    code, said = hachaos(history, "kill-master", "--reports", str(reports), "--fail-on", "missing")
    assert code == 1
    assert f"1 folder {why}" in said
    assert "0021-other" in said
    assert "counts as missing (--fail-on missing)" in said
    assert hachaos(history, "--reports", str(reports), "--fail-on", "regression")[0] == 0


def test_a_time_that_is_none_is_told_with_ones_that_a_run_may_be_due_in(reports: Path) -> None:
    for every in ("3x", "30h", "d"):
        with pytest.raises(click.BadParameter, match=r"; write one like 24h or 7d$"):
            hachaos(history, "--reports", str(reports), "--every", every)


def test_no_bar_is_drawn_of_a_figure_that_was_not_measured(tmp_path: Path) -> None:
    write(tmp_path, run(0, "fail"))
    _, said = hachaos(history, "--reports", str(tmp_path))
    assert "recovered in  not measured" in said
    assert not set("▁▂▃▄▅▆▇█") & set(said)


def test_a_scenario_that_was_never_run_is_a_usage_error(reports: Path) -> None:
    with pytest.raises(UsageError, match="no run of 'kill-mater'") as error:
        hachaos(history, "kill-mater", "--reports", str(reports))
    assert "did you mean 'kill-master'?" in str(error.value.hint)


def test_text_of_a_run_cannot_steer_a_terminal(reports: Path) -> None:
    write(reports, run(20, "fail", reason="\x1b[2Jgone"))
    assert "\x1b" not in hachaos(history, "--reports", str(reports))[1]


def page(reports: Path, *more: str) -> str:
    _, said = hachaos(trend, "--reports", str(reports), "--html", *more)
    return Path(said.strip()).read_text(encoding="utf-8")


def test_the_trend_is_one_page_without_scripts_that_asks_for_nothing(reports: Path) -> None:
    slow(reports)
    text = page(reports)
    assert "<script" not in text
    assert re.findall(r'(?:src|href)="(?!#|data:,|[0-9]{4}-kill-master/report\.html)[^"]*"', text) == []
    assert "http:" not in text
    assert "https:" not in text
    assert "1 scenario of 1 got worse." in text


def test_each_figure_of_the_trend_has_a_drawing_that_says_what_it_is(reports: Path) -> None:
    drawings = re.findall(
        r'<svg class="trend".*?</svg></svg>|<svg class="trend".*?</circle></svg>', page(reports), re.S
    )
    assert len(drawings) == len(FIGURES)
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert root.get("role") == "img"
        assert "20 runs" in str(root.get("aria-label"))
        assert len(root.findall("circle")) == 20
        assert all(circle.find("title") is not None for circle in root.findall("circle"))


def test_the_trend_links_to_the_reports_from_where_it_is(reports: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    assert 'href="../0019-kill-master/report.html"' in page(reports, str(tmp_path / "site/index.html"))


def test_text_of_a_run_is_shown_and_never_obeyed(reports: Path) -> None:
    write(reports, run(20, "fail", scenario="<script>alert(1)</script>", reason='"><b>', stack="<i>"))
    text = page(reports)
    assert "<script" not in text
    assert "<i>" not in text
    assert '"><b>' not in text


def test_a_trend_of_nothing_says_so(tmp_path: Path) -> None:
    assert "There are no runs yet." in page(tmp_path)


def test_a_trend_that_cannot_be_written_is_a_usage_error(reports: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        page(reports, str(reports / "no/where.html"))


def test_a_latest_run_that_stands_out_is_told_and_is_a_regression(reports: Path) -> None:
    for number in range(20, 30):
        write(reports, run(number, recovered_s=4.0 + number % 3, pages_s=0.03 if number < 29 else 0.06))
    code, said = hachaos(history, "--reports", str(reports), "--fail-on", "regression")
    assert code == 1
    assert ": sound, slow this time" in said
    assert "pages in: 30 ms before, 60 ms in the latest passing run" in said
    assert "slow this time" in page(reports)
