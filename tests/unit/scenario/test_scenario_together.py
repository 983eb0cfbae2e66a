"""Parts of a scenario that do not go together are told with their place; what does go together is in the plan."""

from __future__ import annotations

import pytest
from scenario_files import Write

from chaos.errors import UsageError
from chaos.history import Limits
from chaos.scenario.load import load
from chaos.scenario.plan import Needs, Wait

HEAD = "apiVersion: hachaos/v1\nname: x\nclaim: c\n"
STOP = "- {name: stop, action: stop-service, target: files}"
START = "- {name: start, action: start-service, target: files}"
NOOP = "- {name: nothing, action: noop}"


def scenario(*steps: str, head: str = "") -> str:
    return HEAD + head + "steps:\n" + "\n".join(steps) + "\n"


def complaint(write: Write, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(write(text))
    return str(caught.value)


def step(action: str, target: str, rest: str = "") -> str:
    return f"- {{name: s, action: {action}, target: {target}{rest}}}"


# What goes together


def test_everything_that_a_scenario_may_say_is_in_its_plan(write: Write) -> None:
    plan = load(
        write(
            scenario(
                "- name: stop",
                "  action: stop-service",
                "  target: files",
                "  expect: {uploads: {longest_outage: 5m, may_stay_out: true}, reads: {may_stay_out: false}}",
                START,
                head="baseline: record\nneeds: {nodes: 3, site: 2}\nworkload: {uploads: 0.2/s, file_reads: 30/m}\n",
            )
        )
    )
    assert (plan.baseline, plan.needs) == ("record", Needs(nodes=3, site=2))
    assert (plan.workload.uploads_per_s, plan.workload.file_reads_per_s) == (0.2, 0.5)
    limits = Limits.from_json(plan.steps[0].expect)
    assert limits.uploads_longest_outage_s == 300
    assert limits.may_stay_out == {"uploads"}


@pytest.mark.parametrize("kind", ["reads", "writes", "uploads"])
def test_each_kind_may_stay_out_until_a_later_step(write: Write, kind: str) -> None:
    first = step("scale", "database", f", parameters: {{replicas: 1}}, expect: {{{kind}: {{may_stay_out: true}}}}")
    plan = load(write(scenario(first, NOOP, head="workload: {uploads: 0.2/s}\n")))
    assert Limits.from_json(plan.steps[0].expect).may_stay_out == {kind}


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("kill-process, target: site, parameters: {signal: SEGV, container: php-fpm}", {"signal": "SEGV"}),
        ("kill-process, target: database, parameters: {ordinal: 2}", {"ordinal": 2}),
        ("delete-pod, target: files, parameters: {ordinal: 0, grace: 1m}", {"ordinal": 0, "grace_s": 60}),
        ("delete-pod, target: site, parameters: {count: 3}", {"count": 3}),
        ("pause, parameters: {for: 1m}", {"for_s": 60}),
    ],
)
def test_every_kind_of_parameter_is_read(write: Write, text: str, params: dict[str, object]) -> None:
    (found,) = load(write(scenario(f"- {{name: s, action: {text}}}"))).steps
    assert params.items() <= found.params.items()


@pytest.mark.parametrize("text", ["noop", "pause, parameters: {for: 1s}", "noop, target: stack"])
def test_what_breaks_nothing_aims_at_the_stack_and_waits_for_all_of_it(write: Write, text: str) -> None:
    (found,) = load(write(scenario(f"- {{name: s, action: {text}}}"))).steps
    assert (found.target, found.wait) == ("stack", Wait("stack/ready", 300))


def test_a_longer_pause_makes_a_longer_step(write: Write) -> None:
    one, two = (
        load(write(scenario(f"- {{name: s, action: pause, parameters: {{for: {time}}}}}"))).steps[0].longest_s
        for time in ("1m", "2m")
    )
    assert two == one + 60


def test_a_destructive_scenario_says_so(write: Write) -> None:
    text = scenario(step("delete-volume", "database/replica", ", parameters: {count: 2}"), head="destructive: true\n")
    assert load(write(text)).destructive


def test_slow_is_limited_by_percentiles_of_each_kind(write: Write) -> None:
    limits = "expect: {reads: {p50: 300ms, p95: 2s}, writes: {p99: 1500ms, longest_outage: 30s}}"
    (found,) = load(write(scenario(f"- {{name: s, action: noop, {limits}}}"))).steps
    assert Limits.from_json(found.expect).slowest == (("reads", 50, 0.3), ("reads", 95, 2.0), ("writes", 99, 1.5))


def test_reads_may_share_connections(write: Write) -> None:
    assert load(write(scenario(NOOP))).workload.connections == "new"
    assert load(write(scenario(NOOP, head="workload: {connections: kept}\n"))).workload.connections == "kept"


def test_a_service_may_be_stopped_and_started_again_and_again(write: Write) -> None:
    again = [line.replace("name: s", "name: again s") for line in (STOP, START)]
    assert len(load(write(scenario(STOP, NOOP, START, *again))).steps) == 4 + 1


