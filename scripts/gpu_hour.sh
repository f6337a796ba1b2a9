#!/usr/bin/env bash
# Tries Fulmar on a machine with a GPU and nothing else: right first, then how fast. Needs bash, awk and a Vulkan driver.
#
#   gpu_hour.sh [MINUTES] [OUT]     in the folder that gpu_pack.sh made; 25 minutes (90s: seconds) and ./out by default
#
# In order of value: the devices, a try of the matrix units, logits against formulas, 600 questions with known answers,
# every operation against its plain twin under the validation layers, then speed at made 0.4B and 1.5B shapes.
# OUT/table.txt has a line for each step, OUT/table.json the same; both are whole after every step.
#
#   right   as it must be              wrong   not so, or no end within the step's own limit
#   cut     the hour's end came first  left    could not be tried here, and why       seen    for the record
#
# Exit code 0: right; 1: something is wrong; 3: nothing is wrong, but the hour was too short; 2: called wrongly.
#
#   FULMAR_DEVICE=vulkan:1   another device than the first
#   FULMAR_SOFTWARE=1        a software device will do
#   FULMAR_SIZES="0.1b"      other shapes to measure, or none
#   FULMAR_LINES="fp32"      other precisions to ask the 600 questions in, or none
#   FULMAR_TESTS="*Pick*"    other tests of operations
#   FULMAR_STEP_SECONDS=20   no step may take longer
#   FULMAR_HOUR_CACHE=FOLDER where drivers keep compiled kernels, instead of a new folder
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fulmar=$here/bin/fulmar

stop() { echo "gpu_hour.sh: $*" >&2 && exit 2; }

time_given=${1:-25}
case ${time_given%s} in *[!0-9]* | '') stop "'$time_given' is no number of minutes, nor of seconds as in 90s" ;; esac
case $time_given in *s) seconds=$((10#${time_given%s})) ;; *) seconds=$((10#$time_given * 60)) ;; esac
end=$((SECONDS + seconds))
case ${FULMAR_DEVICE:-vulkan:0} in
  vulkan) device=vulkan:0 ;;
  vulkan:*[!0-9]* | vulkan:) stop "FULMAR_DEVICE is vulkan or vulkan:N, not '$FULMAR_DEVICE'" ;;
  vulkan:*) device=${FULMAR_DEVICE:-vulkan:0} ;;
  *) stop "FULMAR_DEVICE is vulkan or vulkan:N, not '$FULMAR_DEVICE'" ;;
