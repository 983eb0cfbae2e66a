"""The files in ci/: they are what their systems take, and do what docs/nightly.md says of them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import chaos
from chaos.cli.history import history as history_command
from chaos.cli.recover import recover as recover_command
from chaos.cli.run import run as run_command
from chaos.errors import ExitCode
from chaos.scenario.load import load_any
from chaos.scenario.plan import PUT_BACK_TIMEOUT_S, Plan

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "ci"
GITHUB = CI / "github/hachaos-nightly.yml"
GITLAB = CI / "gitlab/hachaos-nightly.gitlab-ci.yml"
SERVICE = CI / "systemd/hachaos-nightly.service"
TIMER = CI / "systemd/hachaos-nightly.timer"

YAML = [path for folder in (CI, ROOT / "manifests/nightly") for path in sorted(folder.rglob("*.y*ml"))]
WORDS = {int(code): code.name.lower().replace("_", "-") for code in ExitCode} | {137: "killed"}

JUNIT = """<testsuites><testsuite name="kill-master">
<testcase classname="kill-master.1 delete, then wait" name="effect"/>
<testcase classname="kill-master.1 delete, then wait" name="availability">
<failure message="rows were out&#10;100% of the time"/></testcase>
<testcase classname="kill-master.1 delete, then wait" name="continuity">
<error type="unknown" message="nobody could count"/></testcase>
</testsuite></testsuites>"""


def said(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False, **more)


def tool(name: str) -> Path:
    return Path(sys.executable).parent / name


def job() -> dict[str, Any]:
    return dict(yaml.safe_load(GITHUB.read_text())["jobs"]["kill-master"])


def step(name: str) -> dict[str, Any]:
    (found,) = [each for each in job()["steps"] if each["name"] == name]
    return dict(found)


def gitlab_job() -> dict[str, Any]:
    return dict(yaml.safe_load(GITLAB.read_text())["hachaos-nightly"])


def unit(path: Path = SERVICE) -> dict[str, list[str]]:
    """A unit's settings, whatever their section, each with its values."""
    settings: dict[str, list[str]] = {}
    for line in path.read_text().replace("\\\n", " ").splitlines():
        if line[:1].isalpha():
            key, _, value = line.partition("=")
            settings.setdefault(key, []).append(value)
    return settings


def minutes(text: str) -> int:
    return int(text.removesuffix("min").removesuffix("m"))


def commands(text: str) -> list[list[str]]:
    """The arguments of each hachaos in a script."""
    joined = re.sub(r"\\?\n\s+--", " --", text)
    found = [re.search(r"hachaos ((?:run|recover|history) .*)", line) for line in joined.splitlines()]
    return [shlex.split(each[1].split("||")[0]) for each in found if each]


def in_order(command: list[str]) -> int:
    return ("run", "recover", "history").index(command[0])


def scripts() -> dict[str, list[list[str]]]:
    names = "Run the scenario", "Put back what a run that was killed has left", "Hold it against the nights before"
    github = [step(name)["run"] for name in names]
    service = unit()
    return {
        "github": commands("\n".join(github)),
        "gitlab": sorted(commands("\n".join([*gitlab_job()["script"], *gitlab_job()["after_script"]])), key=in_order),
        "systemd": commands("\n".join([*service["ExecStart"], *service["ExecStopPost"]])),
    }


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_the_yaml_is_clean(path: Path) -> None:
    done = said(tool("yamllint"), "--strict", "-c", CI / ".yamllint", path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        (GITHUB, "vendor.github-workflows"),
        (GITHUB, "custom.github-workflows-require-timeout"),
        (GITLAB, "vendor.gitlab-ci"),
    ],
)
def test_it_has_the_form_that_its_system_takes(path: Path, schema: str, tmp_path: Path) -> None:
    done = said(tool("check-jsonschema"), "--builtin-schema", schema, path)
    assert done.returncode == 0, done.stdout
    # The check fires: a key that is misspelt is refused.
    spoilt = tmp_path / path.name
    wrong = {"timeout-minutes:": "timeout-minute:", "    when: always": "    when: now and then"}
    text = path.read_text()
    for right, misspelt in wrong.items():
        text = text.replace(right, misspelt)
    spoilt.write_text(text)
    assert said(tool("check-jsonschema"), "--builtin-schema", schema, spoilt).returncode != 0


