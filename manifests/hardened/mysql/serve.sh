#!/bin/bash
# One connection to the backup port. The first line must be `<token> STATUS` or `<token> BACKUP`: a bare connect, a
# probe or a scan starts nothing.
set -u
. /scripts/lib.sh
LIMIT_S=3
IFS= read -r -t 5 request || exit 0
[[ -n $TOKEN && ${request%% *} == "$TOKEN" ]] || exit 0

# received STATUS APPLIED: the furthest that this pod could give, were it cloned now
received() {
  local io
  io=$(replica_status "$1" Gtid_IO_Pos)
  if is_position "$io" && ahead "$io" "$2"; then echo "$io"; else echo "$2"; fi
}

live() {
  local applied status
  applied=$(sql 'SELECT @@gtid_binlog_pos' 2>/dev/null) && is_position "$applied" || return 1
  [[ $(sql 'SELECT COUNT(*) FROM stack.identity' 2>/dev/null) == 1 ]] || return 1
  status=$(client --execute='SHOW REPLICA STATUS\G') || return 1
  echo "DATA:$(received "$status" "$applied"):live"
}

on_disk() {
  local applied relayed
  applied=$(written_position "$DATA" binlog) || return 1
  relayed=$(written_position "$DATA" relay) || relayed=$applied
  echo "DATA:$(printf '%s\n' "$applied" "$relayed" | furthest):disk"
}

# Alone, each commit waits for a replica, the backup for each commit, and the replica for the backup. A commit that
# nobody has received is not acknowledged yet: its connection is cut, which tells its client nothing.
cut_waiting_commits() {
  local status ids
  status=$(sql "SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'") && [[ ${status##*$'\t'} == 0 ]] || return
  ids=$(sql "SELECT id FROM information_schema.processlist
    WHERE state LIKE 'Waiting for semi-sync ACK%' AND time_ms > 2000") && [[ $ids ]] || return
  log "no replica receives: cutting $(wc -l <<<"$ids") commits that wait for one"
  client --force --execute="$(sed 's/.*/KILL &;/' <<<"$ids")" 2>/dev/null
}

case ${request#* } in
  STATUS)
    if [[ ! -r /data || ! -O /data ]]; then
      echo STARTING # the other container has not made the volume ours yet
    elif [[ -d $DATA/mysql ]]; then
      live || on_disk || echo STARTING
    elif [[ -e $ASIDE || -s $SIDE/provenance.json ]]; then
      echo STARTING # between two renames
    else
      echo EMPTY
    fi
    ;;
  BACKUP)
    log "a backup is asked for"
    # What was acknowledged has to be in it, applied or not.
    for ((try = 0; try < 600; try++)); do
      status=$(client --execute='SHOW REPLICA STATUS\G') &&
        applied=$(sql 'SELECT @@gtid_binlog_pos') || exit 1
      [[ $(received "$status" "$applied") != "$applied" ]] || break
      sleep 0.1
    done
    work=$(mktemp -d /tmp/backup.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    mariadb-backup --defaults-file="$RUN/backup.cnf" --backup --stream=xbstream --socket="$SOCKET" --datadir="$DATA" \
      --target-dir="$work" --tmpdir="$work" 2>"$work/log" &
    backup=$!
    while kill -0 "$backup" 2>/dev/null; do
      cut_waiting_commits
      sleep 0.3
    done
    wait "$backup" || log "the backup failed: $(tail -n 2 "$work/log")"
    log "the backup is over: $(tail -n 1 "$work/log")"
    ;;
esac
