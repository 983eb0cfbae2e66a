#!/bin/bash
# The container `xtrabackup`: serves clones, and keeps a replica's replication going.
set -u
. /scripts/lib.sh
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

# The thread may sleep before its next try, or hang in one to the address of a pod that is gone. Only a server that
# greets will take it: STOP REPLICA in the moment in which a whole stack is ended can hang this replica's server too.
wake_up() {
  if timeout 1 bash -c "head --bytes=5 </dev/tcp/$BASE-repl/3306 | grep -q ." 2>/dev/null; then
    sql 'STOP REPLICA IO_THREAD; START REPLICA IO_THREAD' && log "restarted an I/O thread that was connecting"
    pause 1
  fi
}

# The primary's log does not reach back to where this replica stands, or has never been there.
on_1236() {
  local mine primary
  mine=$(sql 'SELECT @@gtid_binlog_pos') && primary=$(ask 0)
  log "$1; here: $mine, the primary: $primary"
  primary=${primary#DATA:}
  if [[ $primary == *:live ]] && ahead "${primary%:live}" "$mine"; then
    log "behind the primary: cloning again"
    touch "$DATA/reclone" && sync "$DATA" && sql SHUTDOWN
  else
    log "not behind the primary: left as it is, for somebody to look at"
  fi
  pause 5
}

every=0.4
while true; do
  pause "$every"
  every=0.4
  # Without it peers hear nothing of this pod, and none can be cloned from it: kubelet is to start both again.
  if ! kill -0 "$listener" 2>/dev/null; then
    log "port $BACKUP_PORT is not served any more"
    exit 1
  fi
  if [[ $ORDINAL == 0 || ! -S $SOCKET ]]; then continue; fi
  status=$(client --execute='SHOW REPLICA STATUS\G' 2>/dev/null) || continue
  if [[ $(replica_status "$status" Last_IO_Errno) == 1236 ]]; then
    on_1236 "$(replica_status "$status" Last_IO_Error)"
  elif [[ $(replica_status "$status" Slave_IO_Running) =~ ^(Connecting|Preparing)$ ]]; then
    every=0.2 # writes wait for this
    wake_up
  fi
done
