#!/bin/bash
# The container `xtrabackup`: serves clones, and keeps a replica's replication going.
set -u
. /scripts/lib.sh
. /scripts/tend.sh
LIMIT_S=3
# PID 1 gets no signal that it does not ask for; when it leaves, the kernel ends the rest of the container.
trap 'exit 0' TERM INT
(umask 077 && printf '[mariadb-backup]\nuser=backup\npassword=%s\n' "$BACKUP_PASSWORD" >"$RUN/backup.cnf")
# An SO_KEEPALIVE probe ends the backup for a peer whose node was lost.
socat "TCP-LISTEN:$BACKUP_PORT,fork,reuseaddr,max-children=16,keepalive,keepidle=10,keepintvl=5,keepcnt=3" \
  'EXEC:bash /scripts/serve.sh' &
listener=$!
log "serving port $BACKUP_PORT"

pause() { sleep "$1" & wait $!; }

every=0.4
while true; do
  pause "$every"
  # Without it peers hear nothing of this pod, and none can be cloned from it: kubelet is to start both again.
  if ! kill -0 "$listener" 2>/dev/null; then
    log "port $BACKUP_PORT is not served any more"
    exit 1
  fi
  if [[ $ORDINAL != 0 && -S $SOCKET ]]; then tend; fi
done
