from __future__ import annotations

from pathlib import Path

from chaos.cluster.local import logs


def log(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "node-1" / "log" / "kubelet.log"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    path = log(tmp_path, "one\ntwo\n")
    logs.trim(tmp_path, largest=100, kept=10)
    assert path.read_text() == "one\ntwo\n"


def test_a_large_log_keeps_its_last_whole_lines(tmp_path: Path) -> None:
    path = log(tmp_path, "".join(f"line {number}\n" for number in range(100)))
    logs.trim(tmp_path, largest=100, kept=20)
    assert path.read_text() == "line 98\nline 99\n"


def test_whoever_appends_goes_on_at_the_new_end(tmp_path: Path) -> None:
    path = log(tmp_path, "x\n" * 100)
    with path.open("a") as daemon:
        logs.trim(tmp_path, largest=100, kept=4)
        daemon.write("next\n")
    assert path.read_text() == "x\nnext\n"
