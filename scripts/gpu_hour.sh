#!/usr/bin/env bash
# Tries Fulmar on a machine with a GPU and nothing else: right first, then how fast. Needs bash, awk and a Vulkan driver.
#
#   gpu_hour.sh [MINUTES] [OUT]     in the folder that gpu_pack.sh made; 25 minutes and ./out by default
#
# In order of value: the devices, every operation against its plain twin under the validation layers, logits against
# formulas, 600 questions with known answers, then speed at made 0.4B and 1.5B shapes. What the time does not allow is
# left out and said so. At the end one table, OUT/table.txt, and the same as JSON, OUT/table.json. Exit code 0: all that
# ran was right.
#
#   FULMAR_DEVICE=vulkan:1   another device than the first
#   FULMAR_SIZES="0.1b"      other shapes to measure, or none
#   FULMAR_HOUR_CACHE=FOLDER where drivers keep compiled kernels, instead of a new folder
#   FULMAR_LINES="fp32"      other precisions to ask the 600 questions in, or none
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
minutes=${1:-25}
out=${2:-$here/out}
device=${FULMAR_DEVICE:-vulkan:0}
sizes=${FULMAR_SIZES-0.4b 1.5b}
precisions=${FULMAR_LINES-fp32 fp16 fp16i8}
end=$((SECONDS + minutes * 60))
fulmar=$here/bin/fulmar
wrong=0

case $minutes in *[!0-9]* | '') echo "gpu_hour.sh: '$minutes' is no number of minutes" >&2 && exit 2 ;; esac
[ -x "$fulmar" ] || { echo "gpu_hour.sh: there is no bin/fulmar beside it; scripts/gpu_pack.sh makes the folder" >&2; exit 2; }
mkdir -p "$out" || exit 1
: >"$out/table.txt"
: >"$out/rows.json"

# Our libraries before the machine's, but for the C++ library: the newer of the two serves both our program and the driver.
export LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
if ldd "$fulmar" 2>&1 | grep -q 'not found'; then LD_LIBRARY_PATH=$here/fallback:$LD_LIBRARY_PATH; fi
export FULMAR_DATA=$here/models VK_ADD_LAYER_PATH=$here/layers XDG_CACHE_HOME=${FULMAR_HOUR_CACHE:-$out/cache}
# Some containers keep the driver's description where the loader does not look.
for icd in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json; do
  if [ -z "${VK_DRIVER_FILES:-}" ] && [ -f "$icd" ] && ! "$fulmar" devices 2>/dev/null | grep -q '^vulkan'; then
    export VK_DRIVER_FILES=$icd
  fi
done

