#!/bin/sh
# Becomes the NFS server as process 1, so that SIGTERM ends the container at once.
set -eu
mkdir -p /run/rpcbind /run/ganesha /var/lib/nfs/ganesha
# Ganesha looks up its exports' file systems there.
ln -sf /proc/self/mounts /etc/mtab
chown 33:33 /exports
chmod 755 /exports
rpcbind -f &
exec ganesha.nfsd -F -L STDOUT -N NIV_EVENT -p /run/ganesha/ganesha.pid -f /etc/hachaos/ganesha.conf
