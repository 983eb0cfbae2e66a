#!/bin/sh
# Installs what the tests need beside Python packages: a browser for the report's tests, shells for those of completion.
set -eu
wanted=
for program in chromium zsh fish; do
    command -v "$program" >/dev/null 2>&1 || wanted="$wanted $program"
done
[ -n "$wanted" ] || exit 0
echo "hachaos: installing what the tests need (once):$wanted ..." >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# The names hold no blanks: each is a word of its own.
# shellcheck disable=SC2086
if ! { apt-get -q update && apt-get -q install -y --no-install-recommends $wanted; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "hachaos: could not install$wanted (log: $log); hint: root and a package mirror are needed" >&2
    exit 3
fi
rm -f "$log"
