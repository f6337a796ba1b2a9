#!/usr/bin/env bash
# Fulmar's one entry for people: sets the machine up, builds, tests and shows the program.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"
. scripts/packages.sh
. scripts/toolchain.sh

say() { printf '== %s\n' "$*"; }
note() { printf 'note: %s\n' "$*" >&2; }
die() {
  printf 'fulmar.sh: %s\n' "$*" >&2
  exit 1
}

usage() {
  cat <<'TEXT'
usage: ./fulmar.sh COMMAND

  setup             install what the build needs (Debian 12, Ubuntu 24.04; as root or through sudo)
  build             setup, then build/fulmar
  test              build, then every test on the software Vulkan driver and the CPU
  demo [MODEL ...]  build, then serve MODEL (else the demo model) and print requests to try; more words go to `fulmar serve`
  help              this text
TEXT
}

# A compiler process peaks near 1 GB, so memory bounds the number of jobs as much as the cores do.
jobs() {
  local cores memory_kb
  cores=$(nproc)
  memory_kb=$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)
  local by_memory=$((${memory_kb:-2097152} / 1048576))
  local count=$((cores < by_memory ? cores : by_memory))
  echo $((count > 1 ? count : 1))
}

setup() {
  install_packages
  fetch_toolchain
}

build() {
  setup
  [ -f build/build.ninja ] || cmake --preset release
  say "building with $(jobs) jobs"
  cmake --build --preset release --parallel "$(jobs)"
}

run_tests() {
  build
  ctest --preset software
}

# Waits until the server answers 200, or stops when the process `$1` has gone.
wait_until_ready() {
  until curl -fs -o /dev/null "$2/health"; do
    kill -0 "$1" 2>/dev/null || die "the server stopped before it was ready (its message is above)"
    sleep 0.2
  done
}

demo() {
  local chat='Reverse \"fulmar\".' text='English: The black cat is in the kitchen.\n\nSpanish:'
  if [ $# -eq 0 ]; then
    set -- models/fulmar-demo.safetensors --vocab models/fulmar-demo.vocab
  else
    chat='Hello!' text='The sea'
  fi
  local model=$1
  shift
  [ -f "$model" ] || die "there is no model at $model; pass one: ./fulmar.sh demo path/to/rwkv7.safetensors"
  build
  local port=${FULMAR_PORT:-8000}
  local url=http://127.0.0.1:$port
  build/fulmar serve --model "$model" --port "$port" "$@" &
  local server=$!
  trap 'kill -TERM '"$server"' 2>/dev/null || true' EXIT
  wait_until_ready "$server" "$url"
  cat <<TEXT

The server is up. From another terminal, for example:
  curl $url/v1/models
  curl $url/v1/completions -H 'Content-Type: application/json' -d '{"prompt": "$text", "max_tokens": 64, "temperature": 0}'
  curl -N $url/v1/chat/completions -H 'Content-Type: application/json' -d '{"messages": [{"role": "user", "content": "$chat"}], "temperature": 0, "stream": true}'
Ctrl-C stops it.

TEXT
  wait "$server"
}

case "${1:-help}" in
  setup) setup ;;
  build) build ;;
  test) run_tests ;;
  demo)
    shift
    demo "$@"
    ;;
  help | -h | --help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
