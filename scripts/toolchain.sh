# Fetches what Debian 12 has too old or not at all into build/toolchain, leaving the host as it is; sourced by fulmar.sh.
# shellcheck shell=bash
#
# Mesa 25 (bookworm-backports) runs on the libraries of Debian 12. Its lavapipe is about twice as fast as 22.3's, and its
# compiler for AMD's cards, which works without one, knows two generations more.
# glslang 15 and the Vulkan headers 1.4 (trixie) know cooperative matrices; glslang brings its own libc along.
# SwiftShader, a second software driver, comes in Chromium's packages; the tests alone want it.
# Each piece is optional: where it cannot be had, the system's own is used or a test skipped, and a line says so.

toolchain=build/toolchain

# The mirror that this machine already uses, so that proxies and local mirrors keep working.
debian_mirror() {
  local found
  found=$(
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+bookworm[[:space:]].*/\2/p' | head -n 1
  ) || true  # either kind of file may be absent
  [ -n "$found" ] || found=$(
    # A deb822 paragraph: the first URI of one whose suites name the release itself.
    awk -v RS= '$0 ~ /(^|\n)Types:[^\n]*deb/ && $0 ~ /(^|\n)Suites:[^\n]*[ \t]bookworm([ \t\n]|$)/ {
        n = split($0, lines, "\n")
        for (i = 1; i <= n; i++) if (lines[i] ~ /^URIs:/) { split(lines[i], words, /[ \t]+/); print words[2]; exit }
      }' /etc/apt/sources.list.d/*.sources 2>/dev/null
  ) || true
  echo "${found:-http://deb.debian.org/debian}"
}

# private_sources SUITE: writes sources, lists, cache and settings of our own; prints the settings' path.
private_sources() {
  local home=$PWD/$toolchain/apt/$1
  mkdir -p "$home/lists/partial" "$home/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $1 main" >"$home/sources.list"
  # Read after the host's own settings (its proxies stay); its hooks must not fire for our lists.
  cat >"$home/apt.conf" <<CONF
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets;
Acquire::IndexTargets::deb::Packages {
  MetaKey "\$(COMPONENT)/binary-\$(ARCHITECTURE)/Packages"; Description "\$(RELEASE)"; Optional "no";
};
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
APT::Sandbox::User "";
Debug::NoLocking "true";
Dir::Etc::SourceList "$home/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$home/lists";
Dir::Cache "$home/cache";
CONF
  echo "$home/apt.conf"
}

# download_from SUITE FOLDER PACKAGE...: downloads the packages into FOLDER/debs, signatures checked.
download_from() {
  local suite=$1 folder=$2 settings
  shift 2
  settings=$(private_sources "$suite") || return 1
  apt-get -c "$settings" -qq update || return 1
  rm -rf "$folder"
  mkdir -p "$folder/debs"
  (cd "$folder/debs" && apt-get -c "$settings" -qq download "$@")
}

# unpack_from SUITE FOLDER PACKAGE...: unpacks them all into FOLDER too.
unpack_from() {
  local folder=$2 package
  download_from "$@" || return 1
  for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$folder" || return 1; done
}

# whole DRIVER: whether everything it needs is there.
whole() {
  ! ldd -r "$1" 2>&1 | grep -qE 'not found|undefined symbol'
}

# Two drivers are kept: of the others in that package, the system's stay in charge.
fetch_mesa() {
  local part=$toolchain/part folder=$toolchain/mesa
  unpack_from bookworm-backports "$part" mesa-vulkan-drivers || return 1
  mkdir -p "$folder"
  mv "$part"/usr/lib/*/libvulkan_{lvp,radeon}.so "$part"/usr/share/doc/mesa-vulkan-drivers/copyright "$folder/"
  whole "$folder/libvulkan_radeon.so" || rm "$folder/libvulkan_radeon.so"
  whole "$folder/libvulkan_lvp.so"
}

# One library of Chromium's hundreds of megabytes; the rest is not even unpacked.
fetch_swiftshader() {
  local part=$toolchain/part folder=$toolchain/swiftshader
  download_from bookworm "$part" chromium-common || return 1
  mkdir -p "$folder"
  dpkg --fsys-tarfile "$part"/debs/chromium-common_*.deb |
    tar -x -C "$folder" --strip-components=4 --wildcards '*/libvk_swiftshader.so' || return 1
  whole "$folder/libvk_swiftshader.so"
}

