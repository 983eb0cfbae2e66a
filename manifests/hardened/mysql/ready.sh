#!/bin/bash
# Ready means: a primary that takes writes and has the cluster's marker, or a replica that replicates and refuses writes.
. /scripts/lib.sh
if [ "$ORDINAL" = 0 ]; then
    [ "$(sql 'SELECT @@read_only = 0 AND (SELECT COUNT(*) FROM ha.cluster) = 1')" = 1 ]
else
    status=$(replica_status) &&
        grep -q 'Slave_IO_Running: Yes' <<<"$status" && grep -q 'Slave_SQL_Running: Yes' <<<"$status" &&
        [ "$(sql 'SELECT @@read_only')" = 1 ]
fi
