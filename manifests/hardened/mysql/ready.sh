#!/bin/bash
# Ready is: a primary that can be written to, with this stack's data; a replica that replicates and refuses writes.
. /scripts/lib.sh
LIMIT_S=3
if [[ $ORDINAL == 0 ]]; then
  [[ $(sql 'SELECT @@read_only, COUNT(*) FROM stack.identity') == $'0\t1' ]]
else
  status=$(client --execute='SHOW REPLICA STATUS\G SELECT @@read_only\G') || exit
  [[ $(replica_status "$status" Slave_IO_Running) == Yes && $(replica_status "$status" Slave_SQL_Running) == Yes &&
    $(replica_status "$status" @@read_only) == 1 ]]
fi
