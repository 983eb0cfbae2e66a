"""Makes the layers of the images: one base system, and on it a layer for each image that has packages."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos.cluster.local import cache, packages, versions
from chaos.cluster.local.commands import Commands
from chaos.cluster.local.images import archive, coredns, database, nfs_server, pause, reference, wordpress
from chaos.cluster.local.images.archive import Image, Layer
from chaos.cluster.local.images.recipe import Recipe
from chaos.cluster.local.retry import retrying
from chaos.progress import Progress, Task

DEBIAN_RECIPES = (database.RECIPE, wordpress.RECIPE, nfs_server.RECIPE)

_BASE_PACKAGES = (
    # What at least two of the images need: unpacked once, stored once.
    "libexpat1",
    "libgssapi-krb5-2",
    "libldap-2.5-0",
    "libsqlite3-0",
    "mariadb-client",
    "media-types",
    "netbase",
    "perl",
    "procps",
    "sensible-utils",
    "ucf",
)
_DPKG_OPTIONS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/menu/*",
    # A build that is cut off is thrown away, so nothing is gained by waiting for the disk.
    "force-unsafe-io",
)
_LEAVE_OUT = (
    "dev/*",
    "etc/.pwd.lock",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/hostname",
    "etc/machine-id",
    "etc/mtab",
    "etc/resolv.conf",
    "proc/*",
    "root/.*_history",
    "run/*.pid",
    "sys/*",
    "tmp/*",
    *(
        f"usr/bin/{name}"
        for name in (
            "innochecksum",
            "mariadb-conv",
            "mariadb-import",
            "mariadb-plugin",
            "mariadb-show",
            "mariadb-slap",
            "mariadb-tzinfo-to-sql",
            "mariadb-upgrade",
            "mariadb-waitpid",
            "perror",
            "replace",
            "resolve_stack_dump",
        )
    ),
    "usr/share/mysql/[a-df-z]*/errmsg.sys",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/*",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "var/log/*.log",
    "var/log/apt/*",
    "var/tmp/*",
)
_MIRROR = "http://deb.debian.org/debian"
_LAYER = "layer.tar"
_STEPS_OF_MMDEBSTRAP = 6
_SCRIPT = Path(__file__).with_name("build-layer.sh")
_AT_A_TIME = 2
_NAMESPACES = ("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc")
"""A build works in namespaces that end with it: no process or mount of it can stay behind, however it ends."""


def base_entry() -> Path:
    """The cache entry of the base system: `rootfs/` and its layer."""
    return cache.entry("base", cache.key(versions.DEBIAN, *_BASE_PACKAGES, *_DPKG_OPTIONS, *_LEAVE_OUT))


def layer_entry(recipe: Recipe) -> Path:
    """The cache entry of the layer that an image with packages has on the base system."""
    inside = [path for path in (recipe.folder / "rootfs", recipe.folder / "setup.sh") if path.exists()]
    parts: list[str | Path] = [repr((recipe.packages, recipe.leave_out)), *_LEAVE_OUT, *inside, _SCRIPT]
    return cache.entry(f"image-{recipe.name}", cache.key(base_entry().name, *parts))


def pause_entry() -> Path:
    """The cache entry of the pause image's layer."""
    return cache.entry("image-pause", cache.key(pause.RECIPE.folder / "pause.c"))


def coredns_entry(binary: Path) -> Path:
    """The cache entry of the CoreDNS image's layer; `binary` names the cache entry of the program."""
    return cache.entry("image-coredns", cache.key(binary.parent.name))


def missing() -> list[str]:
    """The names of the Debian images (and of the base system) that have to be built."""
    lacking = [recipe.name for recipe in DEBIAN_RECIPES if not cache.is_whole(layer_entry(recipe))]
    if lacking and not cache.is_whole(base_entry()):
        lacking.insert(0, "base")
    return lacking


def ensure(progress: Progress, commands: Commands) -> None:
    """Build the layers of the Debian images that are missing."""
    lacking = [recipe for recipe in DEBIAN_RECIPES if not cache.is_whole(layer_entry(recipe))]
    if not lacking:
        return
    if not cache.is_whole(base_entry()):
        _build_base(progress, commands)
    _download(progress, commands, [name for recipe in lacking for name in recipe.packages])
    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="image") as pool:
        jobs = [pool.submit(_build_layer, recipe, progress, commands) for recipe in lacking]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            commands.cancel()
            raise


def ensure_pause(commands: Commands) -> Path:
    """The entry of the pause image's layer, made if need be."""
    target = pause_entry()
    if not cache.is_whole(target):
        with cache.building(target) as folder:
            tree = folder / "tree"
            tree.mkdir()
            source = pause.RECIPE.folder / "pause.c"
            compiler = ["gcc", "-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror"]
            commands.run("compile pause", [*compiler, "-o", tree / "pause", source])
            _pack_single(tree, folder)
    return target


def ensure_coredns(binary: Path) -> Path:
    """The entry of the CoreDNS image's layer, made if need be."""
    target = coredns_entry(binary)
    if not cache.is_whole(target):
        with cache.building(target) as folder:
            tree = folder / "tree"
            tree.mkdir()
            shutil.copy2(binary, tree / "coredns")
            _pack_single(tree, folder)
    return target