# row STEP RESULT TEXT: one line of the table, printed at once too.
row() {
  [ "$2" != wrong ] || wrong=1
  printf '%-22s %-6s %s\n' "$1" "$2" "$3" | tee -a "$out/table.txt"
  local text=${3//\\/\\\\}
  printf '{"step": "%s", "result": "%s", "text": "%s"}\n' "$1" "$2" "${text//\"/\\\"}" >>"$out/rows.json"
}

# within SECONDS_AT_MOST COMMAND...: 124 when the time is over, the step's own or the hour's.
within() {
  local left=$((end - SECONDS)) most=$1
  shift
  [ "$left" -gt 5 ] || return 124
  timeout -k 5 $((most < left ? most : left)) "$@"
}

devices() {
  # Tries the matrix units too; what comes out is remembered for all that follows.
  within 200 "$fulmar" devices --check --check-seconds 90 >"$out/devices.txt" 2>&1
  local code=$?
  cat "$out/devices.txt"
  if [ $code -eq 0 ] && grep -q "^$device:" "$out/devices.txt"; then
    row devices right "$(awk -v d="$device:" 'index($0, d) == 1 { on = 1; print; next } /^[^ ]/ { on = 0 }
      on && $1 ~ /^(driver|matrix)$/ { $1 = $1; print "; " $0 }' "$out/devices.txt" | tr -d '\n')"
  else
    row devices wrong "exit code $code, no $device (devices.txt)"
  fi
}

operations() {
  FULMAR_VALIDATION=1 within 900 "$here/bin/test_ops" --gtest_brief=1 >"$out/ops.txt" 2>&1
  local code=$? passed
  passed=$(grep -oE '\[  PASSED  \] [0-9]+ tests?' "$out/ops.txt" | grep -oE '[0-9]+')
  if [ $code -eq 0 ]; then
    row operations right "${passed:-0} tests passed, $(grep -c 'SKIPPED' "$out/ops.txt") lines of skips; validation $(
      ls "$here"/layers/*.so >/dev/null 2>&1 && echo silent || echo 'not packed')"
  elif [ $code -eq 124 ]; then
    row operations cut "out of time (ops.txt)"
  else
    row operations wrong "exit code $code, ${passed:-0} passed, $(grep -c 'FAILED' "$out/ops.txt") failed (ops.txt)"
  fi
}

# The largest difference of two files of numbers; "shape" where they are not of one shape or hold no number.
difference() {
  awk 'NR == FNR { rows = FNR; for (i = 1; i <= NF; i++) want[FNR, i] = $i; cols[FNR] = NF; next }
       { seen = FNR; if (NF != cols[FNR]) bad = 1
         for (i = 1; i <= NF; i++) { if ($i !~ /^[-+0-9.e]+$/) bad = 1; d = $i - want[FNR, i]; if (d < 0) d = -d
                                     if (d > worst) worst = d } }
       END { if (bad || seen != rows || rows == 0) print "shape"; else printf "%.3g\n", worst }' "$1" "$2"
}

logits() {
  local name model tolerance more chunk got code ran=0 good=0 cut=no worst=0
  while read -r name model tolerance more; do
    for chunk in 1 64; do
      # shellcheck disable=SC2086  # flags
      within 120 "$fulmar" logits --model "$here/data/$model" --tokens "$(cat "$here/data/$name.tokens")" \
        --strategy "$device fp32" --chunk $chunk $more >"$out/got.txt" 2>"$out/got.err"
      code=$?
      if [ $code -eq 124 ]; then cut=yes && break 2; fi
      ran=$((ran + 1))
      got=$(difference "$here/data/$name.expected" "$out/got.txt")
      if [ $code -eq 0 ] && awk -v a="$got" -v b="$tolerance" 'BEGIN { exit !(a != "shape" && a + 0 <= b + 0) }'; then
        good=$((good + 1))
      else
        echo "logits: $name, chunk $chunk: exit code $code, off by $got, at most $tolerance: $(head -c 300 "$out/got.err")"
      fi
      worst=$(awk -v a="$got" -v b="$worst" 'BEGIN { print a + 0 > b + 0 ? a : b }')
    done
  done <"$here/data/cases.txt"
  local result=right
  [ $cut = no ] || result=cut
  [ $good -eq $ran ] || result=wrong
  row logits $result "$good of $ran within their tolerance, worst $worst"
}

# One HTTP request without any client: all prompts at once.
ask() {
  local port=$1 body=$2
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %s\r\n\r\n' \
    "$port" "$(wc -c <"$body")" >&3
  cat "$body" >&3
  cat <&3
  exec 3>&-
}

questions() {
  local strategy=$1 server port='' code good total
  [ -f "$here/data/lines.json" ] || { row "lines $strategy" left "their model was not packed"; return; }
  [ $((end - SECONDS)) -gt 20 ] || { row "lines $strategy" cut "out of time"; return; }
  total=$(wc -l <"$here/data/lines.expected")
  "$fulmar" serve --model "$here/data/lines.safetensors" --vocab "$here/data/lines.vocab" --port 0 \
    --strategy "$device $strategy" >"$out/serve.txt" 2>"$out/serve.err" &
  server=$!
  while [ -z "$port" ] && kill -0 $server 2>/dev/null && [ $((end - SECONDS)) -gt 5 ]; do
    port=$(sed -nE 's/^listening on .*:([0-9]+)$/\1/p' "$out/serve.txt")
    sleep 0.1
  done
  if [ -n "$port" ]; then
    export -f ask
    within 600 bash -c 'ask "$@"' ask "$port" "$here/data/lines.json" >"$out/answers.txt"
    code=$?
    grep -oE '"text":"[^"]*"' "$out/answers.txt" | sed 's/^"text":"//; s/"$//' >"$out/answered.txt"
    good=$(awk 'NR == FNR { want[FNR] = $0; next } $0 == want[FNR] { good++ } END { print good + 0 }' \
      "$here/data/lines.expected" "$out/answered.txt")
  else
    code=1 good=0
  fi
  kill -TERM $server 2>/dev/null
  wait $server 2>/dev/null
  if [ "$code" -eq 124 ]; then
    row "lines $strategy" cut "out of time"
  elif [ "$good" -eq "$total" ]; then
    row "lines $strategy" right "$good of $total"
  else
    row "lines $strategy" wrong "$good of $total (answers.txt, serve.err)"
  fi
}

speed() {
  local size=$1 strategy=$2 code
  local file=$out/bench-$size-${strategy}.txt
  within 420 "$fulmar" bench --made "$size" --strategy "$device $strategy" --prefill 512 --batch 1,8,32 --ops \
    >"$file" 2>"$file.err"
  code=$?
  local rows
  rows=$(awk '$1 == "prefill" && NF == 7 && !p { p = 1; printf "prefill 512: %s tok/s", $4 }
              $1 == "decode" && NF == 7 && !($2 in d) { d[$2] = 1; printf ", %s: %s tok/s, %s of memory", $2, $4, $6 }' "$file")
  if [ $code -eq 0 ]; then
    row "speed $size $strategy" right "$rows"
  elif [ $code -eq 124 ]; then
    row "speed $size $strategy" cut "${rows:-out of time}"
  else
    row "speed $size $strategy" wrong "exit code $code: $(tail -n 1 "$file.err")"
  fi
}

devices
if grep -q "^$device:" "$out/devices.txt"; then
  operations
  logits
  for strategy in $precisions; do questions $strategy; done
  for strategy in fp16 fp16i8 fp16q4_0; do
    for size in $sizes; do speed "$size" $strategy; done
  done
fi
{ echo '['; sed '$!s/$/,/' "$out/rows.json"; echo ']'; } >"$out/table.json"
rm -f "$out/rows.json" "$out/got.txt" "$out/got.err"
rm -rf "$out/cache"
printf '\n%s\n' "$(cat "$out/table.txt")"
exit $wrong
