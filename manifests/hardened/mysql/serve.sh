#!/bin/bash
# One connection on the backup port. Its first line is "TOKEN STATUS" or "TOKEN BACKUP"; anything else starts nothing.
. /scripts/lib.sh
IFS= read -r -t 5 line || exit 0
[ -n "$TOKEN" ] && [ "${line%% *}" = "$TOKEN" ] || exit 0

positions() { # applied received
    local applied received
    applied=$(sql 'SELECT @@gtid_current_pos') || return 1
    received=$(replica_status | field Gtid_IO_Pos)
    if [ "$(sequence "$received")" -lt "$(sequence "$applied")" ]; then received=$applied; fi
    echo "$applied $received"
}

case ${line#* } in
STATUS)
    if [ -e "$RECLONE" ]; then
        echo RECLONE
    elif [ ! -d "$DATA/mysql" ]; then
        echo EMPTY
    elif found=$(positions 2>/dev/null) && [ "$(sql 'SELECT COUNT(*) FROM ha.cluster' 2>/dev/null)" = 1 ]; then
        echo "DATA $found"
    else
        echo STARTING
    fi
    ;;
BACKUP)
    log "a backup was asked for"
    # What was received is acknowledged, so it has to be applied before it can be in the backup.
    for _ in $(seq 600); do
        read -r applied received < <(positions) || exit 1
        [ "$(sequence "$applied")" -ge "$(sequence "$received")" ] && break
        nap .1
    done
    mariadb-backup --defaults-extra-file=/run/backup.cnf --backup --slave-info --stream=xbstream \
        --socket=$SOCKET --datadir=$DATA 2>/tmp/backup.$$.log
    log "backup: $(tail -n 1 /tmp/backup.$$.log)"
    rm -f /tmp/backup.$$.log
    ;;
esac