def contents(coredns_binary: Path) -> tuple[str, ...]:
    """What all images are made of, in words: it changes when any of them does."""
    layers = {
        pause.RECIPE: (pause_entry(),),
        coredns.RECIPE: (coredns_entry(coredns_binary),),
        **{recipe: (base_entry(), layer_entry(recipe)) for recipe in DEBIAN_RECIPES},
    }
    return tuple(
        f"{reference(recipe.name)} {recipe.settings()!r} {[entry.name for entry in entries]}"
        for recipe, entries in layers.items()
    )


def images(coredns_binary: Path) -> tuple[Image, ...]:
    """All images; their layers have to be there."""
    base = archive.layer_of(base_entry() / _LAYER)

    def single(entry: Path) -> tuple[Layer, ...]:
        return (archive.layer_of(entry / _LAYER),)

    return (
        Image(reference("pause"), pause.RECIPE, single(pause_entry())),
        Image(reference("coredns"), coredns.RECIPE, single(coredns_entry(coredns_binary))),
        *(
            Image(reference(recipe.name), recipe, (base, archive.layer_of(layer_entry(recipe) / _LAYER)))
            for recipe in DEBIAN_RECIPES
        ),
    )


Fill = Callable[[Path, Task], None]
"""Puts files into a folder, which is then copied into an image."""


def alone_entry(recipe: Recipe, inputs: Sequence[Path] = ()) -> Path:
    """The cache entry of the only layer of an image with a release of its own; `inputs` go into it as well."""
    parts = (recipe.release, repr((recipe.packages, recipe.leave_out)), *_DPKG_OPTIONS, *_LEAVE_OUT)
    inside = [path for path in (recipe.folder / "rootfs", *inputs) if path.exists()]
    return cache.entry(f"image-{recipe.name}", cache.key(*parts, recipe.folder / "setup.sh", *inside))


def ensure_alone(
    recipe: Recipe, progress: Progress, commands: Commands, *, fill: Fill | None = None, inputs: Sequence[Path] = ()
) -> Image:
    """An image with a release of its own, made if need be. Its archive's date is not looked at.

    `fill` adds to the recipe's `rootfs/`, from `inputs`. Raises HostError when the archive does not answer or the disk
    is full.
    """
    target = alone_entry(recipe, inputs)
    if not cache.is_whole(target):
        with cache.lock(progress):
            if not cache.is_whole(target):
                _build_alone(recipe, target, progress, commands, fill)
    return Image(reference(recipe.name), recipe, (archive.layer_of(target / _LAYER),))


def _build_alone(recipe: Recipe, target: Path, progress: Progress, commands: Commands, fill: Fill | None) -> None:
    with progress.task(f"image {recipe.name}") as task, cache.building(target, watch=_is_layer) as folder:
        rootfs, tree = folder / "rootfs", folder / "tree"
        if (recipe.folder / "rootfs").is_dir():
            shutil.copytree(recipe.folder / "rootfs", tree)
        tree.mkdir(exist_ok=True)
        if fill is not None:
            fill(tree, task)
        argv: list[str | Path] = [
            *_NAMESPACES,
            "mmdebstrap",
            "--mode=root",
            "--variant=essential",
            "--format=directory",
            # The recipe makes folders there for sockets.
            "--skip=cleanup/run",
            f"--include={','.join(recipe.packages)}",
            *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
            '--aptopt=APT::Install-Recommends "false"',
            '--aptopt=Acquire::Retries "3"',
            '--aptopt=Acquire::Check-Valid-Until "false"',
            *(f"--aptopt={option}" for option in _proxy_options(commands)),
            f'--customize-hook=cp -R --preserve=timestamps {shlex.quote(str(tree))}/. "$1/"',
            f'--customize-hook=chroot "$1" sh -s < {shlex.quote(str(recipe.folder / "setup.sh"))}',
            recipe.release,
            rootfs,
            *_sources_of(recipe.release),
        ]
        log = cache.root() / "log" / f"image-{recipe.name}.log"
        retrying(
            lambda: commands.run("mmdebstrap", argv, log=log, on_line=task.update, env={"LC_ALL": "C"}),
            task,
            source=packages.ARCHIVE,
            hint=packages.ARCHIVE_HINT,
            before=lambda: cache.remove(rootfs),
        )
        task.update("packing")
        leave_out = (*_LEAVE_OUT, *recipe.leave_out)
        archive.write_layer(rootfs, folder / _LAYER, leave_out=leave_out, newest=versions.SOURCE_DATE_EPOCH)
        cache.remove(rootfs)
        cache.remove(tree)


def _sources_of(release: str) -> list[str | Path]:
    own = _sources() if release == versions.DEBIAN else []
    return [*own] or [f"deb {_MIRROR} {release} main"]


def _pack_single(tree: Path, folder: Path) -> None:
    archive.write_layer(tree, folder / _LAYER, newest=versions.SOURCE_DATE_EPOCH)
    cache.remove(tree)