esac
step_limit=${FULMAR_STEP_SECONDS:-3600}
case $step_limit in *[!0-9]*) stop "FULMAR_STEP_SECONDS is a number of seconds, not '$step_limit'" ;; esac
step_limit=$((10#$step_limit))
[ -x "$fulmar" ] || stop "there is no bin/fulmar beside it; scripts/gpu_pack.sh makes the folder"
mkdir -p "${2:-$here/out}" && out=$(cd "${2:-$here/out}" && pwd) || exit 1  # absolute: drivers refuse other caches
sizes=${FULMAR_SIZES-0.4b 1.5b}
precisions=${FULMAR_LINES-fp32 fp16 fp16i8}
result=0 cache=''
rm -f "$out"/table.* "$out/rows.json"
: >"$out/table.txt"
: >"$out/rows.json"

if [ -n "${FULMAR_HOUR_CACHE:-}" ]; then
  mkdir -p "$FULMAR_HOUR_CACHE" && XDG_CACHE_HOME=$(cd "$FULMAR_HOUR_CACHE" && pwd) || exit 1
else
  cache=$(mktemp -d "$out/cache.XXXXXX") && XDG_CACHE_HOME=$cache || exit 1
fi
layers=$here/layers unpacked=''
for packed in "$here"/layers/*.so.gz; do
  [ -f "$packed" ] || continue
  unpacked=$(mktemp -d "$out/layers.XXXXXX") && cp "$here"/layers/*.json "$unpacked/" && layers=$unpacked
  gzip -dc "$packed" >"$layers/$(basename "$packed" .gz)" || rm -f "$layers"/*
done
export XDG_CACHE_HOME FULMAR_DATA=$here/models VK_ADD_LAYER_PATH=$layers
unset FULMAR_VALIDATION FULMAR_NO_MATRIX_UNITS

# However this ends, nothing goes on running.
finish() {
  local process
  for process in $(jobs -p); do kill -TERM "$process" 2>/dev/null; done
  rm -f "$out/rows.json" "$out/got.txt" "$out/got.err"
  [ -z "$cache$unpacked" ] || rm -rf ${cache:+"$cache"} ${unpacked:+"$unpacked"}
}
trap finish EXIT
trap 'exit 1' INT TERM

# row STEP RESULT TEXT: one line of the table, printed at once too.
row() {
  local text
  case $2 in wrong) result=1 ;; cut) [ $result -ne 0 ] || result=3 ;; esac
  text=$(printf '%s' "$3" | tr '\n\t' '  ' | tr -d '\000-\037')
  printf '%-22s %-6s %s\n' "$1" "$2" "$text" | tee -a "$out/table.txt"
  text=${text//\\/\\\\}
  printf '{"step": "%s", "result": "%s", "text": "%s"}\n' "$1" "$2" "${text//\"/\\\"}" >>"$out/rows.json"
  { echo '['; sed '$!s/$/,/' "$out/rows.json"; echo ']'; } >"$out/table.part"
  mv "$out/table.part" "$out/table.json"
}

# within SECONDS_AT_MOST COMMAND...: its exit code, and in `over` why it was ended: hour, step or nothing. A process that
# a hung driver keeps from being killed is left behind.
within() {
  local most=$1 left=$((end - SECONDS)) start=$SECONDS code=137 pause=0.05 running
  shift
  [ "$most" -lt "$step_limit" ] || most=$step_limit
  limit=$((most < left ? most : left)) over=''
  [ "$limit" -gt 0 ] || { over=hour && return 124; }
  timeout -k 5 "$limit" "$@" &
  running=$!
  {
    while kill -0 $running && [ $((SECONDS - start)) -lt $((limit + 10)) ]; do
      sleep $pause
      [ $((SECONDS - start)) -lt 3 ] || pause=0.5  # what is measured is not to be disturbed
    done
    kill -0 $running || { wait $running && code=0 || code=$?; }
  } 2>/dev/null  # the shell's own words on a killed process would pass for the step's
  # Only what ran that long was ended for it: a process may be killed for want of memory too.
  case $code in
    124 | 137) [ $((SECONDS - start)) -lt "$limit" ] || { [ "$most" -lt "$left" ] && over=step || over=hour; } ;;
  esac
  return $code
}

# ended STEP CODE TEXT: the row of a step that did not end well.
ended() {
  case $over in
    hour) row "$1" cut "out of time; $3" ;;
    step) row "$1" wrong "no end within $limit s; $3" ;;
    *) row "$1" wrong "exit code $2; $3" ;;
  esac
}

last_line() { grep . "$1" 2>/dev/null | tail -n 1 | head -c 300; }

# What is missing for our programs to start.
missing() {
  ldd "$fulmar" "$here/bin/test_ops" >"$out/libraries.txt" 2>&1  # fails where a version is missing, too
  grep 'not found' "$out/libraries.txt" | sort -u
}

# Our libraries before the machine's, but for the C++ library: the newer of the two serves both our program and the driver.
use_libraries() {
  export LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  if missing >/dev/null; then LD_LIBRARY_PATH=$here/fallback:$LD_LIBRARY_PATH; fi
  row machine seen "$(uname -srm), $(nproc) processors, $(getconf GNU_LIBC_VERSION 2>/dev/null || echo 'C library unknown'), $(
    timeout -k 2 20 nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 8 || echo 'no nvidia-smi')"
  ! missing >/dev/null || { row libraries wrong "$(missing | head -n 6)" && return 1; }
}

list_devices() { within "$1" "$fulmar" devices >"$out/devices.txt" 2>&1; }
gpus() { grep '^vulkan' "$out/devices.txt" | grep -v '(software)$'; }

# Drivers whose description or libraries are not where the loader looks: NVIDIA's in a container, above all.
find_driver() {
  list_devices 60
  local code=$? icd library before=$LD_LIBRARY_PATH
  [ -n "$over${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || { [ $code -eq 0 ] && gpus >/dev/null; } || {
    # Our copies of the libraries of X11 shadow the machine's, so they come into play only now.
    LD_LIBRARY_PATH=$before:/usr/local/nvidia/lib64:$here/x11
    list_devices 30 && gpus >/dev/null && return
    for library in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
      icd=$library
      case $library in
        /*) [ -f "$icd" ] || continue ;;
        *)
          icd=$out/$library.json
          printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' "$library" >"$icd"
          ;;
      esac
      export VK_DRIVER_FILES=$icd VK_ICD_FILENAMES=$icd  # the second for old loaders
      list_devices 30 && gpus >/dev/null && return
    done
    unset VK_DRIVER_FILES VK_ICD_FILENAMES
    LD_LIBRARY_PATH=$before
    list_devices 30
    code=$?
  }
  return $code
}

# Whatever could tell later why a machine's GPU was not seen.
why_no_gpu() {
  {
    echo "VK_DRIVER_FILES=${VK_DRIVER_FILES:-} NVIDIA_DRIVER_CAPABILITIES=${NVIDIA_DRIVER_CAPABILITIES:-}"
    ls -l /dev/nvidia* /dev/dri /usr/share/vulkan/icd.d /etc/vulkan/icd.d
    ldconfig -p | grep -E 'nvidia|libX11|libXext|libvulkan'
    LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$here/x11 VK_LOADER_DEBUG=error,warn,driver within 30 "$fulmar" devices
  } >"$out/why.txt" 2>&1
}

# This device's paragraph in what `fulmar devices` printed; with a word, that line of it.
about() {
  awk -v d="$device:" -v word="${2:-}" 'index($0, d) == 1 { on = 1; if (!word) print; next } /^[^ ]/ { on = 0 }
    on && (word ? $1 == word : $1 == "driver" || $1 == "memory") { $1 = $1; print (word ? "" : "; ") $0 }' "$1"
}

devices() {
  find_driver
  local code=$? line
  cat "$out/devices.txt"
  line=$(grep "^$device:" "$out/devices.txt")
  if [ $code -ne 0 ]; then
    ended devices $code "$(last_line "$out/devices.txt") (devices.txt)"
  elif [ -z "$line" ]; then
    why_no_gpu
    row devices wrong "no $device: $(grep -E '^(no Vulkan|passed over)' "$out/devices.txt" | tail -n 1) (why.txt; a container \
with an NVIDIA GPU needs NVIDIA_DRIVER_CAPABILITIES=all)"
  elif [[ $line == *'(software)' ]] && [ -z "${FULMAR_SOFTWARE:-}" ]; then
    why_no_gpu
    row devices wrong "software: $line is no GPU (why.txt); FULMAR_SOFTWARE=1 takes it all the same"
  else
    row devices right "$(about "$out/devices.txt" | tr -d '\n')"
    return 0
  fi
  return 1
}

units=off
matrix_units() {
  within 150 "$fulmar" devices --check --check-seconds 60 >"$out/units.txt" 2>&1
  local code=$? line
  line=$(about "$out/units.txt" matrix)
  if [ $code -ne 0 ] || [ -z "$line" ]; then
    ended 'matrix units' $code "switched off for what follows; $(last_line "$out/units.txt") (units.txt)"
    export FULMAR_NO_MATRIX_UNITS=1
  elif [[ $line == *' units on'* ]]; then
    units=on
    row 'matrix units' right "$line"
  elif grep -qE 'is software|offers none|is older|crashes on integrated|has no kernels|in no size' <<<"$line"; then
    row 'matrix units' left "$line"
  else
    export FULMAR_NO_MATRIX_UNITS=1
    row 'matrix units' wrong "$line"
  fi
}

# Whether what is at hand to validate with starts here, and knows cooperative matrices.
validation=no
find_validation() {
  local version
  compgen -G "$layers/*.so" >/dev/null || return 0
  FULMAR_VALIDATION=1 within 60 "$fulmar" devices >"$out/validation.txt" 2>&1 && grep -q "^$device:" "$out/validation.txt" || return 0
  version=$(sed -nE 's/.*"api_version": *"([0-9.]+)".*/\1/p' "$layers"/*.json | head -n 1)
  validation=old
  [ "$(printf '%s\n' 1.3.255 "$version" | sort -V | head -n 1)" != 1.3.255 ] || validation=new
}

# tests STEP SECONDS FILTER [VARIABLE=VALUE...]: test_ops, which must find the device and leave nothing out for want of it.
tests() {
  local step=$1 most=$2 filter=$3 file=$out/$1.txt code passed failed skipped messages text quiet patience last
  file=${file// /-}
  shift 3
  within "$most" env FULMAR_TEST_NEEDS_GPU=1 FULMAR_TEST_DEVICE="${device#vulkan:}" "$@" \
    "$here/bin/test_ops" --gtest_filter="$filter" >"$file" 2>&1
  code=$?
  passed=$(grep -cE '^\[       OK \] .*/vulkan|^\[       OK \] MatrixUnits' "$file")
  failed=$(grep -cE '^\[  FAILED  \] .*\([0-9]+ ms\)' "$file")
  skipped=$(grep -cE '^\[  SKIPPED \] .*\([0-9]+ ms\)' "$file")
  messages=$(grep -c '^vulkan validation:' "$file")
  case " $*" in *FULMAR_VALIDATION=1*) text="validated ($messages messages)" ;; *) text="not validated" ;; esac
  text="$passed on the device right, $failed wrong, $skipped skipped, $text"
  last=$(grep -E '^\[ (RUN     |      OK| FAILED | SKIPPED) ' "$file" | tail -n 1 | sed -nE 's/^\[ RUN      \] //p')
  [ -z "$last" ] || text="$text; in $last"
  quiet=$(($(date +%s) - $(stat -c %Y "$file")))
  patience=$((step_limit < 240 ? step_limit : 240))
  if [ "$failed" -gt 0 ] || [ "$messages" -gt 0 ]; then
    row "$step" wrong "$text (${file##*/})"
  elif [ -n "$over" ] && [ "$quiet" -lt $patience ]; then
    row "$step" cut "out of time; $text"  # its share of the hour is over, and it was getting on
  elif [ $code -ne 0 ]; then
    ended "$step" $code "$text: $(grep -m 1 -A 3 'Failure' "$file" | tail -n 3) (${file##*/})"
  elif [ "$passed" -eq 0 ]; then
    row "$step" wrong "no test ran on the device: $text (${file##*/})"
  else
    row "$step" right "$text"
  fi
}

