# Installs the system packages that the build and the tests need; sourced by fulmar.sh.
# shellcheck shell=bash

common_packages=(
  build-essential cmake ninja-build ccache pkg-config git curl ca-certificates
  libfmt-dev libspdlog-dev libcli11-dev libhwy-dev libutf8proc-dev libsqlite3-dev libgtest-dev libgmock-dev
  glslang-tools spirv-tools libvulkan-dev libvulkan1 mesa-vulkan-drivers vulkan-validationlayers
  python3 python3-numpy python3-venv
)

# Debian 12's default Boost (1.74) has no JSON; 1.81 stands beside it under versioned names.
boost_packages() {
  case "$1" in
    debian-12) echo libboost1.81-dev libboost-json1.81-dev ;;
    *) echo libboost-dev libboost-json-dev ;;
  esac
}

# "debian-12", "ubuntu-24.04", ...
distribution() (
  . /etc/os-release 2>/dev/null && echo "${ID:-unknown}-${VERSION_ID:-}" || echo unknown-
)

missing_packages() {
  local name
  for name in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
  done
}

install_packages() {
  local system
  system=$(distribution)
  if ! command -v dpkg-query >/dev/null; then
    note "$system has no dpkg; these must be there under its own names: ${common_packages[*]} and Boost 1.81 or newer"
    return
  fi
  local wanted missing
  read -ra wanted <<<"${common_packages[*]} $(boost_packages "$system")"
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  [ ${#missing[@]} -gt 0 ] || return 0

  case "$system" in
    debian-12 | ubuntu-24.04) ;;
    *) note "$system is not one of the systems this was tried on (Debian 12, Ubuntu 24.04); trying its packages" ;;
  esac
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "these packages are missing, and there is neither root nor sudo to install them: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
