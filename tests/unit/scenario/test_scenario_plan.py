"""The plan: its bounds on time, its undo, its JSON."""

from __future__ import annotations

import json

from scenario_files import Write

from chaos.scenario import plan as limits
from chaos.scenario.load import load


def test_a_step_takes_no_longer_than_all_its_deadlines_together(write: Write, right: str) -> None:
    plan = load(write(right))
    before = limits.STEADY_TIMEOUT_S + limits.READING_S
    after = limits.EFFECT_TIMEOUT_S + 180 + 180 + 3 * limits.DRAIN_TIMEOUT_S + limits.READING_S
    assert plan.steps[0].longest_s == before + after
    assert plan.longest_s > plan.steps[0].longest_s + limits.PUT_BACK_TIMEOUT_S


def test_a_longer_wait_makes_a_longer_run(write: Write, right: str) -> None:
    short = load(write(right)).longest_s
    assert load(write(right.replace("3m", "4m"))).longest_s == short + 2 * 60


def test_the_json_holds_the_resolved_plan_and_every_undo_but_not_the_text(write: Write, right: str) -> None:
    plan = load(write(right))
    found = json.loads(json.dumps(plan.to_json()))
    assert set(found) == {
        *("name", "claim", "path", "workload", "baseline", "destructive", "needs", "abort", "steps", "longest_s")
    }
    assert found["workload"]["reads_per_s"] == 20
    (step,) = found["steps"]
    assert step["index"] == 0
    assert step["params"] == {"grace_s": 0}
    assert step["wait"] == {"condition": "database/ready", "timeout_s": 180}
    assert step["expect"] == {
        "reads": {"longest_outage_s": 30}, "writes": {"longest_outage_s": 60}, "clone": "resume"
    }  # fmt: skip
    assert step["undo"]
    assert step["longest_s"] == plan.steps[0].longest_s