# Half of the time at most, so that some is left for speed. What a layer does not know, it calls wrong: where it is too
# old for cooperative matrices, they stay off under it and are tried without it.
operations() {
  local validated=() units_validated=()
  find_validation
  [ $validation = no ] || validated=(FULMAR_VALIDATION=1)
  [ $validation != old ] || validated+=(FULMAR_NO_MATRIX_UNITS=1)
  [ $validation != new ] || units_validated=(FULMAR_VALIDATION=1)
  tests operations $(((end - SECONDS) / 2)) "${FULMAR_TESTS:-*vulkan*:*Vulkan*}-*matrix_units*:MatrixUnits*:*/cpu_*" "${validated[@]}"
  if [ $units = on ]; then
    tests 'operations units' $(((end - SECONDS) / 3)) '*matrix_units*:MatrixUnits*' "${units_validated[@]}"
  else
    row 'operations units' left "the matrix units are off"
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
  local name model tolerance more chunk got code ran=0 good=0 worst=0 text
  local share=$((SECONDS + ((end - SECONDS) * 2 + 4) / 5))  # the rest is for what follows
  over=''
  while read -r name model tolerance more; do
    for chunk in 1 64; do
      [ $SECONDS -le $share ] || { over=hour && break 2; }
      # shellcheck disable=SC2086  # flags
      within 120 "$fulmar" logits --model "$here/data/$model" --tokens "$(cat "$here/data/$name.tokens")" \
        --strategy "$device fp32" --chunk $chunk $more >"$out/got.txt" 2>"$out/got.err"
      code=$?
      [ "$over" != hour ] || break 2
      ran=$((ran + 1))
      [ "$over" != step ] || break 2
      got=$(difference "$here/data/$name.expected" "$out/got.txt")
      if [ $code -eq 0 ] && awk -v a="$got" -v b="$tolerance" 'BEGIN { exit !(a != "shape" && a + 0 <= b + 0) }'; then
        good=$((good + 1))
      else
        echo "$name, chunk $chunk: exit code $code, off by $got, at most $tolerance: $(head -c 300 "$out/got.err")" | tee -a "$out/logits.txt"
      fi
      worst=$(awk -v a="$got" -v b="$worst" 'BEGIN { print (a + 0 > b + 0 ? a : b) }')
    done
  done <"$here/data/cases.txt"
  text="$good of $ran within their tolerance, worst $worst"
  if [ "$over" = step ]; then
    ended logits 124 "$text; in $name, chunk $chunk"
  elif [ $good -lt $ran ] || { [ $ran -eq 0 ] && [ -z "$over" ]; }; then
    row logits wrong "$text (logits.txt)"
  elif [ -n "$over" ]; then
    row logits cut "out of time; $text"
  else
    row logits right "$text"
  fi
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

# Waits for the port that the server, `$1`, says it listens on.
wait_for_port() {
  until grep -oE '^listening on .*:[0-9]+$' "$out/serve.txt" | grep -oE '[0-9]+$'; do
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.1
  done
}

questions() {
  local strategy=$1 server port='' code good=0 total waited half
  local step="lines $strategy"
  [ -f "$here/data/lines.json" ] || { row "$step" left "their model was not packed"; return; }
  [ $((end - SECONDS)) -gt 0 ] || { row "$step" cut "out of time"; return; }
  total=$(wc -l <"$here/data/lines.expected")
  "$fulmar" serve --model "$here/data/lines.safetensors" --vocab "$here/data/lines.vocab" --port 0 --drain-seconds 1 --sessions none \
    --strategy "$device $strategy" >"$out/serve.txt" 2>"$out/serve.err" &
  server=$!
  export -f ask wait_for_port
  export out
  within 120 bash -c 'wait_for_port "$1"' wait "$server" >"$out/port.txt"
  code=$?
  port=$(cat "$out/port.txt")
  if [ -n "$port" ]; then
    half=$(((end - SECONDS) / 2))
    within $((half < 300 ? half : 300)) bash -c 'ask "$@"' ask "$port" "$here/data/lines.json" >"$out/answers.txt"
    code=$?
    [ "$over" != step ] || [ $half -ge 300 ] || [ "$limit" -lt $half ] || over=hour  # its share of the hour
    grep -oE '"text":"[^"]*"' "$out/answers.txt" | sed 's/^"text":"//; s/"$//' >"$out/answered.txt"
    good=$(awk 'NR == FNR { want[FNR] = $0; next } $0 == want[FNR] { good++ } END { print good + 0 }' \
      "$here/data/lines.expected" "$out/answered.txt")
  fi
  kill -TERM $server 2>/dev/null
  for ((waited = 0; waited < 100; waited++)); do kill -0 $server 2>/dev/null || break; sleep 0.1; done
  kill -KILL $server 2>/dev/null && echo "gpu_hour.sh: the server had to be killed" | tee -a "$out/serve.err"
  local text="$good of $total"
  [ -n "$port" ] || text="the server was never ready: $(last_line "$out/serve.err") (serve.err)"
  if [ $code -ne 0 ]; then
    ended "$step" $code "$text"
  elif [ "$good" -eq "$total" ] && [ "$total" -gt 0 ]; then
    row "$step" right "$text"
  else
    row "$step" wrong "$text (answers.txt, serve.err)"
  fi
}

speed() {
  local size=$1 strategy=$2 code rows
  local file=$out/bench-$size-$strategy.txt
  within 420 "$fulmar" bench --made "$size" --strategy "$device $strategy" --prefill 512 --batch 1,8,32 --ops \
    >"$file" 2>"$file.err"
  code=$?
  rows=$(awk '$1 == "prefill" && NF == 7 && !p { p = 1; printf "prefill 512: %s tok/s", $4 }
              $1 == "decode" && NF == 7 && !($2 in d) { d[$2] = 1; printf ", %s: %s tok/s, %s of memory", $2, $4, $6 }' "$file")
  if [ $code -eq 0 ] && [ -n "$rows" ]; then
    row "speed $size $strategy" right "$rows"
  else
    ended "speed $size $strategy" $code "${rows:-nothing measured}; $(last_line "$file.err")"
  fi
}

if use_libraries && devices; then
  matrix_units
  logits
  read -r first others <<<"$precisions"
  [ -z "$first" ] || questions "$first"
  operations
  for strategy in $others; do questions "$strategy"; done
  for strategy in fp16 fp16i8 fp16q4_0; do
    for size in $sizes; do speed "$size" $strategy; done
  done
fi
printf '\n%s\n' "$(cat "$out/table.txt")"
exit $result
