#!/bin/bash
# A server that has a socket must answer. None yet: it is being cloned or recovers, which may take any time.
. /scripts/lib.sh
[[ ! -S $SOCKET ]] || timeout 5 mariadb-admin --no-defaults --user="$ACCOUNT" --socket="$SOCKET" --silent ping
