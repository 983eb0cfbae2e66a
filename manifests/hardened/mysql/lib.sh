# What all scripts of the database share. Sourced by bash.
ORDINAL=${HOSTNAME##*-}
SET_NAME=${HOSTNAME%-*}
DATA=/data/mysql           # the data folder
INCOMING=/data/incoming    # a clone or a new database, until it is whole
RECLONE=/data/.reclone     # this volume's data is to be replaced by a clone
PROVENANCE=provenance.json # how the data folder came to be; lies beside it as /data/provenance.json
SOCKET=/run/mysqld/mysqld.sock
BACKUP_PORT=3307

log() { echo "$(date -u +%FT%T.%3NZ) $(basename "$0"): $*" >&2; }

# Wait in a way that lets a trap run at once.
nap() { sleep "$1" & wait $!; }

sql() { mariadb --no-defaults -uroot -S "${SERVER:-$SOCKET}" -N -B --connect-timeout=2 -e "$1"; }

replica_status() { mariadb --no-defaults -uroot -S "$SOCKET" --connect-timeout=2 -e 'SHOW REPLICA STATUS\G'; }

field() { sed -n "s/^ *$1: //p"; } # one field of replica_status

# 0-100-42 -> 42. There is one replication domain, so the last number orders positions.
sequence() { local last=${1##*-}; echo "${last:-0}"; }

# Speak to a peer's backup port. The socket stays open both ways: socat ends its child when a side is shut.
talk() { exec 3<>"/dev/tcp/$SET_NAME-$1.mysql/$BACKUP_PORT" && printf '%s %s\n' "$TOKEN" "$2" >&3 && cat <&3; }
export -f talk
export SET_NAME BACKUP_PORT

# The state of a peer: EMPTY | RECLONE | STARTING | DATA applied received | NONE (no answer)
ask() {
    local answer
    answer=$(timeout 3 bash -c "talk $1 STATUS" 2>/dev/null)
    echo "${answer:-NONE}"
}

# The states of all peers, one a line, each behind its ordinal; asked side by side.
ask_all() {
    local peer
    for peer in $(seq 0 $((PEERS - 1))); do
        [ "$peer" = "$ORDINAL" ] || { echo "$peer $(ask "$peer")" & }
    done | sort
    wait
}
