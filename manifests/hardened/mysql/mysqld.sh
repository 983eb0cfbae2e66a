#!/bin/bash
# The mysql container: sees to it that there is whole data, then becomes mysqld.
. /scripts/lib.sh
trap 'exit 143' TERM # until exec: a PID 1 without a trap is deaf to it
rm -f $SOCKET
chown mysql:mysql /run/mysqld
if [ -e "$RECLONE" ] || [ ! -d "$DATA/mysql" ]; then
    bash /scripts/clone.sh &
    wait $! || exit 1
else
    bash /scripts/configure.sh
fi
exec mariadbd --defaults-file=/conf/my.cnf
