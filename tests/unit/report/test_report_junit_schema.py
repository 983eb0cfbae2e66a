"""junit.xml fits its published schema, and the schema refuses what a CI system would show as passed."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import sample
import xmlschema

from chaos.report import junit, suite
from chaos.report.summary import summarise
from chaos.verdict import Verdict

SCHEMA = xmlschema.XMLSchema(Path(__file__).parents[3] / "docs/schemas/junit.xsd")
HOSTILE = "\x00\x1b[31m]]><x a='\ud800￾\n\t"


def of_run(history, judgement) -> ET.Element:
    return ET.fromstring(junit.render(summarise(history, judgement)))


def of_suite() -> ET.Element:
    return ET.fromstring(suite.files(suite.report_of(sample.suite(), "published", sample.suite_runs()))["junit.xml"])


@pytest.mark.parametrize(
    "run", [sample.passing, sample.failing, sample.unknown, sample.with_baseline, lambda: sample.failing(HOSTILE)]
)
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
