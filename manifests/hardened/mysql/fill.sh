# Fills a volume, by bootstrap or by a clone, in a side folder that takes its place when it is whole. Sourced.
PRIVATE=$RUN/private.sock

# private_server FOLDER: a server that nobody else can reach, which neither replicates nor waits for replicas
private_server() {
  local try
  rm -f "$PRIVATE"
  configure "$1"
  mariadbd --defaults-file="$CONF" --socket="$PRIVATE" --pid-file="$RUN/private.pid" --skip-networking \
    --skip-slave-start --relay-log-recovery=0 --read-only=0 \
    --rpl-semi-sync-master-enabled=0 --rpl-semi-sync-slave-enabled=0 --log-error=/tmp/private.log &
  PRIVATE_PID=$!
  for ((try = 0; try < 6000; try++)); do
    if [[ -S $PRIVATE ]] && private 'SELECT 1' >/dev/null 2>&1; then return 0; fi
    if ! kill -0 "$PRIVATE_PID" 2>/dev/null; then break; fi
    sleep 0.1
  done
  log "the private server did not start:"
  tail -n 5 /tmp/private.log >&2
  return 1
}

private() { SOCKET=$PRIVATE sql "$1"; }

end_private_server() {
  private SHUTDOWN && wait "$PRIVATE_PID"
}

# 1 in every whole copy of this stack's data
MARKER='SELECT COUNT(*) FROM stack.identity'

new_server_id() {
  # A clock that went back must not make a new volume look older than the one it was cloned from.
  local now older=$1
  now=$(date +%s)
  echo $((now > older ? now : older + 1))
}

# provenance HOW DONOR POSITION BEGAN: where this data came from. The last file of the side folder: now it is whole.
provenance() {
  local bytes empty=true
  bytes=$(du --summarize --bytes "$SIDE" | cut -f 1)
  if [[ -d $DATA ]]; then empty=false; fi
  printf '{"how": "%s", "donor": %s, "gtid": "%s", "bytes": %s, "began": "%s", "finished": "%s", ' \
    "$1" "$2" "$3" "$bytes" "$4" "$(date -u +%FT%T.%3NZ)" >"$SIDE/provenance.tmp"
  printf '"volume_seen_empty": %s}\n' "$empty" >>"$SIDE/provenance.tmp"
  sync --file-system "$SIDE" && mv "$SIDE/provenance.tmp" "$SIDE/provenance.json" && sync "$SIDE"
}

# settle: the side folder, if it is whole, takes its place; what was there before is kept
settle() {
  local kept
  [[ -s $SIDE/provenance.json ]] || return 1
  if [[ -d $DATA ]]; then
    kept=$ASIDE/$(date -u +%Y%m%dT%H%M%SZ)
    mkdir -p "$ASIDE" && mv "$DATA" "$kept" || return 1
    log "the data that was here before, up to $(written_position "$kept" binlog), is kept in $kept: it may have rows" \
      "that no other copy has. Remove it by hand once that has been looked at."
  fi
  mv "$SIDE" "$DATA" && ln -sfn mysql/provenance.json /data/provenance.json && sync --file-system /data
  log "in place: $(<"$DATA/provenance.json")"
}

