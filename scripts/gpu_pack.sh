#!/usr/bin/env bash
# Makes the folder that gpu_hour.sh runs in on a machine with a GPU and no network: programs, libraries, models, numbers.
#
#   scripts/gpu_pack.sh [FOLDER]    build/gpu-hour by default; below 60 MB
#
# The trained models and the 600 questions come from ../shared where it is there; without it the made models are packed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
folder=${1:-build/gpu-hour}
most_mb=60

[ -f build/build.ninja ] || { echo "gpu_pack.sh: nothing is built; run ./fulmar.sh build first" >&2; exit 1; }
cmake --build build --target fulmar test_ops --parallel "$(nproc)"
rm -rf "$folder"
mkdir -p "$folder"/{bin,lib,fallback,layers,models,data}
for program in build/fulmar build/tests/test_ops; do
  cp "$program" "$folder/bin/"
  strip "$folder/bin/$(basename "$program")"
done
cp scripts/gpu_hour.sh "$folder/"
cp models/fulmar-demo.* models/rwkv-world.vocab "$folder/models/"

# pack_libraries FILE...: what these load, but for the C library, which must be the machine's own.
pack_libraries() {
  local name path
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | sort -u | while read -r name path; do
    case $name in
      libc.* | libm.* | libpthread.* | libdl.* | librt.* | libresolv.* | ld-linux*) ;;
      libstdc++.* | libgcc_s.*) cp -L "$path" "$folder/fallback/" ;;
      *) cp -L "$path" "$folder/lib/" ;;
    esac
  done
}
pack_libraries "$folder"/bin/*
for loader in /usr/lib/*/libvulkan.so.1; do cp -L "$loader" "$folder/lib/"; done
# The layers know cooperative matrices only where they are new enough; the newest at hand is taken.
layer=$(ls /usr/lib/*/libVkLayer_khronos_validation.so 2>/dev/null | head -n 1 || true)
manifest=$(ls /usr/share/vulkan/explicit_layer.d/*validation*.json 2>/dev/null | head -n 1 || true)
if [ -n "$layer" ] && [ -n "$manifest" ]; then
  cp -L "$layer" "$folder/layers/"
  strip --strip-unneeded "$folder/layers/$(basename "$layer")"
  sed -E 's#("library_path": *")[^"]*/?(libVkLayer[^"/]*")#\1./\2#' "$manifest" >"$folder/layers/$(basename "$manifest")"
  pack_libraries "$folder"/layers/*.so
fi

python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)
[ -n "$python" ] || { echo "gpu_pack.sh: python3 with numpy is needed to compute the expected numbers" >&2; exit 1; }
PYTHONDONTWRITEBYTECODE=1 "$python" tests/e2e/gpu_hour_data.py --fulmar build/fulmar --source-dir "$root" --work-dir "$folder/data"

size=$(du -sm "$folder" | cut -f 1)
echo "$folder: $size MB; copy it to the machine and run ./gpu_hour.sh there"
[ "$size" -lt "$most_mb" ] || { echo "gpu_pack.sh: more than $most_mb MB" >&2; exit 1; }
