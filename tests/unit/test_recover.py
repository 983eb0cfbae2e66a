"""What a run that was killed has left is found from its folder, and given back once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chaos import recover as recovering
from chaos.history import FORMAT, RunBegun, RunEnded
from chaos.journal import Journal


def recover(reports: Path, stack: str = "hardened") -> list[str]:
    return recovering.recover(reports, stack=stack, cluster="none", quiet=True)


@dataclass
class Lent:
    """A stack that is borrowed, in which a run that was killed left something."""

    spec: str
    released: int = 0
    borrowed = True

    def attach(self, target: Any) -> Any:
        return None

    def release(self, stack: Any, shown: Any) -> bool:
        self.released += 1
        return self.released == 1


def run_that_was_killed(folder: Path, spec: str, *ended: RunEnded) -> None:
    folder.mkdir(parents=True)
    begun = RunBegun(FORMAT, "r", "s", "c", 0.0, {}, {"source": spec}, {})
    with Journal(folder) as journal:
        for record in (begun, *ended):
            journal.write(record)


@pytest.fixture
def lent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lent:
    file = tmp_path / "my-stack.yaml"
    file.write_text("")
    made = Lent(str(file))
    known = recovering.source.of
    monkeypatch.setattr(recovering.source, "of", lambda spec: made if spec == made.spec else known(spec))
    monkeypatch.setattr(recovering.targets, "local", lambda *_, **__: None)
    monkeypatch.setattr(recovering.run_lock, "hold", lambda _: None)
    return made


def test_recover_gives_back_what_a_killed_run_had_borrowed(lent: Lent, tmp_path: Path) -> None:
    run_that_was_killed(tmp_path / "reports/suite/01-x", lent.spec)
    assert recover(tmp_path / "reports") == [
        f"{lent.spec}: the rows, posts and uploads of a run that was killed are removed"
    ]
    assert recover(tmp_path / "reports") == []


def test_recover_gives_back_a_stack_by_its_file_when_no_run_has_a_journal(lent: Lent, tmp_path: Path) -> None:
    assert len(recover(tmp_path / "reports", lent.spec)) == 1


def test_recover_has_nothing_to_do_with_runs_that_ended_or_whose_file_is_gone(lent: Lent, tmp_path: Path) -> None:
    run_that_was_killed(tmp_path / "reports/a", lent.spec, RunEnded(1.0, "finished"))
    run_that_was_killed(tmp_path / "reports/b", str(tmp_path / "gone.yaml"))
    assert recover(tmp_path / "reports") == []
    assert lent.released == 0
