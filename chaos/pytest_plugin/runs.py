"""Scenarios that are run for pytest, each in a process of its own.

A run joins the embedded cluster's network and takes the signals, which are the whole process's: the tests beside it
must not notice. What it says goes to the captured output; what became of it comes back by its report.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from chaos.errors import ExitCode
from chaos.paths import is_binding
from chaos.redact import plain
from chaos.verdict import EXIT, Verdict

if TYPE_CHECKING:
    from chaos.history import History

CHILD = (sys.executable, "-P", "-m", "chaos.pytest_plugin.child")

_VERDICT = {code: verdict for verdict, code in EXIT.items()}
_MARK = {"pass": "✓", "fail": "✗", "unknown": "?"}


@dataclass(frozen=True)
class PodSeen:
    """One pod of the stack. `role` is a part of it (`site`, `database/primary`), `ip` empty where it has none yet."""

    name: str
    role: str
    ready: bool
    node: str
    ip: str


@dataclass(frozen=True)
class StackSeen:
    """A stack as it was seen once. `target` is the cluster, as journals name it; `images` are by container."""

    name: str
    namespace: str
    target: str
    pods: tuple[PodSeen, ...]
    images: dict[str, str]


@dataclass(frozen=True)
class Ran:
    """What became of a run. Its text is what a test that it fails says.

    `report` is what report.json holds, empty where there is none; `problem` and `hint` say why there is no verdict.
    """

    scenario: str
    exit_code: int
    folder: Path | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    hint: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict; None where the run has none, since something else went wrong."""
        return _VERDICT.get(ExitCode(self.exit_code)) if self.exit_code in set(ExitCode) and not self.problem else None

    @property
    def passed(self) -> bool:
        """Whether the verdict is `pass`; `unknown` is none."""
        return self.verdict is Verdict.PASS

    @cached_property
    def history(self) -> History:
        """All that was observed, as the run's journal has it. Raises LookupError where the run had not begun."""
        from chaos import journal

        if self.folder is None:
            raise LookupError(f"{self.scenario}: the run had not begun, so there is no history")
        return journal.read(self.folder)

    @property
    def reason(self) -> str:
        """The verdict's reason in one sentence."""
        return str(self.report.get("reason", ""))

    @property
    def where(self) -> str:
        """The path of the report, or of the run's folder; empty where it had none."""
        page = self.folder / "report.html" if self.folder else None
        return str(page if page and page.exists() else self.folder or "")

    @property
    def aborted(self) -> bool:
        """Whether a condition of the scenario stopped the run."""
        return bool(self.report) and self.report["ended"]["how"] == "aborted"

    def __str__(self) -> str:
        lines = []
        if self.problem:
            lines += [self.problem, *([f"hint: {self.hint}"] if self.hint else [])]
        if self.report:
            lines.append(f"{self.report['verdict']}: {self.reason}")
            lines += [line for step in self.report["steps"] for line in _advice(step)]
        return "\n".join(map(plain, lines)) or f"ended with exit code {self.exit_code}"

    @property
    def section(self) -> str:
        """What pytest shows of it below its test: outages and lost writes of each step, and the report's path."""
        lines = [f"{step['name']}: {step['verdict']}; {_figures(step)}" for step in self.report.get("steps", ())]
        return "\n".join(map(plain, [*lines, *([f"report: {self.where}"] if self.where else [])]))

    @property
    def line(self) -> str:
        """The run in one line."""
        word = self.verdict.value if self.verdict else "no verdict"
        steps = self.report.get("steps", ())
        said = [f"{_MARK.get(word, '!')} {self.scenario}: {word}"]
        said += [f"{kind} out: {_longest(steps, kind)}" for kind in ("reads", "writes") if steps]
        lost = [step["writes"]["lost"] for step in steps if step["writes"]["lost"] is not None]
        said += [f"lost writes: {max(lost) if lost else 'unknown'}"] if steps else []
        return plain("; ".join([*said, *([self.where] if self.where else [])]))


