"""`hachaos validate`, `plan` and `list`: what they print, their exit codes, and what they leave alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from scenario_files import Write

from chaos.cli import scenarios
from chaos.errors import ExitCode, InputError, UsageError
from chaos.scenario.load import load, load_any
from chaos.scenario.vocabulary import ACTIONS

ROOT = Path(__file__).resolve().parents[3]


def hachaos(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "chaos.cli.main", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_validate_says_ok_for_each_file_that_is_right(write: Write, right: str) -> None:
    path = write(right)
    result = CliRunner().invoke(scenarios.validate, [str(path), str(path)], catch_exceptions=False)
    assert result.output == "s.yaml: ok (kill-master, 1 step)\n" * 2


def test_validate_reads_all_files_and_raises_what_is_wrong_with_each(write: Write, right: str) -> None:
    path = write(right)
    Path("bad.yaml").write_text(right.replace("reads: 20/s", "reads: 20").replace("timeout: 3m", "timeout: 3"))
    result = CliRunner().invoke(scenarios.validate, ["bad.yaml", str(path), "missing.yaml"])
    assert result.stdout == "s.yaml: ok (kill-master, 1 step)\n"
    assert isinstance(result.exception, UsageError)
    places = [line.split(": ")[0] for line in str(result.exception).splitlines()]
    assert places == ["bad.yaml:4:19", "bad.yaml:10:42", "missing.yaml:1:1"]


def test_a_single_mistake_stays_an_error_with_its_place(write: Write, right: str) -> None:
    result = CliRunner().invoke(scenarios.validate, [str(write(right.replace("3m", "3")))])
    assert isinstance(result.exception, InputError)
    assert (result.exception.file, result.exception.line, result.exception.column) == ("s.yaml", 10, 42)


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_a_wrong_file_ends_every_command_with_4_and_lines_with_places(tmp_path: Path, right: str, command: str) -> None:
    (tmp_path / "s.yaml").write_text(right.replace("delete-pod", "delete-pods").replace("3m", "3"))
    done = hachaos(command, "s.yaml", cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "hachaos: s.yaml:7:13: action: no action 'delete-pods'; did you mean 'delete-pod'? "
        f"(valid: {', '.join(ACTIONS)})",
        "hachaos: s.yaml:10:42: timeout: 3 has no unit; write 3s or 3m",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]


def test_plan_says_what_is_done_to_what_within_which_limits_for_how_long_and_how_it_is_undone(
    write: Write, right: str
) -> None:
    plan = load(write(right))
    found = CliRunner().invoke(scenarios.plan, ["s.yaml"], catch_exceptions=False).output
    for words in (
        "kill-master: a failed master comes back by itself with its data",
        "20/s through the Service, 1/s of each pod",
        "10/s rows by SQL, 1/s posts",
        "2s for each request",
        "1. delete the master's pod",
        "delete-pod database/primary grace 0s",
        "for database/ready, 3m at most",
        "reads out for 30s at most; writes out for 1m at most; clone: resume",
        f"undo    {plan.steps[0].undo}",
        "12m at most",
        "25m30s at most once the stack is up",
        "nothing was touched",
    ):
        assert words in found
    assert max(map(len, found.splitlines())) <= 120


def test_plan_shows_everything_else_that_a_scenario_can_say(write: Write) -> None:
    write(
        "apiVersion: hachaos/v1\nname: x\nclaim: c\nbaseline: record\ndestructive: true\nneeds: {nodes: 3, site: 2}\n"
        "workload: {uploads: 0.2/s, file_reads: 0.5/s}\nsteps:\n"
        "  - {name: a, action: kill-process, target: database, parameters: {signal: TERM, container: db, ordinal: 1}}\n"
        "  - name: b\n    action: delete-volume\n    target: database/replica\n    parameters: {interrupt: primary}\n"
        "    expect: {uploads: {longest_outage: 5m, may_stay_out: true}, writes: {may_stay_out: true}}\n"
        "  - {name: c, action: pause, parameters: {for: 90s}}\n"
    )
    found = CliRunner().invoke(scenarios.plan, ["s.yaml"], catch_exceptions=False).output
    for words in (
        "uploads   12/m by WordPress",
        "files     30/m of each pod, a static file and the seed picture",
        "needs     3 nodes, 1 ready pod of database, 2 ready pods of site, 1 ready pod of files, or the run is refused",
        "baseline  what is not well before the first fault is written down, and the run goes on",
        "destroys  data that nothing brings back",
        "kill-process database signal TERM container db ordinal 1",
        "delete-volume database/replica interrupt primary",
        "limits  writes may stay out; uploads out for 5m at most, may stay out",
        "pause stack for 1m30s",
        "waits   for stack/ready",
    ):
        assert words in found


def test_plan_says_when_a_run_stops_itself(write: Write, right: str) -> None:
    write(
        right + "abort:\n  wall_time: 15m\n  error_budget: {writes: 2m}\n  http: {url: 'https://example.org/health'}\n"
        "  prometheus: {url: 'http://p:9090', query: up, below: 1, for: 30s}\n"
    )
    found = CliRunner().invoke(scenarios.plan, ["s.yaml"], catch_exceptions=False).output.splitlines()
    assert [line.removeprefix("aborts    when ") for line in found if line.startswith("aborts")] == [
        "the run takes longer than 15m",
        "writes were out for more than 2m in all",
        "https://example.org/health, asked every 15s, fails 3 times in a row",
        "up at http://p:9090 is below 1 for 30s",
    ]


def test_plan_says_when_a_step_has_no_limits(write: Write, right: str) -> None:
    write(right.split("    expect:", maxsplit=1)[0])
    found = CliRunner().invoke(scenarios.plan, ["s.yaml"], catch_exceptions=False).output
    assert "limits  none set: outages are only reported" in found


def test_plan_json_is_the_plans(write: Write, right: str) -> None:
    plan = load(write(right))
    found = CliRunner().invoke(scenarios.plan, ["s.yaml", "--json"], catch_exceptions=False).output
    assert json.loads(found) == json.loads(json.dumps(plan.to_json()))


def test_list_names_every_bundled_scenario_with_its_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = CliRunner().invoke(scenarios.list_, [], catch_exceptions=False).output
    for path in (ROOT / "scenarios").glob("*.yaml"):
        known = load_any(path)
        assert f"{known.name} " in found
        assert known.claim in found
        assert f"scenarios/{path.name}" in found


@pytest.mark.parametrize("arguments", [["validate", "s.yaml"], ["plan", "s.yaml"], ["list"]])
def test_the_commands_import_nothing_that_is_slow_or_could_reach_a_cluster(
    tmp_path: Path, right: str, arguments: list[str]
) -> None:
    (tmp_path / "s.yaml").write_text(right)
    slow = ("kubernetes", "requests", "rich", "pymysql", "pydantic", "cryptography", "urllib3", "ssl", "asyncio")
    slow = (*slow, "msgspec")
    code = (
        "import sys\n"
        "from chaos.cli.main import _run\n"
        f"code = _run({arguments!r})\n"
        f"print(code, [name for name in {slow!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "0 []"
