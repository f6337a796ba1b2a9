#!/usr/bin/env bash
# Makes the folder that gpu_hour.sh runs in on a machine with a GPU and no network: programs, libraries, models, numbers.
#
#   scripts/gpu_pack.sh [FOLDER]    build/gpu-hour by default; below 60 MB
#
#   FULMAR_VALIDATION_LAYER=FOLDER  the validation layer there (its .json and .so), not the newest that is installed
#
# The trained models and the 600 questions come from ../shared where it is there; without it the made models are packed.
# Built on Debian 12 it runs from glibc 2.34 on where the machine has GCC 12's C++ library, and else, with ours, from 2.36 on.
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
# first_of NAME: the library of that name that programs here would load.
first_of() {
  local path
  for path in /usr/lib/"$(uname -m)"-linux-gnu/"$1" /usr/lib64/"$1" /usr/lib/*/"$1" /usr/lib/"$1"; do
    [ ! -f "$path" ] || { echo "$path" && return; }
  done
}
loader=$(first_of libvulkan.so.1)
if [ -n "$loader" ]; then
  cp -L "$loader" "$folder/lib/"
else
  echo "gpu_pack.sh: no libvulkan.so.1 here: the machine must have its own" >&2
fi
# NVIDIA's driver loads libraries of X11, which bare containers lack.
mkdir "$folder/x11"
for name in libX11.so.6 libXext.so.6 libxcb.so.1 libXau.so.6 libXdmcp.so.6 libbsd.so.0 libmd.so.0; do
  path=$(first_of $name)
  if [ -n "$path" ]; then
    cp -L "$path" "$folder/x11/"
  else
    echo "gpu_pack.sh: no $name here: NVIDIA's driver may ask for it" >&2
  fi
done
# The layers know cooperative matrices from 1.3.255 on; the newest at hand is taken. Debian 12 and its backports have 1.3.239
# and no newer; trixie's asks for a C library that most machines with a GPU do not have.
manifest=$(for file in ${FULMAR_VALIDATION_LAYER:+"$FULMAR_VALIDATION_LAYER"/*validation*.json} \
  /usr/share/vulkan/explicit_layer.d/*validation*.json /etc/vulkan/explicit_layer.d/*validation*.json; do
  [ ! -f "$file" ] || echo "$(sed -nE 's/.*"api_version": *"([0-9.]+)".*/\1/p' "$file" | head -n 1) $file"
done | sort -V | tail -n 1 | cut -d ' ' -f 2-)
if [ -n "$manifest" ]; then
  layer=$(sed -nE 's/.*"library_path": *"([^"]+)".*/\1/p' "$manifest" | head -n 1)
  [ "$(dirname "$manifest")" != "${FULMAR_VALIDATION_LAYER:-}" ] || layer=$FULMAR_VALIDATION_LAYER/$(basename "$layer")
  case $layer in
    /*) ;;
    */*) layer=$(dirname "$manifest")/$layer ;;
    *) layer=$(first_of "$layer") ;;
  esac
  cp -L "$layer" "$folder/layers/"
  strip --strip-unneeded "$folder/layers/$(basename "$layer")"
  sed -E 's#("library_path": *")[^"]*/?(libVkLayer[^"/]*")#\1./\2#' "$manifest" >"$folder/layers/$(basename "$manifest")"
  pack_libraries "$folder"/layers/*.so || echo "gpu_pack.sh: this layer would not start here" >&2
  gzip -9n "$folder"/layers/*.so  # 22 MB to 6; gpu_hour.sh unpacks it
else
  echo "gpu_pack.sh: no validation layer here: operations will not be validated" >&2
fi

python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done) || true
[ -n "$python" ] || { echo "gpu_pack.sh: python3 with numpy is needed to compute the expected numbers" >&2; exit 1; }
PYTHONDONTWRITEBYTECODE=1 "$python" tests/e2e/gpu_hour_data.py --fulmar build/fulmar --source-dir "$root" --work-dir "$folder/data"

size=$(du -sm "$folder" | cut -f 1)
echo "$folder: $size MB; copy it to the machine and run ./gpu_hour.sh there"
[ "$size" -lt "$most_mb" ] || { echo "gpu_pack.sh: more than $most_mb MB" >&2; exit 1; }
