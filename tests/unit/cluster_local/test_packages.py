from __future__ import annotations

import os
from pathlib import Path

import pytest

from chaos.cluster.local import packages
from chaos.cluster.local.commands import CommandFailed, Commands
from chaos.errors import HostError
from chaos.progress import NoProgress

LISTING = """\
installed gcc c-compiler, gcc-x86-64-linux-gnu (= 4:12.2.0-3)
installed pkgconf pkg-config (= 1.8.1-1), pkgconf-bin
config-files ipset
not-installed conntrack
installed runc
"""


def test_what_dpkg_has_not_fully_installed_is_missing() -> None:
    assert packages.not_installed(["gcc", "ipset", "conntrack", "runc", "mmdebstrap"], LISTING) == [
        "ipset",
        "conntrack",
        "mmdebstrap",
    ]


def test_a_package_may_be_provided_by_another() -> None:
    assert packages.not_installed(["pkg-config", "c-compiler"], LISTING) == []


def test_a_kernel_with_nfs_needs_no_client_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "kernel_has_nfs", lambda: True)
    assert "nfs-common" in packages.needed()
    assert "libnfs-dev" not in packages.needed()
    monkeypatch.setattr(packages, "kernel_has_nfs", lambda: False)
    assert "nfs-common" not in packages.needed()
    assert "libnfs-dev" in packages.needed()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dlstatus:12:40.5000:Retrieving file 12 of 30", (40.5, "Retrieving file 12 of 30")),
        ("pmstatus:runc:20.0000:Installing runc (amd64)", (20.0, "Installing runc (amd64)")),
        ("pmstatus:libc6:amd64:33.1:Unpacking libc6:amd64", (33.1, "Unpacking libc6:amd64")),
        ("Setting up runc ...", None),
        ("pmerror:runc:50.0:it broke", None),
    ],
)
def test_the_percentage_of_apt_is_read(line: str, expected: tuple[float, str] | None) -> None:
    assert packages.status_percent(line) == expected


def test_without_root_the_error_names_the_packages_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", lambda: ["runc", "ipset"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match="runc ipset") as caught:
        packages.ensure(NoProgress(), Commands())
    assert caught.value.hint is not None
    assert "apt-get install" in caught.value.hint


def test_nothing_is_installed_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(packages, "apt", None)
    packages.ensure(NoProgress(), Commands())


def test_a_host_without_dpkg_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(HostError, match="no dpkg"):
        packages.missing(["runc"])


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "_POLICY", path)
    return path


def test_no_service_may_start_while_packages_are_installed(policy: Path) -> None:
    with packages.no_services():
        assert os.access(policy, os.X_OK)
        assert "exit 101" in policy.read_text()
    assert not policy.exists()


def test_the_policy_is_removed_after_a_failure_too(policy: Path) -> None:
    with pytest.raises(RuntimeError), packages.no_services():
        raise RuntimeError
    assert not policy.exists()


def test_a_policy_of_the_host_stays_as_it_was(policy: Path) -> None:
    policy.write_text("#!/bin/sh\nexit 0\n")
    with packages.no_services():
        pass
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_a_policy_that_a_killed_install_left_is_removed(policy: Path) -> None:
    policy.write_text(packages._POLICY_TEXT)
    with packages.no_services():
        pass
    assert not policy.exists()


class Bars(NoProgress):
    def __init__(self) -> None:
        self.shares: list[float] = []

    def update(self, note: str | None = None, *, done: float | None = None, total: float | None = None) -> None:
        if done is not None:
            self.shares.append(done)


def fake_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    tool = tmp_path / "bin" / "apt-get"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\n{body}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")


def test_apt_installs_without_recommended_packages_and_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_apt(tmp_path, monkeypatch, f'echo "$DEBIAN_FRONTEND $*" > {tmp_path}/said; echo pmstatus:a:50.0:x >&3')
    bars = Bars()
    packages.apt(Commands(), bars, ["install", "runc"], what="apt-get install")
    said = (tmp_path / "said").read_text().split()
    assert said[0] == "noninteractive"
    assert {"--yes", "--no-install-recommends", "install", "runc"} <= set(said)
    assert bars.shares == [50.0]


def test_an_archive_that_does_not_answer_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    body = f"echo x >> {tmp_path}/tries; echo 'E: Failed to fetch x  Could not connect'; exit 100"
    fake_apt(tmp_path, monkeypatch, body)
    with pytest.raises(HostError, match="the Debian package archive does not answer") as caught:
        packages.apt(Commands(), NoProgress(), ["update"], what="apt-get update")
    assert caught.value.hint is not None
    assert len((tmp_path / "tries").read_text().split()) == 4


def test_lists_that_are_too_old_are_told_apart_and_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"echo x >> {tmp_path}/tries; echo 'E: Failed to fetch http://m.invalid/a.deb  404  Not Found'; exit 100"
    fake_apt(tmp_path, monkeypatch, body)
    with pytest.raises(packages.Gone):
        packages.apt(Commands(), NoProgress(), ["install", "a"], what="apt-get install")
    assert (tmp_path / "tries").read_text().split() == ["x"]


def test_a_broken_package_is_reported_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_apt(tmp_path, monkeypatch, "echo 'E: Unable to locate package nosuch'; exit 100")
    with pytest.raises(CommandFailed, match="Unable to locate package nosuch"):
        packages.apt(Commands(), NoProgress(), ["install", "nosuch"], what="apt-get install")
