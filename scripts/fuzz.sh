#!/usr/bin/env bash
# scripts/fuzz.sh [TARGET...]: every fuzz body (or those named) for FUZZ_SECONDS (180) each, guided by coverage.
# The toolchain is stable, so there is no sanitizer: what is found are panics and failed assertions.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-180}
version=0.13.2

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz --version "$version"
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for target in fuzz/libfuzzer/fuzz_targets/*.rs; do targets+=("$(basename "$target" .rs)"); done
fi
for target in "${targets[@]}"; do
  echo "== fuzz $target for $seconds s"
  # New inputs go to a directory of their own; the stored corpus is read only.
  found=target/fuzz/$target
  mkdir -p "$found"
  cargo fuzz run --fuzz-dir fuzz/libfuzzer --sanitizer none --target-dir target/fuzz-build "$target" \
    "$PWD/$found" "$PWD/fuzz/corpus/$target" -- -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=4096 -print_final_stats=1
done
echo "no finding in ${#targets[@]} targets, $seconds s each"