def _downloads() -> Path:
    folder = cache.root() / "debian"
    (folder / "partial").mkdir(parents=True, exist_ok=True)
    return folder


def _build_base(progress: Progress, commands: Commands) -> None:
    downloads = _downloads()
    with progress.task("base system for the images") as task, cache.building(base_entry(), watch=_is_layer) as folder:
        step = 0

        def show(line: str) -> None:
            nonlocal step
            if line.startswith("I: "):
                step += 1
                task.update(line.removeprefix("I: "), done=min(step, _STEPS_OF_MMDEBSTRAP), total=_STEPS_OF_MMDEBSTRAP)

        rootfs = folder / "rootfs"
        archives = "var/cache/apt/archives"
        argv: list[str | Path] = [
            *_NAMESPACES,
            "mmdebstrap",
            "--mode=root",
            "--variant=apt",
            "--format=directory",
            "--skip=cleanup/apt",
            f"--include={','.join(_BASE_PACKAGES)}",
            *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
            '--aptopt=APT::Install-Recommends "false"',
            '--aptopt=Acquire::Retries "3"',
            *(f"--aptopt={option}" for option in _proxy_options(commands)),
            # What an earlier build downloaded is not asked for again.
            f'--setup-hook=mkdir -p "$1/{archives}"',
            f'--setup-hook=find {shlex.quote(str(downloads))} -name "*.deb" -exec ln -f -t "$1/{archives}" {{}} +',
            versions.DEBIAN,
            rootfs,
            *_sources(),
        ]
        log = cache.root() / "log" / "base.log"
        retrying(
            lambda: commands.run("mmdebstrap", argv, log=log, on_line=show, env={"LC_ALL": "C"}),
            task,
            source=packages.ARCHIVE,
            hint=packages.ARCHIVE_HINT,
            before=lambda: cache.remove(rootfs),
        )
        for deb in (rootfs / archives).glob("*.deb"):
            shutil.move(deb, downloads / deb.name)
        task.update("packing")
        archive.write_layer(rootfs, folder / _LAYER, leave_out=_LEAVE_OUT, newest=versions.SOURCE_DATE_EPOCH)


def _is_layer(file: Path) -> bool:
    return file.name == _LAYER


def _sources() -> list[Path]:
    """This host's own package sources when it runs the release that the images are made of: they name its mirrors."""
    found = []
    folder = Path("/etc/apt")
    for file in sorted([folder / "sources.list", *(folder / "sources.list.d").glob("*")]):
        if file.suffix not in (".list", ".sources") or not file.is_file():
            continue
        lines = [line for line in file.read_text(errors="replace").splitlines() if not line.lstrip().startswith("#")]
        if any(versions.DEBIAN in line.split() for line in lines) and all(
            "main" in line.split() for line in lines if line.startswith(("deb ", "Components:"))
        ):
            found.append(file)
    return found


def _proxy_options(commands: Commands) -> list[str]:
    """This host's apt settings for proxies and certificates, which mmdebstrap's own apt would not read."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check-")
    lines = commands.run("apt-config", ["apt-config", "dump"])
    return [line.rstrip(";") for line in lines if line.startswith(wanted) and '""' not in line]


def _download(progress: Progress, commands: Commands, wanted: Sequence[str]) -> None:
    """Fetch the packages (and what they need on top of the base system) for all layers at once."""
    rootfs = base_entry() / "rootfs"
    options = (
        f"Dir={rootfs}",
        f"Dir::State::status={rootfs}/var/lib/dpkg/status",
        f"Dir::Cache::archives={_downloads()}/",
        # The cache may lie in a folder that apt's own user cannot enter.
        "APT::Sandbox::User=root",
    )
    with progress.task("download Debian packages for the images") as task:

        def fetch() -> None:
            packages.apt(
                commands,
                task,
                ["--download-only", "install", *wanted],
                what="downloading packages for the images",
                options=options,
            )

        try:
            fetch()
        except packages.Gone:
            # The base system is from an earlier day, and the archive has newer versions since.
            packages.apt(commands, task, ["update"], what="apt-get update for the images", options=options)
            fetch()


def _build_layer(recipe: Recipe, progress: Progress, commands: Commands) -> None:
    with (
        progress.task(f"image {recipe.name}") as task,
        cache.building(layer_entry(recipe), watch=_is_layer) as folder,
    ):

        def show(line: str) -> None:
            share = packages.status_percent(line)
            if share is not None:
                task.update(share[1], done=share[0], total=100)

        work = folder / "work"
        work.mkdir()
        folders: list[str | Path] = [base_entry() / "rootfs", work, _downloads(), recipe.folder]
        commands.run(
            f"image {recipe.name}",
            [*_NAMESPACES, "--net", "sh", _SCRIPT, *folders, *recipe.packages],
            log=cache.root() / "log" / f"image-{recipe.name}.log",
            on_line=show,
        )
        task.update("packing", done=100, total=100)
        archive.write_layer(
            work / "upper",
            folder / _LAYER,
            leave_out=(*_LEAVE_OUT, *recipe.leave_out),
            newest=versions.SOURCE_DATE_EPOCH,
        )
        cache.remove(work)
