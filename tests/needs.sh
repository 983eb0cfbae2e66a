#!/bin/sh
# Installs what the tests need beside Python packages: a browser for the report's tests.
set -eu
command -v chromium >/dev/null 2>&1 && exit 0
echo "hachaos: installing chromium for the report's browser tests (once) ..." >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get -q update && apt-get -q install -y --no-install-recommends chromium; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "hachaos: could not install chromium (log: $log); hint: root and a package mirror are needed" >&2
    exit 3
fi
rm -f "$log"