@pytest.mark.skipif(not tool("actionlint").exists(), reason="actionlint is not there: tests/needs.sh builds it with Go")
def test_actionlint_has_nothing_to_say(tmp_path: Path) -> None:
    done = said(tool("actionlint"), "-color=false", GITHUB)
    assert done.returncode == 0, done.stdout
    spoilt = tmp_path / GITHUB.name
    spoilt.write_text(GITHUB.read_text().replace("always()", "allways()"))
    assert said(tool("actionlint"), "-color=false", spoilt).returncode != 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_takes_the_units_and_finds_them_confined(tmp_path: Path) -> None:
    here = [tmp_path / SERVICE.name, tmp_path / TIMER.name]
    here[0].write_text(SERVICE.read_text().replace("/opt/hachaos/hachaos", str(ROOT / "hachaos")))
    here[1].write_text(TIMER.read_text())
    done = said("systemd-analyze", "verify", *here)
    assert (done.returncode, done.stderr) == (0, "")
    # From 0 (confined) to 100; a service that says nothing of it has 96.
    done = said("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", here[0])
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    (calendar,) = unit(TIMER)["OnCalendar"]
    assert said("systemd-analyze", "calendar", calendar).returncode == 0
    here[0].write_text(here[0].read_text().replace("Type=oneshot", "Type=onceshot"))
    assert said("systemd-analyze", "verify", here[0]).stderr


@pytest.mark.parametrize("system", ["github", "gitlab", "systemd"])
def test_each_runs_and_then_recovers_with_options_that_the_tool_takes(system: str) -> None:
    (run, *options), (recover, *others) = scripts()[system][:2]
    assert (run, recover) == ("run", "recover")
    assert run_command.make_context("run", list(options)).params["yes"] is True
    assert recover_command.make_context("recover", list(others)).params["dry_run"] is False
    assert named(options) == named(others), "what is recovered is what was run"


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_each_holds_the_night_against_those_before_which_it_has_kept(system: str) -> None:
    history, *options = scripts()[system][2]
    given = history_command.make_context(history, list(options)).params
    assert (given["every"], given["fail_on"], given["scenarios"]) == (24 * 3600, ("missing", "regression"), ())
    paths = ["reports/**/report.json", "reports/**/not-run.json"]
    if system == "gitlab":
        assert gitlab_job()["cache"] == {"key": "hachaos-staging", "paths": paths, "when": "always"}
        return
    names = [each["name"] for each in job()["steps"]]
    fetch, save = step("Fetch the reports of the nights before"), step("Save the reports for the nights after")
    last = step("Hold it against the nights before")
    assert fetch["with"]["path"].split() == paths
    assert {**save["with"], "restore-keys": "hachaos-staging-"} == fetch["with"]
    # A key is saved once: each run, tried again or not, has one of its own.
    assert fetch["with"]["key"] == "hachaos-staging-${{ github.run_id }}-${{ github.run_attempt }}"
    assert save["if"] == last["if"] == "always() && steps.run.outcome != 'skipped'"
    assert names.index(fetch["name"]) < names.index("Run the scenario")
    assert names.index("Put back what a run that was killed has left") < names.index(save["name"])
    assert names[-1] == last["name"]


@pytest.mark.parametrize(("code", "worse", "ends"), [(0, 0, 0), (0, 1, 1), (2, 1, 2), (5, 0, 5)])
def test_a_night_that_passes_but_is_worse_than_those_before_fails_the_job_of_gitlab(
    code: int, worse: int, ends: int, tmp_path: Path
) -> None:
    done, verdict = acted_out("gitlab", f"exit {code}", tmp_path, history=worse)
    assert (done.returncode, verdict) == (ends, WORDS[code])


def named(options: list[str]) -> dict[str, str]:
    return {key: options[options.index(key) + 1] for key in ("--context", "--stack", "--reports")}


