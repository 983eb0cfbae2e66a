#!/bin/bash
. /scripts/lib.sh
[[ -S $SOCKET ]] && timeout 5 mariadb-admin --no-defaults --user="$ACCOUNT" --socket="$SOCKET" --silent ping
