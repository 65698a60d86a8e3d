#!/usr/bin/env bash
# tests/clients/run.sh [PYTEST ARGUMENTS]: the contract clients in Python and Node against one daemon binary.
# BASTIDE_BIN names the binary (default: target/debug/bastide). JOBS: tests at once (default 4: most of a test is
# waiting, also on two cores). Ends with both summaries; fails if anything failed.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
BASTIDE_BIN=$(realpath -m "${BASTIDE_BIN:-$root/target/debug/bastide}")
export BASTIDE_BIN PYTHONDONTWRITEBYTECODE=1
jobs=${JOBS:-4}
python=$root/tests/.venv/bin/python

[ -x "$BASTIDE_BIN" ] || { echo "no binary at $BASTIDE_BIN: cargo build, or set BASTIDE_BIN" >&2; exit 2; }
if [ ! -x "$python" ] || [ ! -d "$here/node/node_modules/@msgpack" ]; then
  echo "the clients' packages are missing: scripts/setup-test-deps.sh installs them" >&2
  exit 2
fi

failed=0
echo "--- Python client, $BASTIDE_BIN"
(cd "$here/python" && "$python" -m pytest -n "$jobs" --dist worksteal "$@") || failed=1
echo "--- Node client, $BASTIDE_BIN"
(cd "$here/node" && node --test --test-reporter=spec --test-concurrency="$jobs") || failed=1
exit $failed
