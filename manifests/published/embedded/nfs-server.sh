# As in the public image, everybody may write to the export; Apache reads it as www-data.
set -eu
chown 33:33 /exports
chmod 755 /exports
exec nfs-server