bootstrap() {
  local began
  began=$(date -u +%FT%T.%3NZ)
  rm -rf "$SIDE" && mkdir "$SIDE" || return 1
  new_server_id 0 >"$SIDE/server-id"
  if ! mariadb-install-db --no-defaults --datadir="$SIDE" --skip-test-db --skip-name-resolve --tmpdir=/tmp \
    --auth-root-authentication-method=socket --auth-root-socket-user=mysql >/tmp/install.log 2>&1; then
    tail -n 5 /tmp/install.log >&2
    return 1
  fi
  private_server "$SIDE" || return 1
  # Passwords by standard input: an argument can be read by others.
  SOCKET=$PRIVATE client <<END || return 1
DROP USER IF EXISTS ''@localhost, ''@'$HOSTNAME';
CREATE USER repl@'%' IDENTIFIED BY '$REPL_PASSWORD';
GRANT REPLICATION SLAVE ON *.* TO repl@'%';
CREATE USER backup@localhost IDENTIFIED BY '$BACKUP_PASSWORD';
GRANT RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR, REPLICA MONITOR ON *.* TO backup@localhost;
CREATE DATABASE wordpress CHARACTER SET utf8mb4;
CREATE USER wordpress@'%' IDENTIFIED BY '$WORDPRESS_PASSWORD';
GRANT ALL ON wordpress.* TO wordpress@'%';
CREATE DATABASE hachaos CHARACTER SET utf8mb4;
CREATE USER hachaos@'%' IDENTIFIED BY '$HACHAOS_PASSWORD';
GRANT ALL ON hachaos.* TO hachaos@'%';
GRANT SELECT ON wordpress.* TO hachaos@'%';
GRANT BINLOG MONITOR, REPLICA MONITOR ON *.* TO hachaos@'%';
CREATE DATABASE stack;
CREATE TABLE stack.identity (
  id INT PRIMARY KEY, uuid CHAR(36) NOT NULL, born TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO stack.identity (id, uuid) VALUES (1, UUID());
END
  local at
  at=$(private 'SELECT @@gtid_binlog_pos') && end_private_server && provenance bootstrap null "$at" "$began" && settle
}

# room: a clone needs the donor's size, and the old data stays
room() {
  local free needed
  [[ -d $DATA ]] || return 0
  needed=$(($(du --summarize --block-size=1M "$DATA" | cut -f 1) * 12 / 10))
  free=$(df --output=avail --block-size=1M /data | tail -n 1)
  ((free > needed)) && return
  log "no room for a clone beside the data that is kept: $free MiB free, about $needed needed"
  return 1
}

# clone DONOR POSITION: the donor's data; it must reach at least that position
clone() {
  local donor=$BASE-$1 least=$2 began at statements
  began=$(date -u +%FT%T.%3NZ)
  room || return 1
  rm -rf "$SIDE" && mkdir "$SIDE" || return 1
  log "cloning $donor, which has $least"
  if ! (set -o pipefail; talk "$donor.$BASE" BACKUP | mbstream --extract --directory="$SIDE"); then
    log "the stream of $donor broke off"
    return 1
  fi
  if ! grep -qx 'backup_type = full-backuped' "$SIDE/xtrabackup_checkpoints" 2>/dev/null ||
    [[ ! -s $SIDE/xtrabackup_info || ! -s $SIDE/xtrabackup_binlog_info ]]; then
    log "the stream of $donor is not whole"
    return 1
  fi
  at=$(awk '{print $3}' "$SIDE/xtrabackup_binlog_info")
  if ! is_position "$at" || ahead "$least" "$at"; then
    log "the stream of $donor is at ${at:-no position}, before $least"
    return 1
  fi
  mariadb-backup --no-defaults --prepare --use-memory=64M --target-dir="$SIDE" >/tmp/prepare.log 2>&1
  if ! tail -n 1 /tmp/prepare.log | grep -q 'completed OK'; then
    log "the clone of $donor can't be prepared:"
    tail -n 5 /tmp/prepare.log >&2
    return 1
  fi
  new_server_id "$(cut -d - -f 2 <<<"$at")" >"$SIDE/server-id"
  private_server "$SIDE" || return 1
  # Both, or what a replica lacks of the donor's past is passed over in silence.
  statements="SET GLOBAL gtid_binlog_state='$at'; SET GLOBAL gtid_slave_pos='$at';"
  if [[ $ORDINAL == 0 ]]; then
    statements+="RESET SLAVE ALL;"
  else
    statements+="CHANGE MASTER TO MASTER_HOST='$BASE-repl', MASTER_PORT=3306, MASTER_USER='repl',
      MASTER_PASSWORD='$REPL_PASSWORD', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1;"
  fi
  if ! SOCKET=$PRIVATE client <<<"$statements" ||
    [[ $(private "$MARKER") != 1 || $(private 'SELECT @@gtid_binlog_pos') != "$at" ]] || ! end_private_server; then
    log "the clone of $donor can't be given its position $at"
    kill "$PRIVATE_PID" 2>/dev/null && wait "$PRIVATE_PID"
    return 1
  fi
  provenance clone "\"$donor\"" "$at" "$began" && settle
}
