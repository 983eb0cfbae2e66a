"""Our NFS client against a real nfs-ganesha from the image, both in namespaces of their own: no cluster is needed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.cluster.local import artifacts, binaries
from chaos.cluster.local.images import builder, nfs_server
from chaos.progress import PlainProgress

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(binaries.mount_nfs() is None, reason="this kernel mounts NFS itself"),
]
PATIENCE_S = 30.0
OPTIONS = "nfsvers=3,proto=tcp,nolock,hard,timeo=50,retrans=2,nosuid,nodev"


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} within {PATIENCE_S:.0f} s"
        time.sleep(0.02)


class Host:
    """A machine with the server and mounts of it: mount, network and process namespaces that end with it."""

    def __init__(self, folder: Path, client: Path) -> None:
        self.folder, self.client = folder, client
        self.server_root = folder / "server"
        self._holder = subprocess.Popen(
            [
                *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
                *("setpriv", "--pdeathsig", "KILL", str(self.server_root / "pause")),
            ]
        )
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children")
        until(lambda: children.read_text().strip() != "", "the namespaces are made")
        self.pid = int(children.read_text().split()[0])
        until(lambda: "pause" in Path(f"/proc/{self.pid}/comm").read_text(), "the namespaces are held")
        root = self.server_root
        self.run(
            f"ip link set lo up; mkdir -p {root}/exports {root}/proc {root}/dev {folder}/volume;"
            f"mount -n -t tmpfs x /mnt;"
            f"mount -n --bind {folder}/volume {root}/exports; mount -n -t proc proc {root}/proc;"
            f"mount -n --rbind /dev {root}/dev; mount -n -t tmpfs tmpfs {root}/run; mkdir /mnt/a /mnt/b"
        )
        self.start_server()

    @property
    def volume(self) -> Path:
        """The server's own view of its files."""
        return self.folder / "volume"

    def path(self, name: str) -> Path:
        """A path inside, as seen from here."""
        return Path(f"/proc/{self.pid}/root") / name.lstrip("/")

    @contextmanager
    def start(self, script: str) -> Iterator[subprocess.Popen[str]]:
        """A shell inside, killed where a test fails: one that uses a mount whose server is gone would never end."""
        with subprocess.Popen(
            ["nsenter", "-t", str(self.pid), "-m", "-n", "-p", "-w/", "sh", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise

    def run(self, script: str, status: int = 0) -> str:
        with self.start(script) as process:
            said, _ = process.communicate(timeout=PATIENCE_S * 2)
        assert process.returncode == status, said
        return said

    def start_server(self) -> None:
        log = self.folder / "server.log"
        # In a container the port mapper ends with the server. A second one gives up as long as the first is there.
        self.run("pkill -x rpcbind || true")
        until(lambda: self.run("pgrep -x rpcbind || true") == "", "the port mapper is gone")
        self.run(f"chroot {self.server_root} nfs-server >{log} 2>&1 </dev/null &")
        try:
            until(lambda: "2049" in self.run("ss -Hltn 'sport = :2049'"), "the server listens")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()[-4000:]}") from error

    def server(self) -> int:
        return int(self.run("pgrep -x ganesha.nfsd").split()[0])

    def signal_server(self, number: signal.Signals) -> None:
        self.run(f"kill -{number.value} {self.server()}")

    def mount(self, target: str, options: str = OPTIONS) -> None:
        self.run(f"{self.client} 127.0.0.1:/ {target} -o {options}")

    def clients(self) -> list[str]:
        return self.run("pgrep -x mount.nfs || true").split()

    def end(self) -> None:
        self._holder.kill()
        self._holder.wait()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    made = artifacts.ensure(PlainProgress())
    assert made.mount_nfs is not None
    folder = tmp_path_factory.mktemp("nfs")
    for entry in (builder.base_entry(), builder.layer_entry(nfs_server.RECIPE), builder.pause_entry()):
        with tarfile.open(entry / "layer.tar") as tar:
            members = [member for member in tar if ".wh." not in member.name]
            # As an attribute: Debian's Python 3.11.2 does not know the argument yet.
            tar.extraction_filter = lambda member, _: member
            tar.extractall(folder / "server", members=members)
    host = Host(folder, made.mount_nfs)
    yield host
    host.end()


@pytest.fixture
def mounted(host: Host) -> Iterator[Path]:
    """The mount /mnt/a, as seen from here."""
    host.mount("/mnt/a")
    yield host.path("/mnt/a")
    host.run("umount -l /mnt/a")
    until(lambda: host.clients() == [], "the client has ended after the unmount")
    host.run(f"rm -rf {host.volume}/*")


def unmount_b(host: Host) -> None:
    host.run("umount /mnt/b")
    until(lambda: host.clients() == [], "the client has ended after the unmount")


def test_a_large_file_is_the_same_for_the_writer_the_server_and_another_client(host: Host, mounted: Path) -> None:
    data = random.Random(1).randbytes(33_000_001)
    (mounted / "large").write_bytes(data)
    assert (host.volume / "large").read_bytes() == data
    host.mount("/mnt/b")
    try:
        assert host.path("/mnt/b/large").read_bytes() == data
    finally:
        host.run("umount /mnt/b")
    assert (mounted / "large").read_bytes() == data


def test_writes_of_odd_sizes_at_odd_places_give_what_they_would_give_locally(host: Host, mounted: Path) -> None:
    dice = random.Random(2)
    expected = bytearray()
    descriptor = os.open(mounted / "odd", os.O_RDWR | os.O_CREAT)
    try:
        for _ in range(300):
            action, place, size = dice.random(), dice.randrange(1_500_000), dice.randrange(1, 700_000)
            if action < 0.1:
                os.ftruncate(descriptor, place)
                expected[place:] = b"\0" * max(0, place - len(expected))
            elif action < 0.6:
                data = dice.randbytes(size)
                assert os.pwrite(descriptor, data, place) == size
                expected.extend(b"\0" * max(0, place - len(expected)))
                expected[place : place + size] = data
            else:
                assert os.pread(descriptor, size, place) == expected[place : place + size]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    assert (host.volume / "odd").read_bytes() == expected


def test_what_another_client_wrote_is_seen_after_an_open(host: Host, mounted: Path) -> None:
    host.mount("/mnt/b")
    try:
        other = host.path("/mnt/b/shared")
        for text in ("one", "longer than before", "x"):
            (mounted / "shared").write_text(text)
            assert other.read_text() == text
    finally:
        host.run("umount /mnt/b")


def test_an_open_file_that_is_removed_or_replaced_stays_readable_until_it_is_closed(host: Host, mounted: Path) -> None:
    for name in ("removed", "replaced"):
        (mounted / name).write_text("old")
    (mounted / "new").write_text("new")
    with (mounted / "removed").open("r+") as removed, (mounted / "replaced").open() as replaced:
        (mounted / "removed").unlink()
        (mounted / "new").rename(mounted / "replaced")
        assert not (mounted / "removed").exists()
        assert (mounted / "replaced").read_text() == "new"
        assert replaced.read() == "old"
        removed.write("still writable")
        removed.flush()
    until(lambda: sorted(os.listdir(host.volume)) == ["replaced"], "no .nfs file is left")


def test_names_links_owners_modes_and_times(mounted: Path) -> None:
    (mounted / "d" / "e").mkdir(parents=True)
    (mounted / "d" / "f").write_text("f")
    (mounted / "d" / "s").symlink_to("f")
    os.link(mounted / "d" / "f", mounted / "d" / "h")
    assert (mounted / "d" / "s").readlink() == Path("f")
    assert (mounted / "d" / "h").stat().st_nlink == 2
    (mounted / "d" / "f").chmod(0o640)
    os.chown(mounted / "d" / "f", 33, 34)
    os.utime(mounted / "d" / "f", (1_000_000_000, 1_100_000_000))
    status = (mounted / "d" / "h").stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o640, 33, 34)
    assert (status.st_atime, status.st_mtime) == (1_000_000_000, 1_100_000_000)
    with pytest.raises(OSError, match="Directory not empty"):
        (mounted / "d").rmdir()
    with pytest.raises(FileExistsError):
        os.open(mounted / "d" / "f", os.O_CREAT | os.O_EXCL)
    assert os.statvfs(mounted).f_blocks > 0


