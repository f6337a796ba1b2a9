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
  demo              build, serve the demo model, print requests to try and, in a terminal, open a chat with it
  demo MODEL ...    build, serve MODEL and print requests to try; more words go to `fulmar serve`
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

# build [TARGET]: one CMake target, or all there is.
build() {
  setup
  [ -f build/build.ninja ] || cmake --preset release
  say "building with $(jobs) jobs"
  cmake --build --preset release --parallel "$(jobs)" ${1:+--target "$1"}
}

run_tests() {
  build
  fetch_test_drivers
  ctest --preset software
}

# Waits until the server at `$2` answers 200, or stops when the process `$1` has gone; `$3` has its words.
wait_until_ready() {
  until curl -fs -o /dev/null "$2/health"; do
    if ! kill -0 "$1" 2>/dev/null; then
      [ ! -s "$3" ] || cat "$3" >&2
      die "the server stopped before it was ready (its message is above)"
    fi
    sleep 0.2
  done
}

# Ends the server when this script ends, however it does.
stop_with_us() {
  trap 'kill -TERM '"$1"' 2>/dev/null || true; wait '"$1"' 2>/dev/null || true' EXIT
}

demo() {
  local talk=no model=models/fulmar-demo.safetensors
  local add='What is 23 + 45?' translate='English: The black cat is in the kitchen.\n\nSpanish:' last='Reverse \"fulmar\".'
  if [ $# -gt 0 ]; then
    model=$1 add='Hello!' translate='The sea' last='Tell me a story.'
    shift
    [ -e "$model" ] || die "there is no model at $model; pass one: ./fulmar.sh demo path/to/rwkv7.safetensors"
  elif [ -t 0 ] && [ -t 1 ]; then
    talk=yes
  fi
  build fulmar
  local port=${FULMAR_PORT:-8000} log=build/demo.log
  local url=http://127.0.0.1:$port
  if [ "$talk" = yes ]; then
    # In a process group of its own, so that Ctrl-C stops an answer in the chat and not the server.
    set -m
    build/fulmar serve --model "$model" --port "$port" "$@" >"$log" 2>&1 </dev/null &
    set +m
  else
    build/fulmar serve --model "$model" --port "$port" "$@" &
  fi
  local server=$!
  stop_with_us "$server"
  wait_until_ready "$server" "$url" "$log"
  cat <<TEXT

The server is up. From another terminal, for example:
  curl $url/v1/chat/completions -H 'Content-Type: application/json' -d '{"messages": [{"role": "user", "content": "$add"}], "temperature": 0}'
  curl $url/v1/completions -H 'Content-Type: application/json' -d '{"prompt": "$translate", "max_tokens": 64, "temperature": 0}'
  curl -N $url/v1/chat/completions -H 'Content-Type: application/json' -d '{"messages": [{"role": "user", "content": "$last"}], "temperature": 0, "stream": true}'
TEXT
  if [ "$talk" = yes ]; then
    printf 'Or ask here, for example: What is the capital of France? (models/fulmar-demo.md says what it knows.)\n/quit ends both.\n\n'
    build/fulmar chat --model "$model" --temperature 0
  else
    printf 'Ctrl-C stops it.\n\n'
    wait "$server"
  fi
}

case "${1:-help}" in
  setup) setup ;;
  build) build fulmar ;;
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
