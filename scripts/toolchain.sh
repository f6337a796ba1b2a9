# Fetches what Debian 12 has too old into build/toolchain, leaving the host as it is; sourced by fulmar.sh.
# shellcheck shell=bash
#
# lavapipe 25 (bookworm-backports) is about twice as fast as 22.3 and runs on the libraries of Debian 12.
# glslang 15 and the Vulkan headers 1.4 (trixie) know cooperative matrices; glslang brings its own libc along.
# Each piece is optional: where it cannot be had, the system's own is used and a line says so.

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

# unpack_from SUITE FOLDER PACKAGE...: downloads the packages, signatures checked, and unpacks them all into FOLDER.
unpack_from() {
  local suite=$1 folder=$2 settings package
  shift 2
  settings=$(private_sources "$suite") || return 1
  apt-get -c "$settings" -qq update || return 1
  rm -rf "$folder"
  mkdir -p "$folder/debs"
  (cd "$folder/debs" && apt-get -c "$settings" -qq download "$@") || return 1
  for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$folder" || return 1; done
}

# The driver alone is kept: of the others' drivers in that package, the system's stay in charge.
fetch_lavapipe() {
  local part=$toolchain/part driver
  unpack_from bookworm-backports "$part" mesa-vulkan-drivers || return 1
  driver=$(echo "$part"/usr/lib/*/libvulkan_lvp.so)
  if ldd -r "$driver" 2>&1 | grep -qE 'not found|undefined symbol'; then return 1; fi
  mkdir -p "$toolchain/lavapipe"
  cp "$part"/usr/share/doc/mesa-vulkan-drivers/copyright "$toolchain/lavapipe/"
  mv "$driver" "$toolchain/lavapipe/"
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

# One attempt per build folder: `once NAME FUNCTION` remembers a failure, so that offline re-runs stay quick.
once() {
  local name=$1 fetch=$2
  [ ! -f "$toolchain/$name.done" ] && [ ! -f "$toolchain/$name.failed" ] || return 0
  say "fetching $name into $toolchain (the system's is too old)"
  if "$fetch" >"$toolchain/$name.log" 2>&1; then
    touch "$toolchain/$name.done"
  else
    rm -rf "${toolchain:?}/$name"
    touch "$toolchain/$name.failed"
    note "could not fetch $name (see $toolchain/$name.log); using the system's. Remove $toolchain to try again"
  fi
  rm -rf "$toolchain/part"
}

# The software driver that the tests pin, under one name wherever it came from.
write_driver_file() {
  local driver
  for driver in "$PWD/$toolchain"/lavapipe/libvulkan_lvp.so /usr/lib/*/libvulkan_lvp.so /usr/lib64/libvulkan_lvp.so; do
    [ -f "$driver" ] || continue
    printf '{"file_format_version": "1.0.0", "ICD": {"api_version": "1.3.0", "library_path": "%s"}}\n' "$driver" \
      >"$toolchain/lvp_icd.json"
    return
  done
  note "no lavapipe found: the Vulkan tests will be skipped"
}

fetch_toolchain() {
  mkdir -p "$toolchain"
  if [ "$(distribution)" = debian-12 ]; then
    once lavapipe fetch_lavapipe
    once glslang fetch_glslang
    rm -rf "$toolchain/apt"
  fi
  write_driver_file
}
