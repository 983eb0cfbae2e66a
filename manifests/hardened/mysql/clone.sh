#!/bin/bash
# Fills an empty volume (or one marked for a re-clone) from the peer that has most, or waits. Leaves any other as it is.
set -u -o pipefail
. /scripts/lib.sh
trap 'exit 143' TERM INT
chmod 755 /data # a new volume may be closed to all but root, and mysqld is not root
bash /scripts/configure.sh
if [ -d "$DATA/mysql" ] && [ ! -e "$RECLONE" ]; then
    log "the volume has data"
    exit 0
fi

began=$(date -u +%FT%T.%3NZ)
responder=
if [ "${1:-}" = init ]; then
    # Peers have to hear that this pod is empty, and the sidecar is not there yet.
    socat "TCP-LISTEN:$BACKUP_PORT,fork,reuseaddr" "EXEC:bash /scripts/serve.sh" &
    responder=$!
fi

# A server that nobody can reach, to set right what a backup does not hold.
private_start() {
    SERVER=/tmp/private.sock
    mariadbd --defaults-file=/conf/my.cnf --datadir="$INCOMING" --socket=$SERVER --pid-file=/tmp/private.pid \
        --skip-networking --skip-slave-start --read-only=0 \
        --rpl-semi-sync-master-enabled=0 --rpl-semi-sync-slave-enabled=0 --log-error=/tmp/private.err &
    private=$!
    for _ in $(seq 600); do
        if sql 'SELECT 1' >/dev/null 2>&1; then return 0; fi
        if ! kill -0 $private 2>/dev/null; then cat /tmp/private.err >&2; return 1; fi
        nap .1
    done
    return 1
}
private_stop() { sql SHUTDOWN && wait $private; }

# how donor gtid: note where the data came from, then move it into place.
finish() {
    printf '{"how":"%s","donor":"%s","gtid":"%s","bytes":%s,"began":"%s","finished":"%s"}\n' \
        "$1" "$2" "$3" "$(du -sb $INCOMING | cut -f1)" "$began" "$(date -u +%FT%T.%3NZ)" >/data/$PROVENANCE.new
    sync -f "$INCOMING"
    # The old data is set aside, not removed: it may hold the only copy of rows that were never acknowledged.
    if [ -d "$DATA" ]; then rm -rf /data/replaced; mv "$DATA" /data/replaced; fi
    mv "$INCOMING" "$DATA" && mv /data/$PROVENANCE.new /data/$PROVENANCE && rm -f "$RECLONE" && sync -f /data
    if [ -n "$responder" ]; then kill $responder; fi
    log "$1 finished: the data is in place"
    exit 0
}

bootstrap() {
    rm -rf $INCOMING
    mkdir -p $INCOMING
    chown mysql:mysql $INCOMING
    mariadb-install-db --no-defaults --user=mysql --datadir=$INCOMING --skip-test-db \
        --auth-root-authentication-method=socket >/tmp/install.log 2>&1 || { cat /tmp/install.log >&2; return 1; }
    private_start || return 1
    mariadb --no-defaults -uroot -S $SERVER <<END || return 1
DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host != 'localhost');
FLUSH PRIVILEGES;
CREATE USER repl@'%' IDENTIFIED BY '$REPL_PASSWORD';
GRANT REPLICATION SLAVE ON *.* TO repl@'%';
CREATE USER backup@localhost IDENTIFIED BY '$BACKUP_PASSWORD';
GRANT RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR, REPLICA MONITOR ON *.* TO backup@localhost;
CREATE DATABASE wordpress CHARACTER SET utf8mb4;
CREATE USER wordpress@'%' IDENTIFIED BY '$WORDPRESS_PASSWORD';
GRANT ALL ON wordpress.* TO wordpress@'%';
CREATE DATABASE hachaos;
CREATE USER hachaos@'%' IDENTIFIED BY '$HACHAOS_PASSWORD';
GRANT ALL ON hachaos.* TO hachaos@'%';
GRANT SELECT ON wordpress.* TO hachaos@'%';
GRANT BINLOG MONITOR, REPLICA MONITOR ON *.* TO hachaos@'%';
CREATE DATABASE ha;
CREATE TABLE ha.cluster (id INT PRIMARY KEY, uuid CHAR(36), born TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
INSERT INTO ha.cluster (id, uuid) VALUES (1, UUID());
END
    local gtid
    gtid=$(sql 'SELECT @@gtid_binlog_pos')
    private_stop || return 1
    finish bootstrap "" "$gtid"
}

clone_from() {
    local peer=$1 gtid statement
    rm -rf $INCOMING
    mkdir -p $INCOMING
    log "cloning from $SET_NAME-$peer"
    (talk "$peer" BACKUP) | mbstream -x -C $INCOMING || { log "the stream broke"; return 1; }
    # A stream that was cut off can still unpack well: these three come last.
    if ! grep -q 'backup_type = full-backuped' $INCOMING/xtrabackup_checkpoints 2>/dev/null ||
        [ ! -s $INCOMING/xtrabackup_info ] || [ ! -s $INCOMING/xtrabackup_binlog_info ]; then
        log "the backup is not whole ($(du -sm $INCOMING | cut -f1) MB came)"
        return 1
    fi
    gtid=$(awk '{print $3}' $INCOMING/xtrabackup_binlog_info)
    mariadb-backup --prepare --target-dir=$INCOMING 2>/tmp/prepare.log || { tail -n 5 /tmp/prepare.log >&2; return 1; }
    grep -q 'completed OK' /tmp/prepare.log || { log "the backup was not prepared"; return 1; }
    [[ $gtid =~ ^0-[0-9]+-[0-9]+$ ]] || { log "the backup names no position: '$gtid'"; return 1; }
    chown -R mysql:mysql $INCOMING
    private_start || return 1
    # Without these a replica behind the backup could skip acknowledged rows in silence.
    statement="SET GLOBAL gtid_binlog_state='$gtid'; SET GLOBAL gtid_slave_pos='$gtid';"
    if [ "$ORDINAL" != 0 ]; then
        statement="$statement CHANGE MASTER TO MASTER_HOST='mysql-repl', MASTER_PORT=3306, MASTER_USER='repl',
            MASTER_PASSWORD='$REPL_PASSWORD', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1,
            MASTER_HEARTBEAT_PERIOD=1;"
    else
        statement="$statement RESET SLAVE ALL;"
    fi
    sql "$statement" && [ "$(sql 'SELECT COUNT(*) FROM ha.cluster')" = 1 ] && private_stop ||
        { log "the clone could not be completed"; kill $private 2>/dev/null; return 1; }
    finish clone "$SET_NAME-$peer" "$gtid"
}

log "the volume is empty or to be cloned anew: asking the peers"
looks=0
while :; do
    states=$(ask_all)
    decision=$(bash /scripts/decide.sh fill "$ORDINAL" "$(cat /bootstrap/BOOTSTRAP 2>/dev/null)" <<<"$states")
    if [ $((looks++ % 20)) = 0 ]; then log "peers: ${states//$'\n'/, }; decision: $decision"; fi
    case $decision in
    bootstrap) if [ ! -e "$RECLONE" ]; then bootstrap; fi ;;
    clone*) clone_from "${decision#clone }" ;;
    esac
    nap .5
done
