#!/bin/bash
# Writes this ordinal's server configuration.
. /scripts/lib.sh
if [ "$ORDINAL" = 0 ]; then
    # Read-only until the sidecar has seen that no peer is ahead of this volume.
    role="rpl-semi-sync-master-enabled=1
rpl-semi-sync-slave-enabled=0"
else
    role="rpl-semi-sync-master-enabled=0
rpl-semi-sync-slave-enabled=1"
fi
cat >/conf/my.cnf <<END
[mysqld]
user=mysql
datadir=$DATA
socket=$SOCKET
pid-file=/run/mysqld/mysqld.pid
bind-address=0.0.0.0
skip-name-resolve
performance-schema=0
max-connections=200
innodb-buffer-pool-size=128M
server-id=$((100 + ORDINAL))
report-host=$HOSTNAME
read-only=1
log-bin=binlog
relay-log=relay
log-slave-updates=1
binlog-format=ROW
expire-logs-days=10
gtid-domain-id=0
gtid-strict-mode=1
sync-binlog=1
innodb-flush-log-at-trx-commit=1
slave-net-timeout=4
relay-log-recovery=1
rpl-semi-sync-master-wait-point=AFTER_SYNC
rpl-semi-sync-master-wait-no-slave=1
rpl-semi-sync-master-timeout=$SEMISYNC_TIMEOUT_MS
$role
END
