# Writes the server's settings. Sourced.

# server_id FOLDER: the primary's was fixed when its volume was filled (lib.sh tells why), a replica's is its ordinal
server_id() {
  if [[ $ORDINAL == 0 ]]; then cat "$1/server-id"; else echo $((100 + ORDINAL)); fi
}

# configure FOLDER: the settings for the data in that folder
configure() {
  local read_only=1 source=0 replica=1
  if [[ $ORDINAL == 0 ]]; then read_only=0 source=1 replica=0; fi
  cat >"$CONF" <<END
[mysqld]
datadir=$1
socket=$SOCKET
pid-file=$RUN/mysqld.pid
tmpdir=/tmp
bind-address=0.0.0.0
skip-name-resolve
server-id=$(server_id "$1")
report-host=$HOSTNAME
read-only=$read_only
max-connections=500
# Commits that wait for a replica hold theirs: some are left for the backup, the replicas and the probes.
max-user-connections=220
performance-schema=0
innodb-buffer-pool-size=${BUFFER_POOL:-128M}
# Every clone writes one of these anew.
innodb-log-file-size=32M

# An acknowledged write is on disk here ...
innodb-flush-log-at-trx-commit=1
sync-binlog=1
# ... and has been received by a replica. The timeout is 49 days: waiting never ends in acknowledging without one.
rpl-semi-sync-master-enabled=$source
rpl-semi-sync-slave-enabled=$replica
rpl-semi-sync-master-wait-point=AFTER_SYNC
rpl-semi-sync-master-wait-no-slave=1
rpl-semi-sync-master-timeout=4294967295

log-bin=binlog
relay-log=relay
binlog-format=ROW
# What was written last is read from the newest file at each start of a pod, so files stay small.
max-binlog-size=16M
expire-logs-days=10
log-slave-updates=1
gtid-domain-id=0
# With the position that a clone is given, this is what turns a hole in the replication into an error.
gtid-strict-mode=1
slave-net-timeout=4
# What was received and not yet applied has been applied by replay.sh before the server begins.
relay-log-recovery=1
END
}