def test_users_may_do_what_their_owner_and_groups_allow(host: Host, mounted: Path) -> None:
    (mounted / "open").mkdir()
    (mounted / "open").chmod(0o770)
    os.chown(mounted / "open", 0, 1234)
    write = "sh -c 'echo x > /mnt/a/open/by-member'"
    host.run(f"setpriv --reuid 33 --regid 33 --clear-groups {write}", status=2)
    host.run(f"setpriv --reuid 33 --regid 33 --groups 1234 {write}")
    assert (mounted / "open" / "by-member").stat().st_uid == 33


def test_a_long_folder_is_listed_whole(mounted: Path) -> None:
    names = {f"{'n' * (i % 100)}-{i}" for i in range(1500)}
    (mounted / "long").mkdir()
    for name in names:
        (mounted / "long" / name).touch()
    listed = os.listdir(mounted / "long")
    assert len(listed) == len(names)
    assert set(listed) == names


def test_while_the_server_hangs_so_do_its_users_and_nothing_is_lost(host: Host, mounted: Path) -> None:
    (mounted / "before").write_text("before")
    host.signal_server(signal.SIGSTOP)
    try:
        with host.start("echo after > /mnt/a/after; cat /mnt/a/after") as writer:
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(2)
            host.signal_server(signal.SIGCONT)
            said, _ = writer.communicate(timeout=PATIENCE_S)
        assert said == "after\n"
    finally:
        host.signal_server(signal.SIGCONT)
    assert (host.volume / "after").read_text() == "after\n"


def test_a_user_of_a_hanging_server_can_be_killed(host: Host, mounted: Path) -> None:
    (mounted / "file").write_text("x")
    host.signal_server(signal.SIGSTOP)
    try:
        with host.start("exec cat /mnt/a/file") as reader:
            with pytest.raises(subprocess.TimeoutExpired):
                reader.wait(1)
            until(lambda: host.run("pgrep -x cat || true") != "", "the reader has begun")
            host.run("pkill -KILL -x cat")
            assert reader.wait(5) != 0
    finally:
        host.signal_server(signal.SIGCONT)