@dataclass
class Runs:
    """The runs of one pytest session. `ended` says why no more are begun, once there is a reason."""

    config: pytest.Config
    options: dict[str, Any]
    ended: str = ""
    _last: dict[Path, Ran] = field(default_factory=dict)

    @classmethod
    def of(cls, config: pytest.Config) -> Runs:
        """None yet, with what the command line says; paths are from where pytest was called."""

        def option(name: str) -> Any:
            return config.getoption(f"hachaos_{name}")

        here = config.invocation_params.dir
        given = option("stack")
        return cls(
            config,
            {
                "stack": str(here / given) if is_binding(given) else given,
                "cluster": option("name"),
                "nodes": option("nodes"),
                "reports": str(here / option("reports")),
                "baseline": option("baseline"),
                "allow_destructive": option("allow_destructive"),
                "allow_nodes": option("allow_nodes"),
                "debug": option("debug"),
                "yes": option("yes"),
                "context": option("context"),
                "kubeconfig": option("kubeconfig"),
                "in_cluster": option("in_cluster"),
            },
        )

    def last(self, path: Path) -> Ran | None:
        """What became of the last run of a scenario's file in this session; None where there was none."""
        return self._last.get(path.resolve())

    def run(self, path: Path, item: pytest.Item, baseline: str = "") -> Ran:
        """Run a scenario's file, and note in the test what became of it. `baseline` is a suite's word."""
        if self.ended:
            pytest.fail(f"unknown: not begun: {self.ended}", pytrace=False)
        said, code, interrupted = self._child("run", path=str(path), baseline=self.options["baseline"] or baseline)
        folder = Path(said["folder"]) if "folder" in said else None
        ran = Ran(path.stem, code, folder, _report(folder), said.get("problem", ""), said.get("hint", ""))
        self._last[path.resolve()] = ran
        if ran.exit_code == ExitCode.UNDO_INCOMPLETE or "killed" in said:
            self.ended = f"{ran.scenario} left something undone"
        elif ran.aborted:
            self.ended = f"{ran.scenario} was aborted"
        _note(item, ran)
        if interrupted:
            self._say(f"{ran.problem}; {ran.hint}" if ran.exit_code == ExitCode.UNDO_INCOMPLETE else ran.line)
            raise KeyboardInterrupt
        return ran

    def stack(self) -> StackSeen:
        """Make the stack ready, and look at it."""
        said, code, interrupted = self._child("stack")
        if interrupted:
            raise KeyboardInterrupt
        if "stack" not in said:
            pytest.fail(str(Ran("stack", code, None, {}, said.get("problem", ""), said.get("hint", ""))), pytrace=False)
        seen = said["stack"]
        return StackSeen(**seen | {"pods": tuple(PodSeen(**pod) for pod in seen["pods"])})

    def _child(self, what: str, **more: Any) -> tuple[dict[str, Any], int, bool]:
        """Have a process do it: what it said, its exit code, and whether Ctrl-C has ended it.

        It is waited for, whatever ends the test: it is putting back what it has changed.
        """
        with tempfile.TemporaryDirectory(prefix="hachaos-") as folder:
            told = Path(folder) / "told.jsonl"
            order = self.options | more | {"what": what, "parent": os.getpid()}
            # In a session of its own: Ctrl-C comes to it from here, and once.
            child = subprocess.Popen(
                [*CHILD, str(told), json.dumps(order)], stdin=subprocess.DEVNULL, start_new_session=True
            )
            code, interrupted = self._ended(child)
            said: dict[str, Any] = {}
            for line in told.read_text(encoding="utf-8").splitlines() if told.exists() else ():
                said |= json.loads(line)
        if code < 0 or ("ended" not in said and "problem" not in said):
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            said |= {
                "killed": True,
                "problem": f"the process of the run {how}",
                "hint": "hachaos recover puts back what it has changed",
            }
        return said, code, interrupted

    def _ended(self, child: subprocess.Popen[bytes]) -> tuple[int, bool]:
        interrupted, other = False, None
        while True:
            try:
                code = child.wait()
            except KeyboardInterrupt:
                child.send_signal(signal.SIGINT)
                if not interrupted:
                    self._say("stopping, and putting back what was changed; Ctrl-C once more stops the undo too")
                interrupted = True
            except BaseException as error:  # noqa: BLE001
                # A time limit of the test's, say.
                child.terminate()
                other = other or error
            else:
                break
        if other is not None:
            raise other
        return code, interrupted

    def _say(self, text: str) -> None:
        """Say it on the terminal at once, past what captures a test's output."""
        plugins = self.config.pluginmanager
        reporter, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
        if reporter is not None:
            with capture.global_and_fixture_disabled() if capture else nullcontext():
                reporter.ensure_newline()
                reporter.write_line(f"hachaos: {plain(text)}")


KEY = pytest.StashKey[Runs]()


def required(config: pytest.Config, fixture: str) -> Runs:
    """The runs of this session. Fails the test without --hachaos."""
    found = config.stash.get(KEY, None)
    if found is None:
        pytest.fail(f"{fixture}: needs --hachaos; mark the test with hachaos to have it skipped", pytrace=False)
    return found


def judged(ran: Ran) -> Ran:
    """The same, if it has a verdict; else the test fails with what went wrong."""
    if ran.verdict is None:
        _fail(ran)
    return ran


def _fail(ran: Ran) -> NoReturn:
    pytest.fail(str(ran), pytrace=False)


def _note(item: pytest.Item, ran: Ran) -> None:
    item.user_properties.append(("hachaos", ran.line))
    if ran.verdict is not None:
        item.user_properties.append(("hachaos_verdict", ran.verdict.value))
    if ran.where:
        item.user_properties.append(("hachaos_report", ran.where))
    if ran.section:
        item.add_report_section("call", "hachaos", ran.section)


def _report(folder: Path | None) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8")) if folder else {}
    except OSError:
        return {}
    return found


def _advice(step: Mapping[str, Any]) -> list[str]:
    wrong = [check for check in step["checks"] if check["verdict"] != "pass"]
    return [
        line
        for check in wrong
        for line in (f"  {step['name']}: {check['name']}: {check['reason']}", f"    {check['advice'] or ''}")
        if line.strip()
    ]


def _figures(step: Mapping[str, Any]) -> str:
    kinds = [kind for kind in ("reads", "writes", "uploads") if step[kind]["attempts"]]
    said = [f"{kind} out: {_longest([step], kind)}" for kind in kinds]
    counts = {name: step["writes"][name] for name in ("acknowledged", "lost")}
    said += [f"{name}: {'unknown' if value is None else value}" for name, value in counts.items()]
    return "; ".join([*said, *([f"clone: {step['clone']}"] if step["clone"] else [])])


def _longest(steps: Any, kind: str) -> str:
    """The longest outage of the steps with both its bounds."""
    if not any(step[kind]["attempts"] for step in steps):
        return "not measured"
    found = [step[kind]["longest_outage"] for step in steps if step[kind]["longest_outage"]]
    if not found:
        return "none"
    longest = max(found, key=lambda one: one["no_shorter_than_s"])
    upper = longest["no_longer_than_s"]
    ends = f"{longest['no_shorter_than_s']:.2f} – {'?' if upper is None else f'{upper:.2f}'} s"
    return ends if upper is not None else f"{ends} (its beginning or its end was not seen)"
