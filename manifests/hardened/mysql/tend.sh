# One look at a replica's replication, and what keeps it going. Sourced.
STOPPED=$RUN/io-thread-stopped # by us: it is to run again, however long the server takes to stop it

# The thread may sleep before its next try, or hang in one to the address of a pod that is gone. Only a server that
# greets will take it: STOP REPLICA in the moment in which a whole stack is ended can hang this replica's server too.
greets() { timeout 1 bash -c "head --bytes=5 </dev/tcp/$BASE-repl/3306 | grep -q ." 2>/dev/null; }

# While the thread looks up a name that DNS does not answer for, the server takes longer to stop it than we wait for it.
wake_up() {
  greets || return
  touch "$STOPPED"
  sql 'STOP REPLICA IO_THREAD'
  start_again && log "restarted an I/O thread that was connecting"
  pause 1
}

start_again() { sql 'START REPLICA IO_THREAD'; }

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

# Sets `every`: the seconds until the next look.
tend() {
  local status io
  every=0.4
  status=$(client --execute='SHOW REPLICA STATUS\G' 2>/dev/null) || return
  io=$(replica_status "$status" Slave_IO_Running)
  if [[ $(replica_status "$status" Last_IO_Errno) == 1236 ]]; then
    on_1236 "$(replica_status "$status" Last_IO_Error)"
  elif [[ $io =~ ^(Connecting|Preparing)$ ]]; then
    every=0.2 # writes wait for this
    wake_up
  elif [[ -e $STOPPED && $io == Yes ]]; then
    rm "$STOPPED"
  elif [[ -e $STOPPED ]] && start_again; then
    log "started the I/O thread, which took its time to stop"
  fi
}
