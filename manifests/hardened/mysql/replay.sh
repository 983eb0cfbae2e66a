# What a replica had received but not applied when it ended may be acknowledged and on no other volume, and MariaDB
# throws it away when replication by GTID starts anew. So it is applied from the relay log first. Sourced.

# groups_after POSITION: of mariadb-binlog's output, the transactions after that position, and all settings
groups_after() {
  local server sequence
  IFS=- read -r _ server sequence <<<"$1"
  awk -v server="$server" -v sequence="$sequence" '
    BEGIN { keep = 1 }
    /^#.*[[:space:]]GTID 0-[0-9]+-[0-9]+/ {
      match($0, /GTID 0-[0-9]+-[0-9]+/)
      split(substr($0, RSTART + 5, RLENGTH - 5), at, "-")
      keep = at[2] + 0 > server + 0 || (at[2] + 0 == server + 0 && at[3] + 0 > sequence + 0)
    }
    keep || (/^(\/\*M?![0-9]* )?SET / && !/gtid_seq_no/) || /^DELIMITER /'
}

# replay: fails when what was received can't be applied, and then leaves it where it is
replay() {
  local applied received rest=/data/unapplied.sql files
  received=$(written_position "$DATA" relay) || return 0
  applied=$(written_position "$DATA" binlog) || return 0
  if ! ahead "$received" "$applied"; then return 0; fi
  log "received $received, applied $applied: applying the rest from the relay log"
  mapfile -t files < <(sed "s|^.*/||; s|^|$DATA/|" "$DATA/relay.index")
  mariadb-binlog --no-defaults "${files[@]}" | groups_after "$applied" >"$rest"
  private_server "$DATA" || return 1
  if ! SOCKET=$PRIVATE client --binary-mode <"$rest"; then
    end_private_server
    log "it can't be applied. Where the primary has it, touch $DATA/reclone gives this replica up for a new clone."
    return 1
  fi
  private 'SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos'
  log "applied $(private 'SELECT @@gtid_binlog_pos')"
  end_private_server && rm "$rest"
}