def test_a_step_that_takes_pods_away_may_be_announced_as_destructive_since_the_stack_may_delete_volumes(
    write: Write,
) -> None:
    scale = step("scale", "database", ", parameters: {replicas: 1}")
    assert load(write(scenario(scale, head="destructive: true\n"))).destructive
    assert not load(write(scenario(scale))).destructive
    assert load(write(scenario(STOP, START, head="destructive: true\n"))).destructive


# What does not


DESTRUCTIVE = "destructive: true\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (scenario(step("^delete-volume", "database")), "action: delete-volume takes data that nothing brings back; wr"),
        (
            scenario(step("^delete-volume", "database"), head="destructive: false\n"),
            "action: delete-volume takes data that nothing brings back; write destructive: true at the top if it is",
        ),
        (
            scenario(NOOP, head="destructive: ^true\n"),
            "destructive: no step takes what nothing brings back (delete-volume does); remove it",
        ),
        (scenario(step("^start-service", "files")), "action: start-service has nothing to start; put a stop-service b"),
        (
            scenario(step("^start-service", "files"), STOP),
            "action: start-service has nothing to start; put a stop-service before it",
        ),
        (
            scenario(STOP, step("^stop-service", "files")),
            "action: stop-service has nothing left to stop; put a start-service before it",
        ),
        (
            scenario(
                NOOP, step("scale", "site", ", parameters: {replicas: 0}, expect: {reads: {may_stay_out: ^true}}")
            ),
            "may_stay_out: after the last step nobody would judge whether reads come back; remove it, or add a step",
        ),
        (
            scenario("- {name: s, action: noop, expect: {reads: {p95: ^3s}}}"),
            "p95: no request may take longer than the workload's deadline; write 2s at most",
        ),
        (
            scenario("- {name: s, action: noop, expect: {writes: {p50: ^2s}}}", head="workload: {deadline: 500ms}\n"),
            "p50: no request may take longer than the workload's deadline; write 500ms at most",
        ),
        (
            scenario("- {name: s, action: noop, expect: {reads: {p50: ^2s, p99: 1500ms}}}"),
            "p50: it is never above p99, which is limited to 1s500ms; write 1s500ms at most",
        ),
        (
            scenario(step("kill-process", "database", ", expect: {clone: ^resume}")),
            "clone: kill-process replaces no pod, so that none can resume or clone; remove it",
        ),
        (
            scenario("- {name: s, action: noop, expect: {clone: ^resume}}"),
            "clone: noop replaces no pod, so that none can resume or clone; remove it",
        ),
        (
            scenario(step("scale", "site", ", parameters: {replicas: 1}, expect: {clone: ^resume}")),
            "clone: only a database pod can resume or clone, and the target is site; remove it",
        ),
        (
            scenario(step("delete-pod", "site", ", parameters: {ordinal: ^1}")),
            "ordinal: pods of site have no numbers; leave it out, the first of them is taken",
        ),
        (
            scenario(step("delete-pod", "database", ", parameters: {ordinal: 1, count: ^2}")),
            "count: `ordinal` names one pod; remove one of the two",
        ),
        (
            scenario(
                step("delete-volume", "database", ", parameters: {count: ^2, interrupt: itself}"), head=DESTRUCTIVE
            ),
            "count: `interrupt` catches one clone; remove one of the two",
        ),
        (
            scenario(
                step("delete-volume", "database/primary", ", parameters: {interrupt: ^primary}"), head=DESTRUCTIVE
            ),
            "interrupt: the primary is the one that is filled; write itself, or another target",
        ),
        (
            scenario(step("delete-pod", "site", ", expect: {uploads: ^{longest_outage: 5m}}")),
            "uploads: the workload has neither uploads nor file_reads; add one, like uploads: 0.2/s",
        ),
        (
            scenario("- ^{name: s, action: pause}"),
            "'parameters' is missing; pause needs parameters: for (for how long)",
        ),
        (
            scenario("- {name: s, action: pause, parameters: {for: ^0s}}"),
            "for: '0s' is out of bounds; write 1s to 1h",
        ),
        (
            scenario(step("kill-process", "site", ", parameters: {signal: ^KIL}")),
            "signal: no signal 'KIL'; did you mean 'KILL'? (valid: KILL, TERM, ABRT, SEGV)",
        ),
        (
            scenario(step("kill-process", "site", ", parameters: {container: ^a b}")),
            "container: 'a b' is not a name; write lower-case letters, digits and dashes, 63 at most",
        ),
        (
            scenario(step("stop-service", "files", ", parameters: {^grace: 1s}"), START),
            "unknown key 'grace'; stop-service has no parameters",
        ),
        (
            scenario("- ^{name: s, action: stop-service}", START),
            "'target' is missing; needed are name, action, target",
        ),
        (scenario("- {name: s, action: noop, target: ^site}"), "target: no target of noop 'site'; valid: stack"),
        (
            scenario(step("^delete-volum", "database"), head=DESTRUCTIVE),
            "action: no action 'delete-volum'; did you mean 'delete-volume'?",
        ),
    ],
)
def test_what_does_not_go_together_is_one_line_with_its_place(write: Write, text: str, message: str) -> None:
    before, after = text.split("^")
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    found = complaint(write, before + after)
    assert found.startswith(f"s.yaml:{line}:{column}: {message}")
    assert "\n" not in found
