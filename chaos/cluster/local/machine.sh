# Puts a machine's view of the file system together in the private mount namespace that it is started in, then holds
# the namespaces. Nothing of it is seen on the host.
#
# usage: sh machine.sh STAGE FOLDER VOLUMES KUBE TEMPLATE MOUNT_NFS
#   STAGE      an empty folder on the host, where the machine's /run is put together
#   FOLDER     the machine's folder on disk
#   VOLUMES    the folder of the network disks
#   KUBE       the binary of the Kubernetes components
#   TEMPLATE   a containerd root with the images in it, or "" on a machine that runs no pods
#   MOUNT_NFS  a mount helper for NFS where the kernel has none, or ""
set -eu
stage=$1 folder=$2 volumes=$3 kube=$4 template=$5 mount_nfs=$6

# mount -n throughout: without it libmount makes /run/mount on the host.
# Everything is bound into the new /run first, since the paths on the host may lie below what is covered afterwards.
mount -n -t tmpfs -o mode=755 tmpfs "$stage"
mkdir -p "$stage/hachaos/machine" "$stage/hachaos/volumes" "$stage/hachaos/sbin" "$stage/lock"
mount -n --bind "$folder" "$stage/hachaos/machine"
mount -n --bind "$volumes" "$stage/hachaos/volumes"
: > "$stage/hachaos/kube"
mount -n --bind "$kube" "$stage/hachaos/kube"
if [ -n "$mount_nfs" ]; then
    cp "$mount_nfs" "$stage/hachaos/sbin/mount.nfs"
    chmod 755 "$stage/hachaos/sbin/mount.nfs"
    ln -s mount.nfs "$stage/hachaos/sbin/mount.nfs4"
fi
if [ -n "$template" ]; then
    # Layers are only ever read, so all machines share one copy of them.
    layers=io.containerd.snapshotter.v1.overlayfs/snapshots
    for layer in "$template/$layers"/*; do
        own="$stage/hachaos/machine/lib/containerd/$layers/${layer##*/}"
        mkdir -p "$own"
        mount -n -o bind,ro "$layer" "$own"
    done
fi
mount -n --rbind "$stage" /run

cd /run/hachaos
mount -n --rbind machine/lib /var/lib
mount -n --bind machine/var-log /var/log
mount -n --bind machine/tmp /tmp
# kube-controller-manager's host-path provisioner always makes its volumes here.
mkdir -p /tmp/hostpath_pv
mount -n --bind volumes /tmp/hostpath_pv
if [ -n "$mount_nfs" ]; then
    # An overlay, as there may be no /sbin/mount.nfs to bind over.
    sbin=$(readlink -f /sbin)
    mount -n -t overlay -o "lowerdir=/run/hachaos/sbin:$sbin" overlay "$sbin"
fi

# kubelet would set these for the whole host. It finds them as it wants them, and the host keeps its own.
mkdir sysctl
covered() {
    [ -e "/proc/sys/$1" ] || return 0
    echo "$2" > "sysctl/${1##*/}"
    mount -n --bind "sysctl/${1##*/}" "/proc/sys/$1"
}
covered vm/overcommit_memory 1
covered vm/panic_on_oom 0
covered kernel/panic 10
covered kernel/panic_on_oops 1
covered kernel/keys/root_maxkeys 1000000
covered kernel/keys/root_maxbytes 25000000

# kubelet refuses to start pods with mount propagation on anything else. The peers of these mounts are all in here.
mount -n --make-rshared /
# Namespaced: this is the machine's own.
echo 1 > /proc/sys/net/ipv4/ip_forward
echo ready
exec sleep infinity