@pytest.mark.parametrize("code", [*ExitCode, 137])
@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_each_exit_code_has_its_word_and_is_handed_on(system: str, code: int, tmp_path: Path) -> None:
    done, verdict = acted_out(system, f"exit {code}", tmp_path)
    assert done.returncode == code
    assert verdict == WORDS[code]
    assert ("hachaos: pass" in done.stdout or not done.stdout) if code == 0 else WORDS[code] in done.stdout


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_a_run_whose_time_is_up_is_asked_to_stop_and_may_put_back(system: str, tmp_path: Path) -> None:
    fake = 'trap "touch put-back; exit 130" TERM; for _ in $(seq 300); do sleep 0.1; done'
    done, verdict = acted_out(system, fake, tmp_path, time="1s")
    assert (done.returncode, verdict) == (130, "interrupted")
    assert (tmp_path / "put-back").exists()


def acted_out(
    system: str, fake: str, folder: Path, time: str = "60m", history: int = 0
) -> tuple[subprocess.CompletedProcess[str], str]:
    """The script of the step that runs hachaos, with a hachaos that does as `fake` says, and `history` ends with."""
    for path in (folder / ".hachaos/hachaos", folder / "bin/hachaos"):
        path.parent.mkdir()
        path.write_text(f"#!/bin/bash\n[ $1 = run ] || exit {history}\n{fake}\n")
        path.chmod(0o755)
    text = step("Run the scenario")["run"] if system == "github" else "\n".join(gitlab_job()["script"])
    assert text.count(" 60m ") == 1
    wanted = {"CONTEXT": "c", "SCENARIO": "s", "STACK": "t", "GITHUB_OUTPUT": str(folder / "output")}
    environment = wanted | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    done = said("bash", "-eo", "pipefail", "-c", text.replace(" 60m ", f" {time} "), cwd=folder, env=environment)
    told = folder / ("output" if system == "github" else "hachaos.env")
    return done, told.read_text().strip().partition("=")[2]


@pytest.mark.parametrize("code", [*ExitCode, 137])
def test_the_service_says_each_exit_code_in_the_journal(code: int) -> None:
    told = unit()["ExecStopPost"][0]
    program, flag, script = shlex.split(told.replace("$$", "$"))
    result = {0: "success", 137: "signal"}.get(code, "exit-code")
    environment = {"SERVICE_RESULT": result, "EXIT_STATUS": "KILL" if code == 137 else str(code)}
    done = said(program, flag, script, env=environment)
    assert done.returncode == 0
    assert done.stdout.startswith(f"<3>hachaos: {WORDS[code]}") if code else not done.stdout


def test_there_is_time_for_the_run_to_put_back_and_to_recover() -> None:
    plan = load_any(ROOT / "scenarios/kill-master.yaml")
    assert isinstance(plan, Plan)
    recover = step("Put back what a run that was killed has left")["timeout-minutes"]
    whole = {"github": (job()["timeout-minutes"], recover)}
    lab = gitlab_job()
    whole["gitlab"] = (minutes(lab["timeout"]), minutes(lab["variables"]["RUNNER_AFTER_SCRIPT_TIMEOUT"]))
    for system, text in (("github", step("Run the scenario")["run"]), ("gitlab", lab["script"][0])):
        (grace, run), (all_of_it, after) = re.findall(r"--kill-after=(\d+)m (\d+)m ", text)[0], whole[system]
        assert int(run) * 60 > plan.longest_s
        assert int(grace) * 60 > PUT_BACK_TIMEOUT_S
        assert after * 60 > PUT_BACK_TIMEOUT_S
        assert all_of_it > int(run) + int(grace) + after
    assert minutes(lab["variables"]["RUNNER_SCRIPT_TIMEOUT"]) > 60 + 15
    assert minutes(unit()["TimeoutStartSec"][0]) * 60 > plan.longest_s
    assert minutes(unit()["TimeoutStopSec"][0]) * 60 > PUT_BACK_TIMEOUT_S


def test_all_that_is_fetched_is_pinned() -> None:
    uses = [each["uses"] for each in job()["steps"] if "uses" in each]
    assert uses
    for each in uses:
        assert re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40}", each)
    assert step("Fetch hachaos")["with"]["ref"] == f"v{chaos.__version__}"
    assert gitlab_job()["image"]["name"].endswith(f":{chaos.__version__}")
    assert all(f"/v{chaos.__version__}/" in each for path in (SERVICE, TIMER) for each in unit(path)["Documentation"])
    assert job()["runs-on"] == "ubuntu-24.04", "not whatever is latest"


