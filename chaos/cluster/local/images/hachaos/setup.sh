# Runs inside the image, after its packages are in.
set -eu
# By hand, since the image has no package that would do it.
echo 'hachaos:x:10001:' >>/etc/group
echo 'hachaos:x:10001:10001::/opt/hachaos:/usr/sbin/nologin' >>/etc/passwd
# Whatever the umask of the host was: it is another user who reads them.
chmod -R a+rX /opt/hachaos /usr/local/bin
# The root file system is read-only to whoever runs it. By hash, since the times of the files are not kept.
python3 -m compileall -q --invalidation-mode unchecked-hash /opt/hachaos/lib
