"""metrics.prom is valid OpenMetrics, says what was measured and never a zero for what nobody could count."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
import sample
from hypothesis import given
from hypothesis import strategies as st

from chaos.report import openmetrics, suite
from chaos.report.summary import Summary, summarise

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
_LABEL = rf'({_NAME})="((?:[^"\\\n]|\\["\\n])*)"'
_SAMPLE = re.compile(rf"({_NAME})\{{({_LABEL}(?:,{_LABEL})*)\}} (\+Inf|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)")
_META = re.compile(rf"# (TYPE|UNIT|HELP) ({_NAME}) (.+)")


def parsed(text: str) -> Samples:
    """The samples, after every rule of OpenMetrics 1.0 that text of gauges can break was looked at."""
    assert text.endswith("\n# EOF\n")
    text.encode()
    samples: Samples = {}
    families: list[str] = []
    metadata: list[str] = []
    for line in text.removesuffix("# EOF\n").split("\n")[:-1]:
        if meta := _META.fullmatch(line):
            what, name, value = meta.groups()
            if what == "TYPE":
                assert name not in families, "a family stands together"
                assert value == "gauge"
                families.append(name)
                metadata = []
            assert name == families[-1]
            assert what not in metadata
            assert what != "UNIT" or name.endswith(f"_{value}")
            metadata.append(what)
            continue
        found = _SAMPLE.fullmatch(line)
        assert found, line
        assert found[1] == families[-1]
        labels = re.findall(_LABEL, found[2])
        assert len(dict(labels)) == len(labels), "no label comes twice"
        key = (found[1], frozenset(labels))
        assert key not in samples, f"comes twice: {line}"
        samples[key] = float(found[7])
    return samples


def of(summary: Summary | None, scenario: str = "kill-master") -> Samples:
    return parsed(openmetrics.render([(scenario, "hardened", summary)]))


def values(samples: Samples, wanted: str, /, **labels: str) -> list[float]:
    return [value for (family, has), value in samples.items() if family == wanted and labels.items() <= set(has)]


RUNS = {"passing": sample.passing, "failing": sample.failing, "unknown": sample.unknown, "more": sample.with_baseline}


@pytest.mark.parametrize("run", RUNS)
def test_every_run_makes_valid_text(run):
    assert of(summarise(*RUNS[run]()))


def test_exactly_one_verdict_is_1_and_unknown_is_no_pass():
    found = of(summarise(*sample.unknown()))
    assert values(found, "hachaos_verdict", verdict="unknown") == [1.0]
    assert values(found, "hachaos_verdict", verdict="pass") == [0.0]
    assert values(found, "hachaos_verdict", verdict="fail") == [0.0]


def test_a_step_tells_both_bounds_losses_and_its_recovery():
    found = of(summarise(*sample.failing()))
    assert values(found, "hachaos_longest_outage_seconds", kind="reads", bound="no_shorter_than") == [6.815]
    assert values(found, "hachaos_longest_outage_seconds", kind="reads", bound="no_longer_than") == [7.065]
    assert values(found, "hachaos_lost_writes", step="1", name="delete the master's pod") == [57.0]
    assert values(found, "hachaos_recovery_seconds", part="recovered") == [7.025]


def test_what_was_not_seen_has_no_sample_and_an_open_outage_no_end():
    found = of(summarise(*sample.unknown()))
    assert values(found, "hachaos_lost_writes") == []
    assert values(found, "hachaos_recovery_seconds", part="recovered") == []
    assert values(found, "hachaos_longest_outage_seconds", kind="writes", bound="no_longer_than") == [float("inf")]
    assert values(found, "hachaos_longest_outage_seconds", kind="uploads") == []


def test_a_step_without_an_outage_is_zero():
    found = of(summarise(*sample.passing()))
    assert values(found, "hachaos_longest_outage_seconds", step="2", kind="reads") == [0.0, 0.0]


def test_a_suite_is_one_text_and_what_was_not_run_is_unknown():
    report = suite.report_of(sample.suite(), "here/published", sample.suite_runs())
    found = parsed(suite.files(report)["metrics.prom"])
    assert values(found, "hachaos_verdict", scenario="stop-nfs", stack="published", verdict="unknown") == [1.0]
    assert values(found, "hachaos_verdict", scenario="failing", verdict="fail") == [1.0]


def test_a_scenario_that_a_suite_has_twice_is_told_apart():
    one = summarise(*sample.passing())
    found = parsed(openmetrics.render([("a", "s", one), ("a", "s", one)]))
    assert values(found, "hachaos_verdict", verdict="pass") == [1.0, 1.0]
    assert values(found, "hachaos_verdict", verdict="pass", run="2") == [1.0]


def test_no_run_at_all_is_valid_text():
    assert openmetrics.render([]) == "# EOF\n"


@given(st.text(), st.lists(st.sampled_from('"\\\n\r{},= #')))
def test_any_name_makes_valid_text(text: str, more: Iterable[str]):
    assert of(None, text + "".join(more))
