from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
import sample

from chaos.checks.judge import Judgement
from chaos.history import History
from chaos.report import junit
from chaos.report.summary import summarise
from chaos.verdict import Verdict


def suite(history, judgement) -> ET.Element:
    root = ET.fromstring(junit.render(summarise(history, judgement)))
    assert root.tag == "testsuites"
    (found,) = root
    return found


def test_each_check_of_each_step_is_one_case_of_one_suite():
    found = suite(*sample.passing())
    cases = found.findall("testcase")
    assert (found.get("name"), found.get("tests"), found.get("failures"), found.get("errors")) == (
        "kill-master",
        "8",
        "0",
        "0",
    )
    assert [case.get("name") for case in cases[:4]] == ["availability", "continuity", "replication", "clone"]
    assert cases[0].get("classname") == "kill-master.1 delete the master's pod"
    assert float(cases[0].get("time")) == pytest.approx(31.5)
    assert float(found.get("time")) == pytest.approx(68.0, abs=0.5)


def test_a_failed_check_is_a_failure_and_an_unknown_one_an_error_never_a_pass():
    found = suite(*sample.failing())
    results = {case.get("name"): [child.tag for child in case] for case in found.findall("testcase")}
    assert results == {
        "availability": ["system-out"], "continuity": ["failure"], "replication": ["error"], "clone": ["failure"],
    }  # fmt: skip
    assert (found.get("failures"), found.get("errors")) == ("2", "1")
    assert found.find("testcase/error").get("type") == "unknown"
    assert "advice: mysql-0 came back empty" in found.find("testcase/failure").text


def test_a_run_that_passes_in_every_step_but_was_cut_short_is_not_shown_as_passed():
    history, judgement = sample.passing()
    found = suite(history, replace(judgement, verdict=Verdict.UNKNOWN, reason="the run was interrupted"))
    assert found.get("errors") == "1"
    assert found.findall("testcase")[-1].find("error").get("message") == "the run was interrupted"


def test_a_run_without_steps_is_one_error():
    found = suite(History(sample.records()[:1]), Judgement(Verdict.UNKNOWN, (), "no step was begun"))
    assert (found.get("tests"), found.get("errors")) == ("1", "1")


@pytest.mark.parametrize("text", ["\x00\x1b[31m\x0b", "]]><x a='", "\ud800\udfff￾", "\N{SNOWMAN}\n\t"])
def test_any_text_makes_well_formed_xml(text):
    found = suite(*sample.failing(text))
    assert len(found.findall("testcase")) == 4


def test_properties_name_the_versions():
    found = suite(*sample.passing())
    names = {item.get("name"): item.get("value") for item in found.findall("properties/property")}
    assert names["version.kubernetes"] == "v1.35.0"
    assert names["verdict"] == "pass"
