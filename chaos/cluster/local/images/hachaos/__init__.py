"""hachaos itself, for a run in a pod: Python 3.11 with the locked dependencies, the package, manifests and scenarios.

It runs as a user of its own with nothing but /tmp and its reports to write to. No stack runs on it: it is built when
`hachaos cluster image` or a test asks for it.
"""

from __future__ import annotations

from pathlib import Path

from chaos.cluster.local import versions
from chaos.cluster.local.images.recipe import Recipe

USER = 10001
"""The number of user and group. It has no other rights than those of the pod's service account."""

HOME = "opt/hachaos"
"""Where the tool lies in the image; `scenarios/kill-master.yaml` is found from there."""

RECIPE = Recipe(
    name="hachaos",
    folder=Path(__file__).parent,
    release=versions.DEBIAN,
    packages=("python3",),
    # What nobody needs who only runs it: a second, asynchronous client of the API, and the world of Perl.
    leave_out=(
        f"{HOME}/lib/bin",
        f"{HOME}/lib/kubernetes/aio",
        "usr/lib/*/perl",
        "usr/share/perl",
        "usr/share/perl5",
        "usr/share/zoneinfo/right",
        "var/lib/apt",
    ),
    entry_point=("/usr/local/bin/hachaos",),
    command=("--help",),
    user=f"{USER}:{USER}",
    working_directory=f"/{HOME}",
)
