from __future__ import annotations

import subprocess

import pytest

from chaos.cluster.local import registries


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | Exception]:
    """What each client says, by its name; nothing is really asked."""
    said: dict[str, str | Exception] = {"pip": "", "go": "", "apt-get": ""}

    def run(*command: str) -> str:
        client = "pip" if "pip" in command else command[0]
        answer = said[client]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(registries, "_run", run)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/go")
    return said


@pytest.mark.usefixtures("answers")
def test_registries_that_answer_are_ok() -> None:
    assert [row.level for row in registries.examine()] == ["ok", "ok", "ok"]


def test_a_client_that_fails_is_told_with_its_last_words(answers: dict[str, str | Exception]) -> None:
    answers["go"] = subprocess.CalledProcessError(1, ["go"], stderr="go: looking\ndial tcp: refused\n")
    row = registries.examine()[1]
    assert (row.level, row.found) == ("instead", "no answer: dial tcp: refused")


def test_a_client_that_is_not_there_is_told(answers: dict[str, str | Exception]) -> None:
    answers["apt-get"] = FileNotFoundError(2, "No such file or directory", "apt-get")
    assert "apt-get" in registries.examine()[2].found


def test_a_debian_mirror_that_cannot_be_reached_is_told(
    answers: dict[str, str | Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers["apt-get"] = "'http://mirror.test:8080/debian/dists/bookworm/InRelease' mirror.test_InRelease 0\n"
    asked: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout: float) -> None:
        asked.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("socket.create_connection", connect)
    assert registries.examine()[2].level == "instead"
    assert asked == [("mirror.test", 8080)]
