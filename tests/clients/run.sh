#!/usr/bin/env bash
# tests/clients/run.sh [PYTEST ARGUMENTS]: the contract clients in Python and Node against one daemon binary.
# BASTIDE_BIN names the binary (default: target/debug/bastide). JOBS: tests at once (default 4: most of a test is
# waiting, also on two cores). Ends with both summaries; fails if anything failed. With CI set tests that fail get a
# second try, as in nextest's profile `ci`, and are then named FLAKY: a fault of the test or of the program, to be found
# and mended.
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

said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT

python_tests() { (cd "$here/python" && "$python" -m pytest -n "$jobs" --dist worksteal "$@"); }
node_tests() { (cd "$here/node" && node --test --test-reporter=spec --test-concurrency="$jobs"); }

# first_try COMMAND...: runs it; with CI set its output is in $said too.
first_try() {
  if [ -z "${CI:-}" ]; then
    "$@"
    return
  fi
  "$@" >"$said" 2>&1 && { cat "$said"; return; }
  # Marked, so that nobody who reads the log counts these lines as the result.
  sed 's/^/first try | /' "$said"
  return 1
}

failed=0
echo "--- Python client, $BASTIDE_BIN"
if ! first_try python_tests "$@"; then
  mapfile -t names < <(sed -nE 's/ - .*//; s/^(FAILED|ERROR) (.+::.+)$/\2/p' "$said")
  if [ ${#names[@]} -gt 0 ] && python_tests "${names[@]}"; then printf 'FLAKY %s\n' "${names[@]}"; else failed=1; fi
fi
echo "--- Node client, $BASTIDE_BIN"
if ! first_try node_tests; then
  mapfile -t names < <(sed -nE 's/^✖ (.*) \([0-9.]+ms\)$/\1/p' "$said" | sort -u)
  if [ ${#names[@]} -gt 0 ] && node_tests; then printf 'FLAKY %s\n' "${names[@]}"; else failed=1; fi
fi
exit $failed
