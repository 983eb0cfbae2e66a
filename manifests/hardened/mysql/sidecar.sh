#!/bin/bash
# The xtrabackup container: serves backups, lets ordinal 0 take writes once no peer is ahead, keeps replicas replicating.
. /scripts/lib.sh
trap 'log "TERM"; exit 0' TERM INT # PID 1 leaves, and the kernel ends the rest
umask 077
printf '[mariabackup]\nuser=backup\npassword=%s\n' "$BACKUP_PASSWORD" >/run/backup.cnf
socat "TCP-LISTEN:$BACKUP_PORT,fork,reuseaddr,max-children=8" "EXEC:bash /scripts/serve.sh" &

replace_data() {
    log "$1: this volume's data will be replaced by a clone"
    touch "$RECLONE"
    sql SHUTDOWN
    nap 5
}

guard_primary() { # ordinal 0 stays read-only until it is known not to be behind
    local states decision patience=not
    [ "$(sql 'SELECT @@read_only' 2>/dev/null)" = 1 ] || { unsure=; return; }
    unsure=${unsure:-$SECONDS}
    [ $((SECONDS - unsure)) -lt "$PATIENCE_S" ] || patience=over
    states=$(ask_all)
    decision=$(bash /scripts/decide.sh serve "$(sql 'SELECT @@gtid_current_pos')" $patience <<<"$states")
    case $decision in
    serve)
        sql 'SET GLOBAL read_only=0' && log "no peer is ahead (${states//$'\n'/, }): taking writes"
        ;;
    reclone*) replace_data "$SET_NAME-${decision#reclone } is ahead (${states//$'\n'/, })" ;;
    *) [ $((guarded++ % 20)) != 0 ] || log "not taking writes yet (${states//$'\n'/, })" ;;
    esac
}

keep_replicating() {
    local status error mine state
    status=$(replica_status 2>/dev/null) || return
    # The I/O thread may hang in a connect to an address that is gone, or sleep: once the primary answers, start it anew.
    if grep -q 'Slave_IO_Running: \(Connecting\|Preparing\)' <<<"$status" && [ $((SECONDS - ${restarted:--9})) -ge 1 ] &&
        timeout .3 bash -c ': </dev/tcp/mysql-repl/3306' 2>/dev/null; then
        restarted=$SECONDS
        sql 'STOP SLAVE IO_THREAD; START SLAVE IO_THREAD'
        log "started the I/O thread anew"
    fi
    error=$(field Last_IO_Errno <<<"$status")
    if [ "$error" = 1236 ] && [ $((SECONDS - ${looked:--9})) -ge 5 ]; then
        looked=$SECONDS
        mine=$(sql 'SELECT @@gtid_current_pos')
        read -r state theirs _ <<<"$(ask 0)"
        log "1236: $(field Last_IO_Error <<<"$status"); here $mine, primary $state $theirs"
        if [ "$state" = DATA ] && [ "$(sequence "$mine")" -lt "$(sequence "$theirs")" ]; then
            replace_data "the primary's binary log does not reach back to $mine"
        fi
    fi
}

log "up"
while :; do
    nap .3
    if [ "$ORDINAL" = 0 ]; then guard_primary; else keep_replicating; fi
done
