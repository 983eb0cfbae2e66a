#!/bin/bash
# The container `mysql`: gets data or leave to use what is there, then runs the server.
set -u
. /scripts/lib.sh
if [[ $(id -u) == 0 ]]; then
  # A new volume may be root's. From here on nothing needs root, and nothing can get it back.
  for folder in /data "$RUN"; do
    [[ $(stat --format=%U "$folder") == mysql ]] || { chmod 0755 "$folder" && chown mysql:mysql "$folder"; }
  done
  exec setpriv --reuid=mysql --regid=mysql --clear-groups --inh-caps=-all bash "$0"
fi
. /scripts/decide.sh
. /scripts/configure.sh
. /scripts/fill.sh
. /scripts/replay.sh
PATIENCE_S=10
# A server that hangs is killed, which costs its data nothing, well before kubelet would kill all.
END_WITHIN_S=10

# PID 1 gets no signal that it does not ask for. All that runs here is to end with it.
ended=
end() {
  ended=1
  trap '' TERM INT
  kill -TERM 0
  sleep "$END_WITHIN_S" && log "the server does not end" && kill -KILL 0 &
}
trap end TERM INT

# run COMMAND...: in the foreground, but a signal is answered at once
run() {
  local child code
  "$@" &
  child=$!
  while true; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || return "$code"
  done
}

# prepare: returns once the volume holds data that may be served
prepare() {
  local mine patient decision verb donor position last=
  trap 'exit 143' TERM INT
  if [[ -s $SIDE/provenance.json ]]; then settle || return 1; else rm -rf "$SIDE"; fi
  if [[ $ORDINAL == 0 && -d $DATA/mysql && ! -s $DATA/server-id ]]; then
    log "$DATA has no file server-id: it was not filled by these scripts"
    return 1
  fi
  while true; do
    mine=EMPTY
    if [[ -d $DATA/mysql ]]; then
      mine=DATA:$(written_position "$DATA" binlog) || mine=DATA:0-0-0
      if [[ -e $DATA/reclone ]]; then mine=MARKED:${mine#DATA:}; fi
    fi
    patient=yes
    if ((SECONDS >= PATIENCE_S)); then patient=no; fi
    mapfile -t answers < <([[ $mine == DATA:* && $ORDINAL != 0 ]] || peers)
    decision=$(decide "$ORDINAL" "$mine" "$BOOTSTRAP" "$ALLOW_MISSING_PEERS" "$patient" "${answers[@]}")
    if [[ $decision != "$last" ]]; then log "$mine; peers: ${answers[*]:-not asked} -> $decision"; fi
    last=$decision
    read -r verb donor position _ <<<"$decision"
    case ${verb%:} in
      START) break ;;
      BOOTSTRAP) bootstrap || sleep 1 ;;
      CLONE) clone "$donor" "${position%:}" || sleep 1 ;;
      *) sleep 0.3 ;;
    esac
  done
  [[ $ORDINAL == 0 ]] || replay
}

while [[ -z $ended ]]; do
  rm -f "$SOCKET"
  SECONDS=0
  run prepare || exit
  configure "$DATA"
  log "start the server"
  run mariadbd --defaults-file="$CONF"
  code=$?
  # The sidecar ended the server of a replica that has to be cloned again. Within this container: kubelet would wait.
  [[ -e $DATA/reclone && -z $ended ]] || exit "$code"
done
