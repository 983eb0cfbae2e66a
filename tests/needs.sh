#!/bin/sh
# Installs what the tests need beside Python packages: a browser for the report's tests, shells for those of completion,
# a linter of GitHub workflows.
set -eu
wanted=
for program in chromium zsh fish; do
    command -v "$program" >/dev/null 2>&1 || wanted="$wanted $program"
done
if [ -n "$wanted" ]; then
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
fi
# Its test is left out where there is no Go: the workflow is held against GitHub's schema at any rate.
if command -v go >/dev/null 2>&1 && [ ! -x .venv/bin/actionlint ]; then
    echo "hachaos: building actionlint for the tests (once) ..." >&2
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/hachaos/go
    GOBIN=$PWD/.venv/bin GOMODCACHE=$cache/mod GOCACHE=$cache/build GOFLAGS=-modcacherw GOTOOLCHAIN=local CGO_ENABLED=0 \
        go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 ||
        echo "hachaos: could not build actionlint; its test is left out" >&2
fi
