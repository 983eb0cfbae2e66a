#!/bin/sh
# build-layer.sh BASE WORK ARCHIVES RECIPE PACKAGE... : install packages and set up, in an overlay on the base system.
# Runs as root in mount, pid and network namespaces of its own, so that nothing of it can stay behind.
# The new layer is what is in WORK/upper at the end.
set -eu
base=$1 work=$2 archives=$3 recipe=$4
shift 4
root=$work/root
mkdir -p "$work/upper" "$work/overlay" "$root"
# Whatever the kernel's defaults are: the upper folder must make sense without the mount.
mount -n -t overlay overlay \
    -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/overlay,index=off,metacopy=off,redirect_dir=off" "$root" ||
    mount -n -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/overlay" "$root"
mount -n -t proc proc "$root/proc"
mount -n --bind "$archives" "$root/var/cache/apt/archives"
mount -n -t tmpfs tmpfs "$root/tmp"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# The status goes to a descriptor of its own: apt closes the one that it is given in the programs that it starts.
# Several layers are built at a time from the same downloads, which none changes: so none needs apt's lock.
chroot "$root" apt-get --yes --no-install-recommends --no-download \
    -o Debug::NoLocking=1 -o APT::Keep-Downloaded-Packages=1 -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 \
    install "$@" </dev/null 3>&1

if [ -d "$recipe/rootfs" ]; then
    cp -R --preserve=mode,timestamps "$recipe/rootfs/." "$root/"
fi
cp "$recipe/setup.sh" "$root/tmp/setup.sh"
chroot "$root" sh /tmp/setup.sh </dev/null