# glslang with its own loader and libc behind a wrapper of the usual name, and the headers beside it.
fetch_glslang() {
  local part=$toolchain/part folder=$toolchain/glslang
  unpack_from trixie "$part" glslang-tools libc6 libstdc++6 libgcc-s1 libvulkan-dev || return 1
  rm -rf "$folder" "$toolchain/vulkan-headers"
  mkdir -p "$folder/lib" "$toolchain/vulkan-headers"
  mv "$part"/usr/include/* "$toolchain/vulkan-headers/"
  cp -L "$part"/usr/bin/glslangValidator "$folder/program" || return 1
  cp -L "$part"/usr/lib/*/{libc.so.6,libm.so.6,libstdc++.so.6,libgcc_s.so.1,ld-linux*.so*} "$folder/lib/" || return 1
  cp -r "$part"/usr/share/doc "$folder/"
  cat >"$folder/glslangValidator" <<'WRAPPER'
#!/bin/sh
# Runs the unpacked glslang with the libraries beside it.
here=$(cd "$(dirname "$0")" && pwd)
exec "$here"/lib/ld-linux*.so* --library-path "$here/lib" "$here/program" "$@"
WRAPPER
  chmod +x "$folder/glslangValidator"
  "$folder/glslangValidator" --version >/dev/null
}

# One attempt per build folder: `once NAME FUNCTION WHY INSTEAD` remembers a failure, so that offline re-runs stay quick.
once() {
  local name=$1 fetch=$2 why=$3 instead=$4
  [ ! -f "$toolchain/$name.done" ] && [ ! -f "$toolchain/$name.failed" ] || return 0
  say "fetching $name into $toolchain ($why)"
  if "$fetch" >"$toolchain/$name.log" 2>&1; then
    touch "$toolchain/$name.done"
  else
    rm -rf "${toolchain:?}/$name"
    touch "$toolchain/$name.failed"
    note "could not fetch $name (see $toolchain/$name.log); $instead. Remove $toolchain to try again"
  fi
  rm -rf "$toolchain/part"
}

# driver_file NAME DRIVER...: the first driver that is there, under one name wherever it came from.
driver_file() {
  local name=$1 driver
  shift
  for driver in "$@"; do
    [ -f "$driver" ] || continue
    printf '{"file_format_version": "1.0.0", "ICD": {"api_version": "1.3.0", "library_path": "%s"}}\n' "$driver" \
      >"$toolchain/${name}_icd.json"
    return
  done
  rm -f "$toolchain/${name}_icd.json"
  return 1
}

# The drivers that tests ask for by these files.
write_driver_files() {
  local own=$PWD/$toolchain
  driver_file lvp "$own"/mesa/libvulkan_lvp.so /usr/lib/*/libvulkan_lvp.so /usr/lib64/libvulkan_lvp.so ||
    note "no lavapipe found: the Vulkan tests will be skipped"
  driver_file radv "$own"/mesa/libvulkan_radeon.so /usr/lib/*/libvulkan_radeon.so /usr/lib64/libvulkan_radeon.so || true
  driver_file swiftshader "$own"/swiftshader/libvk_swiftshader.so /usr/lib/chromium/libvk_swiftshader.so || true
}

fetch_toolchain() {
  mkdir -p "$toolchain"
  if [ "$(distribution)" = debian-12 ]; then
    once mesa fetch_mesa "the system's is too old" "using the system's"
    once glslang fetch_glslang "the system's is too old" "using the system's"
    rm -rf "$toolchain/apt" "$toolchain"/lavapipe*  # the latter under an earlier name
  fi
  write_driver_files
}

# What the tests alone need. Ubuntu's Chromium is a snap, from which nothing can be taken.
fetch_test_drivers() {
  if [ "$(distribution)" = debian-12 ]; then
    once swiftshader fetch_swiftshader "for the tests, 26 MB" "its tests will be skipped"
    rm -rf "$toolchain/apt"
  else
    note "no SwiftShader to fetch here: its tests are skipped unless Chromium is installed"
  fi
  write_driver_files
}