def test_a_signal_that_is_not_deadly_does_not_disturb_who_waits(host: Host, mounted: Path) -> None:
    (mounted / "file").write_text("x\n")
    host.signal_server(signal.SIGSTOP)
    try:
        script = (
            "trap 'got=USR1' USR1; echo $$; read x < /mnt/a/file; echo read $x;"
            "while test -z $got; do sleep 0.05; done; echo got $got"
        )
        with host.start(script) as reader:
            assert reader.stdout is not None
            shell = reader.stdout.readline().strip()
            with pytest.raises(subprocess.TimeoutExpired):
                reader.wait(1)
            host.run(f"kill -USR1 {shell}")
            with pytest.raises(subprocess.TimeoutExpired):
                reader.wait(1)
            host.signal_server(signal.SIGCONT)
            said, _ = reader.communicate(timeout=PATIENCE_S)
        assert said.splitlines() == ["read x", "got USR1"]
    finally:
        host.signal_server(signal.SIGCONT)


def test_a_server_that_is_killed_and_comes_back_costs_time_but_no_line(host: Host, mounted: Path) -> None:
    with host.start("for i in $(seq 60); do echo $i >> /mnt/a/lines || echo failed; sleep 0.05; done") as writer:
        until((host.volume / "lines").exists, "the writer has begun")
        host.signal_server(signal.SIGKILL)
        until(lambda: "2049" not in host.run("ss -Hltn 'sport = :2049'"), "the server is gone")
        host.start_server()
        said, _ = writer.communicate(timeout=PATIENCE_S)
    assert said == ""
    assert (host.volume / "lines").read_text().split() == [str(i) for i in range(1, 61)]


def test_a_link_that_is_cut_without_a_word_is_noticed_and_made_anew(host: Host, mounted: Path) -> None:
    (mounted / "file").write_text("x")
    with host.start("ip link set lo down; sleep 3; ip link set lo up") as link:
        time.sleep(0.2)
        assert host.run("cat /mnt/a/file") == "x"
        assert (link.wait(PATIENCE_S)) == 0


@pytest.mark.parametrize("how", ["umount -f -l /mnt/b", "pkill -TERM -x -n mount.nfs"])
def test_the_client_ends_at_once_though_the_server_hangs(host: Host, how: str) -> None:
    host.mount("/mnt/b")
    host.signal_server(signal.SIGSTOP)
    try:
        with host.start("cat /mnt/b/nothing") as reader:
            with pytest.raises(subprocess.TimeoutExpired):
                reader.wait(1)
            host.run(how)
            assert reader.wait(5) != 0
        until(lambda: host.clients() == [], "the client has ended")
        assert " /mnt/b " not in host.run("cat /proc/mounts")
    finally:
        host.signal_server(signal.SIGCONT)


def test_a_soft_mount_gives_up_after_its_time(host: Host) -> None:
    host.mount("/mnt/b", "soft,timeo=5,retrans=1")
    host.signal_server(signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert "Input/output error" in host.run("cat /mnt/b/nothing", status=1)
        assert 0.9 < time.monotonic() - began < 5
    finally:
        host.signal_server(signal.SIGCONT)
        unmount_b(host)


def test_a_read_only_mount_refuses_writes(host: Host) -> None:
    host.mount("/mnt/b", f"ro,{OPTIONS}")
    try:
        assert "Read-only file system" in host.run("touch /mnt/b/x", status=1)
    finally:
        unmount_b(host)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ("127.0.0.1:/ /mnt/b -o nfsvers=4", 1, "NFS version 4 is not supported here, only 3"),
        ("127.0.0.1:/ /mnt/b -o proto=udp", 1, "only tcp"),
        ("127.0.0.1:/ /mnt/b -o timeo=soon", 1, "timeo needs a number from 1 to 6000"),
        ("127.0.0.1:/ /mnt/b -o nosuchoption", 1, "unknown option nosuchoption"),
        ("127.0.0.1 /mnt/b", 1, "not of the form SERVER:PATH"),
        ("127.0.0.1:/nothing /mnt/b -o retry=0", 32, "no such export"),
        ("127.0.0.1:/ /mnt/nothing", 32, "/mnt/nothing"),
        ("127.0.0.2:/ /mnt/b -o retry=0,mountport=1", 32, "cannot connect"),
    ],
)
def test_what_cannot_be_mounted_is_one_line(host: Host, arguments: str, status: int, said: str) -> None:
    assert said in host.run(f"{host.client} {arguments}", status=status)
    assert host.clients() == []


def test_the_server_ends_quickly_when_it_is_told_to(host: Host) -> None:
    began = time.monotonic()
    host.signal_server(signal.SIGTERM)
    until(lambda: host.run("pgrep -x ganesha.nfsd || true") == "", "the server has ended")
    assert time.monotonic() - began < 5
    host.start_server()
