"""junit.xml fits its published schema, and the schema refuses what a CI system would show as passed.

The schemas of the CI systems are others' work and not kept here. HACHAOS_JUNIT_SCHEMAS names a folder with both:
`junit-10.xsd` of jenkinsci/xunit-plugin (MIT), `surefire-test-report.xsd` of apache/maven-surefire (Apache-2.0).
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import sample
import xmlschema

from chaos.report import junit, suite
from chaos.report.summary import summarise
from chaos.verdict import Verdict

SCHEMA = xmlschema.XMLSchema(Path(__file__).parents[3] / "docs/schemas/junit.xsd")
THEIRS = os.environ.get("HACHAOS_JUNIT_SCHEMAS", "")
HOSTILE = "\x00\x1b[31m]]><x a='\ud800￾\n\t"


def of_run(history, judgement) -> ET.Element:
    return ET.fromstring(junit.render(summarise(history, judgement)))


def of_suite() -> ET.Element:
    return ET.fromstring(suite.files(suite.report_of(sample.suite(), "published", sample.suite_runs()))["junit.xml"])


RUNS = [sample.passing, sample.failing, sample.unknown, sample.with_baseline, lambda: sample.failing(HOSTILE)]


@pytest.mark.parametrize("run", RUNS)
def test_a_run_fits_the_schema(run):
    SCHEMA.validate(of_run(*run()))


def test_a_run_that_was_cut_short_fits_the_schema():
    history, judgement = sample.passing()
    SCHEMA.validate(of_run(history, replace(judgement, verdict=Verdict.UNKNOWN, reason="it was interrupted")))


def test_a_suite_with_a_fail_an_unknown_and_one_that_was_not_run_fits_the_schema():
    root = of_suite()
    SCHEMA.validate(root)
    assert {name: root.get(name) for name in ("name", "tests", "failures", "errors")} == {
        "name": "go-live", "tests": "15", "failures": "2", "errors": "4",
    }  # fmt: skip
    assert len(list(root.iter("testcase"))) == 15
    assert len(list(root.iter("failure"))) == 2
    assert len(list(root.iter("error"))) == 4


def emptied(root: ET.Element) -> None:
    case = next(case for case in root.iter("testcase") if case.find("error") is not None)
    case.remove(case.find("error"))


def skipped(root: ET.Element) -> None:
    case = next(root.iter("testcase"))
    case.clear()
    ET.SubElement(case, "skipped", message="unknown")


def without_a_message(root: ET.Element) -> None:
    del next(root.iter("failure")).attrib["message"]


def with_a_zone(root: ET.Element) -> None:
    found = root.find("testsuite")
    found.set("timestamp", found.get("timestamp") + "Z")


def with_an_exponent(root: ET.Element) -> None:
    next(root.iter("testcase")).set("time", "1e-05")


def with_properties_last(root: ET.Element) -> None:
    found = root.find("testsuite")
    properties = found.find("properties")
    found.remove(properties)
    found.append(properties)


@pytest.mark.parametrize(
    "spoil", [emptied, skipped, without_a_message, with_a_zone, with_an_exponent, with_properties_last]
)
def test_the_schema_refuses_what_readers_would_misread(spoil):
    root = of_suite()
    spoil(root)
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        SCHEMA.validate(root)


def fits_theirs(root: ET.Element) -> tuple[bool, bool]:
    """Whether a report fits Jenkins' schema, and each of its suites, by itself as Maven has it, Surefire's."""
    jenkins, surefire = (
        xmlschema.XMLSchema(Path(THEIRS) / name) for name in ("junit-10.xsd", "surefire-test-report.xsd")
    )
    return jenkins.is_valid(root), all(map(surefire.is_valid, root))


@pytest.mark.skipif(not THEIRS, reason="HACHAOS_JUNIT_SCHEMAS names no folder with the schemas of CI systems")
def test_what_is_written_fits_the_schemas_of_ci_systems():
    for root in (of_suite(), *(of_run(*run()) for run in RUNS)):
        assert fits_theirs(root) == (True, True)
    spoilt = of_suite()
    del spoilt[0].attrib["tests"]
    assert fits_theirs(spoilt) == (False, False)


def shown(root: ET.Element) -> dict[str, Counter[str]]:
    """What a CI system shows: it looks at what is in each case, and takes one with nothing of a problem for passed."""
    return {
        one.get("name", ""): Counter(
            next((each.tag for each in case if each.tag in ("failure", "error", "skipped")), "passed")
            for case in one.iter("testcase")
        )
        for one in root.iter("testsuite")
    }


def test_a_ci_system_shows_an_unknown_and_what_was_not_run_as_errors_and_neither_as_passed():
    root = of_suite()
    view = shown(root)
    assert view == {
        "kill-master": {"passed": 8},
        "failing": {"passed": 1, "failure": 2, "error": 1},
        "unknown": {"error": 2},
        "stop-nfs": {"error": 1},
    }
    for one in root:
        seen = view[one.get("name")]
        counts = {name: int(one.get(name)) for name in ("tests", "failures", "errors", "skipped")}
        assert counts == {
            "tests": seen.total(), "failures": seen["failure"], "errors": seen["error"], "skipped": seen["skipped"],
        }  # fmt: skip
    assert {each.get("type") for each in root.iter("error")} == {"unknown"}


def test_a_case_without_its_error_would_be_shown_as_passed():
    root = of_suite()
    emptied(root)
    assert shown(root)["failing"]["passed"] == 2
