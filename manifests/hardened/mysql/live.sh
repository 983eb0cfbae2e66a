#!/bin/bash
# No socket yet means cloning or crash recovery, which may take long: alive.
. /scripts/lib.sh
[ ! -S $SOCKET ] || timeout 5 mariadb-admin --no-defaults -uroot -S $SOCKET ping
