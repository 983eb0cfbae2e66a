"""junit.xml: the run for CI systems. One test suite for the scenario, one test case for each check of each step.

Its schema, docs/schemas/junit.xsd, is narrower than those of both common dialects, Jenkins' and Maven Surefire's.

A failed check is a `failure`. An unknown one is an `error` of type `unknown`: CI systems (Jenkins, GitLab, GitHub's
reporters) count an error as not passed and show it apart from a failure, whereas a skipped test leaves a job green.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from chaos.report import words
from chaos.report.json_ import versions
from chaos.report.summary import StepSummary, Summary
from chaos.verdict import CheckResult, Verdict, merge


def render(summary: Summary) -> str:
    """The text of junit.xml. Times are seconds; a case's time is its step's, since a check needs all of the step."""
    return whole(summary.run.scenario, [suite(summary)])


def whole(name: str, suites: Iterable[ET.Element]) -> str:
    """The text of a junit.xml with these test suites, and what they come to."""
    root = ET.Element("testsuites", name=words.legal(name))
    root.extend(suites)
    for total in ("tests", "failures", "errors"):
        root.set(total, str(sum(int(one.get(total, 0)) for one in root)))
    root.set("time", f"{sum(float(one.get('time', 0)) for one in root):.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def not_run(name: str, reason: str) -> ET.Element:
    """The test suite of a scenario that was not run: one case, an error of type `unknown`."""
    found = ET.Element("testsuite", name=words.legal(name), tests="1", failures="0", errors="1", skipped="0", time="0")
    _case(found, name, CheckResult("the run as a whole", Verdict.UNKNOWN, reason), None)
    return found


def suite(summary: Summary) -> ET.Element:
    """The test suite of one run."""
    run = summary.run
    found = ET.Element("testsuite")
    properties = ET.SubElement(found, "properties")
    facts = {"run": run.run, "claim": run.claim, "verdict": summary.judgement.verdict.value}
    facts["reason"] = summary.judgement.reason
    for name, value in (facts | {f"version.{name}": text for name, text in versions(summary).items()}).items():
        ET.SubElement(properties, "property", name=words.legal(name), value=words.legal(value))
    for step in summary.steps:
        for check in step.checks:
            _case(found, f"{run.scenario}.{words.step(step.step).replace(' · ', ' ', 1)}", check, step)
    if merge(step.verdict for step in summary.steps) != summary.judgement.verdict or not len(found.findall("testcase")):
        whole = CheckResult("the run as a whole", summary.judgement.verdict, summary.judgement.reason)
        _case(found, run.scenario, whole, None)
    for name, value in {
        "name": run.scenario,
        "tests": str(len(found.findall("testcase"))),
        "failures": str(len(found.findall("testcase/failure"))),
        "errors": str(len(found.findall("testcase/error"))),
        "skipped": "0",
        "time": f"{summary.duration_s:.3f}",
        "timestamp": words.stamp(run.started_at).removesuffix("Z"),
    }.items():
        found.set(name, words.legal(value))
    return found


def _case(suite: ET.Element, classname: str, check: CheckResult, step: StepSummary | None) -> None:
    time_s = step.step.end - step.step.begin if step else 0.0
    case = ET.SubElement(
        suite, "testcase", classname=words.legal(classname), name=words.legal(check.name), time=f"{time_s:.3f}"
    )
    if check.verdict is not Verdict.PASS:
        tag, kind = ("failure", "fail") if check.verdict is Verdict.FAIL else ("error", "unknown")
        problem = ET.SubElement(case, tag, type=kind, message=words.legal(check.reason))
        lines = [check.reason, *(f"outage of {o.kind} via {o.via}: {words.bounds(o)}" for o in check.outages)]
        if check.advice:
            lines.append(f"advice: {check.advice}")
        problem.text = words.legal("\n".join(lines))
    else:
        ET.SubElement(case, "system-out").text = words.legal(check.reason)
