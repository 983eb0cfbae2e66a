# What all scripts of the database share. Sourced.
ORDINAL=${HOSTNAME##*-}
BASE=${HOSTNAME%-*}
DATA=/data/mysql
SIDE=/data/incoming # a clone or a bootstrap in the making
ASIDE=/data/aside   # data folders that a newer clone took the place of
RUN=/run/mysqld
CONF=$RUN/my.cnf
SOCKET=$RUN/mysqld.sock
BACKUP_PORT=3307

log() { printf '%s %s: %s\n' "$(date -u +%FT%T.%3NZ)" "${0##*/}" "$*" >&2; }

# With LIMIT_S, no call takes longer: a server that is about to end may never answer.
# Accounts without a password: the socket lets in the system's user of the same name. Probes come as root.
if [[ $EUID == 0 ]]; then ACCOUNT=root; else ACCOUNT=mysql; fi
client() {
  ${LIMIT_S:+timeout "$LIMIT_S"} mariadb --no-defaults --user="$ACCOUNT" --socket="$SOCKET" --connect-timeout=2 "$@"
}
sql() { client --skip-column-names --batch --execute="$1"; }

# replica_status TEXT FIELD: a field of what SHOW REPLICA STATUS\G printed
replica_status() { sed -n "s/^ *$2: //p" <<<"$1"; }

# A position is MariaDB's GTID, domain-server-sequence. There is one domain, and mysql-0 writes under another server-id
# on each volume that it gets, the time at which that was filled: so positions are ordered by server-id, then sequence,
# and what an older volume wrote can't be taken for what a newer one wrote.
is_position() { [[ $1 =~ ^0-[0-9]+-[0-9]+$ ]]; }

# ahead A B: A is strictly ahead of B
ahead() {
  local a b
  IFS=- read -r -a a <<<"$1"
  IFS=- read -r -a b <<<"$2"
  ((a[1] > b[1] || (a[1] == b[1] && a[2] > b[2])))
}

# furthest: of the positions on standard input, one a line, the one that none is ahead of
furthest() { sort --field-separator=- --key=2,2n --key=3,3n | tail -n 1; }

# written_position FOLDER binlog|relay: the furthest position in the newest log that has one. Needs no server.
written_position() {
  local files file found
  mapfile -t files < <(tac "$1/$2.index" 2>/dev/null)
  for file in "${files[@]}"; do
    found=$(mariadb-binlog --no-defaults --base64-output=decode-rows --skip-annotate-row-events \
      "$1/${file##*/}" 2>/dev/null |
      grep -aE '^#[0-9]{6} .*\s(GTID|Gtid list) |^# 0-' | grep -aoE '\b0-[0-9]+-[0-9]+' | furthest)
    if [[ -n $found ]]; then
      echo "$found"
      return
    fi
  done
  return 1
}

# talk HOST REQUEST: the answer of a pod's backup port. The connection stays open both ways until the answer is over.
talk() {
  local peer
  exec {peer}<>"/dev/tcp/$1/$BACKUP_PORT" || return
  printf '%s %s\n' "$TOKEN" "$2" >&"$peer"
  cat <&"$peer"
}

# ask ORDINAL: what a peer says of itself: EMPTY, STARTING, DATA:<received>:live, DATA:<received>:disk, or SILENT
ask() {
  local answer
  answer=$(timeout 2 bash -c '. /scripts/lib.sh; talk "$1" STATUS' "$0" "$BASE-$1.$BASE" 2>/dev/null)
  case $answer in
    EMPTY | STARTING | DATA:0-*:live | DATA:0-*:disk) echo "$answer" ;;
    *) echo SILENT ;;
  esac
}

# peers: what all of them say, asked side by side: ORDINAL=ANSWER, one a line
peers() {
  local peer
  for ((peer = 0; peer < PEERS; peer++)); do
    [[ $peer == "$ORDINAL" ]] || echo "$peer=$(ask "$peer")" &
  done | sort
}