def test_no_secret_is_an_argument() -> None:
    for each in job()["steps"]:
        assert "secrets." not in str(each.get("run", "")), "a script's text is written to a file, and printed"
    holders = [each for each in job()["steps"] if "secrets." in str(each)]
    assert [each["name"] for each in holders] == ["Write the kubeconfig", "Run the scenario"]
    told = holders[1]["env"]
    assert told.pop("KUBECONFIG").startswith("${{ runner.temp }}")
    assert told == {
        "HACHAOS_WEBHOOK": "${{ secrets.HACHAOS_WEBHOOK }}",
        "HACHAOS_WEBHOOK_FORMAT": "${{ vars.HACHAOS_WEBHOOK_FORMAT }}",
    }
    # printf is the shell's own: it makes no process whose arguments others could read.
    assert "umask 077" in holders[0]["run"]
    assert "KUBECONFIG" not in " ".join(word for each in scripts().values() for line in each for word in line)
    assert unit()["LoadCredential"]
    assert unit()["EnvironmentFile"] == ["-/etc/hachaos/webhook.env"]
    assert unit()["Environment"][0] == "KUBECONFIG=%d/kubeconfig"


def test_no_more_is_allowed_than_is_needed() -> None:
    whole = yaml.safe_load(GITHUB.read_text())
    assert whole["permissions"] == {}
    assert job()["permissions"] == {"contents": "read"}
    assert all(
        each["with"]["persist-credentials"] is False for each in job()["steps"] if "checkout" in each.get("uses", "")
    )
    names = [each["name"] for each in job()["steps"]]
    assert names.index("Install hachaos") < names.index("Write the kubeconfig")
    assert unit()["CapabilityBoundingSet"] == [""]
    assert unit()["NoNewPrivileges"] == ["yes"]


def test_one_run_at_a_time_and_none_is_cut_off_or_tried_again() -> None:
    whole, lab = yaml.safe_load(GITHUB.read_text()), gitlab_job()
    assert whole["concurrency"] == {"group": "hachaos-staging", "cancel-in-progress": False}
    assert (lab["resource_group"], lab["interruptible"], lab["retry"]) == ("hachaos-staging", False, 0)
    assert lab["allow_failure"] is False
    assert "Restart" not in unit()
    assert unit(TIMER)["Persistent"] == ["false"]


def test_reports_are_kept_whatever_came_of_the_run() -> None:
    assert step("Keep the reports")["if"] == "always()"
    assert step("Keep the reports")["with"]["path"] == "reports"
    kept = gitlab_job()["artifacts"]
    assert (kept["when"], kept["paths"], kept["reports"]["junit"]) == ("always", ["reports/"], "reports/*/junit.xml")
    for run, *_ in scripts().values():
        assert named(run)["--reports"].removeprefix("/var/lib/hachaos/") == "reports"


def test_what_is_no_pass_in_junit_is_annotated_and_an_unknown_is_told_from_a_failure(tmp_path: Path) -> None:
    folder = tmp_path / "reports/20261128T030000Z-kill-master"
    folder.mkdir(parents=True)
    (folder / "junit.xml").write_text(JUNIT)
    done = said(sys.executable, "-c", step("Annotate from junit.xml")["run"], cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "::error title=fail%3A kill-master.1 delete%2C then wait%2C availability::rows were out%0A100%25 of the time",
        "::error title=unknown%3A kill-master.1 delete%2C then wait%2C continuity::nobody could count",
    ]
    (folder / "junit.xml").unlink()
    none = said(sys.executable, "-c", step("Annotate from junit.xml")["run"], cwd=tmp_path)
    assert (none.returncode, none.stdout) == (0, "")


def test_the_page_tells_the_words() -> None:
    rows = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", (ROOT / "docs/nightly.md").read_text(), re.MULTILINE)
    assert {int(code): word for code, word in rows} == {int(code): WORDS[code] for code in ExitCode}


def test_they_are_not_active_here() -> None:
    assert not (ROOT / ".github/workflows").exists()
    assert not (ROOT / ".gitlab-ci.yml").exists()
