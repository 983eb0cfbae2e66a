"""The report of a whole suite."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import sample
from rich.console import Console
from test_report_json import closed

from chaos import report
from chaos.errors import HachaosError
from chaos.redact import GONE, know
from chaos.report import suite, terminal
from chaos.report.suite import SuiteRun
from chaos.verdict import Verdict

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schemas/suite-v1.json").read_text())
EVIL = "<script>alert(1)</script>"


def runs() -> list[SuiteRun]:
    return sample.suite_runs()


@pytest.fixture
def folder(tmp_path):
    report.write_suite(tmp_path, sample.suite(), "published", runs())
    return tmp_path


def cases(folder: Path) -> dict[str, ET.Element]:
    return {found.get("name"): found for found in ET.parse(folder / "junit.xml").getroot()}


def test_its_files_are_written_and_nothing_else(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted([*report.FILES, "claims.md"])


def test_a_suite_fails_with_one_of_its_scenarios_and_counts_the_rest():
    found = suite.report_of(sample.suite(), "published", runs())
    assert found.verdict is Verdict.FAIL
    assert suite.sentence(found) == (
        "1 of 4 claims hold on the published stack, 1 does not, 2 are not proven either way."
    )


def test_all_that_hold_are_told_in_one_sentence():
    found = suite.report_of(sample.suite(), "here/mine.yaml", runs()[:1])
    assert suite.sentence(found) == "The claim holds on the mine.yaml stack."
    assert found.verdict is Verdict.PASS
    both = suite.report_of(sample.suite(), "hardened", [runs()[0], runs()[0]])
    assert suite.sentence(both) == "All 2 claims hold on the hardened stack."


def test_what_was_not_run_never_lets_a_suite_pass():
    kept = runs()
    found = suite.report_of(sample.suite(), "hardened", [kept[0], kept[3]])
    assert found.verdict is Verdict.UNKNOWN
    empty = suite.report_of(sample.suite(), "hardened", [])
    assert empty.verdict is Verdict.UNKNOWN
    assert suite.sentence(empty) == "No claim was put to the test on the hardened stack."


def test_the_json_fits_its_published_schema(folder):
    values = json.loads((folder / "report.json").read_text())
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(values)
    assert [one["verdict"] for one in values["scenarios"]] == ["pass", "fail", "unknown", "unknown"]
    assert [one["acknowledged"] for one in values["scenarios"]] == [262, 262, None, None]
    assert [one["lost"] for one in values["scenarios"]] == [0, 57, None, None]
    assert values["scenarios"][3]["not_run"] == "the budget was used up"


def test_the_schema_names_every_field_that_is_written(folder):
    values = json.loads((folder / "report.json").read_text())
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(values)
    with pytest.raises(jsonschema.ValidationError, match="'new' was unexpected"):
        jsonschema.Draft202012Validator(closed(SCHEMA)).validate(values | {"new": 1})


def test_the_schema_refuses_a_row_without_its_fact(folder):
    values = json.loads((folder / "report.json").read_text())
    del values["scenarios"][0]["fact"]
    with pytest.raises(jsonschema.ValidationError, match="'fact' is a required property"):
        jsonschema.Draft202012Validator(SCHEMA).validate(values)


def test_junit_shows_what_was_not_run_as_an_error_and_no_unknown_as_passed(folder):
    found = cases(folder)
    assert list(found) == ["kill-master", "failing", "unknown", "stop-nfs"]
    missed = found["stop-nfs"]
    assert (missed.get("tests"), missed.get("errors"), missed.get("skipped")) == ("1", "1", "0")
    assert missed.find("testcase/error").get("message") == "not run: the budget was used up"
    assert int(found["unknown"].get("errors")) == len(found["unknown"].findall("testcase"))
    assert found["unknown"].findall("testcase/error")[0].get("type") == "unknown"
    assert found["kill-master"].findall("testcase/error") == found["kill-master"].findall("testcase/failure") == []


def test_the_page_has_each_claim_and_leads_to_each_run(folder):
    text = (folder / "report.html").read_text()
    assert text.index("Claims</h2>") < text.index("Steps</h2>")
    assert 'href="01-kill-master/report.html"' in text
    assert 'href="/report.html"' not in text
    assert "Not run: the budget was used up." in text


def test_names_are_shown_and_not_obeyed(tmp_path):
    one = SuiteRun(EVIL, EVIL, f"01-{EVIL}", *sample.failing(EVIL))
    report.write_suite(tmp_path, sample.suite(EVIL), EVIL, [one, SuiteRun(EVIL, EVIL, "", None, None, EVIL)])
    assert "<script" not in (tmp_path / "report.html").read_text()
    assert len(ET.parse(tmp_path / "junit.xml").getroot()) == 2


def test_the_markdown_has_a_row_for_each_claim(folder):
    lines = (folder / "claims.md").read_text().splitlines()
    assert lines[0] == "# go-live on published: fail"
    assert len([line for line in lines if line.startswith("| ")]) == 5


def test_a_folder_that_cannot_be_written_to_is_told_in_one_line(tmp_path):
    with pytest.raises(HachaosError, match="No such file or directory"):
        report.write_suite(tmp_path / "none", sample.suite(), "published", [])


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_gets_a_block_for_each_claim_that_fits(tmp_path, width):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, highlight=False, markup=False, color_system=None)
    found = suite.report_of(sample.suite(), "published", runs())
    terminal.suite_summary(found, Path("reports/x"), console=console)
    text = out.getvalue()
    assert max(len(line) for line in text.splitlines()) <= width
    assert "✓ kill-master: pass: a failed master comes back" in text
    assert "? stop-nfs: unknown" in text
    assert "    to change: manifests/published/mysql-services.yaml:" in text
    told = text[text.index("    to change: ") : text.index("? unknown")].splitlines()
    assert len(told) > 1
    assert all(line.startswith("    ") for line in told)
    assert "✗ fail: 1 of 4 claims hold" in text
    assert text.endswith("  report: reports/x/report.html\n")


def test_a_log_gets_one_line_for_each_fact(tmp_path):
    out = io.StringIO()
    console = Console(file=out, width=20, highlight=False, markup=False, color_system=None)
    terminal.suite_summary(suite.report_of(sample.suite(), "published", runs()), Path("x"), console=console)
    assert "    not run: the budget was used up\n" in out.getvalue()


def test_no_secret_in_a_suite_s_file_or_in_what_kept_a_scenario_from_running_is_in_its_files(tmp_path):
    secret = "suite-secret-0001"
    know(secret)
    told = replace(sample.suite(), claim=f"it holds {secret}", text=f"# {secret}")
    left_out = SuiteRun("a", f"a holds {secret}", "", None, None, f"GET x: {secret}")
    report.write_suite(tmp_path, told, "hardened", [left_out])
    for path in tmp_path.iterdir():
        assert secret not in path.read_text()
    assert json.loads((tmp_path / "report.json").read_text())["suite_text"] == f"# {GONE}"
