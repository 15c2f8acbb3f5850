#!/bin/sh
# Looks up known vulnerabilities of every pinned package, in the advisories that PyPI publishes. Fails for a vulnerability,
# and for a package that could not be looked up: behind a mirror without advisories that is every one.
# Usage: deploy/audit.sh [options of pip-audit, such as --ignore-vuln ID or --vulnerability-service osv]
set -eu
cd "$(dirname "$0")/.."
pins=deploy/requirements
audit=.venv/audit
[ -x "$audit/bin/pip-audit" ] || {
    .venv/bin/python -m venv "$audit"
    "$audit/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$pins/audit.txt"
}
set -- --strict --disable-pip --no-deps --progress-spinner off "$@"
for kind in run dev postgres bootstrap audit; do
    echo "Auditing / 正在审查 $pins/$kind.txt"
    "$audit/bin/pip-audit" -r "$pins/$kind.txt" "$@"
done
