#!/bin/sh
# Ready = NFSv3 answers, it offers the export, and the export's volume can be written to.
set -eu
rpcinfo -T tcp 127.0.0.1 100003 3 >/dev/null
showmount --no-headers -e 127.0.0.1 | grep -q '^/'
[ -w /exports ]
stat -f /exports >/dev/null
