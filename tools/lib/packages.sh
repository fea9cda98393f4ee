# packages.sh - what varve needs from Debian, and installing what is missing. Sourced by tools/test
# and tools/quickstart.

# package:command where a command on the PATH will do, whoever installed it; else the package
# itself.
packages_build=(build-essential:cc cmake:cmake ninja-build:ninja pkg-config:pkg-config
    libck-dev libroaring-dev libpcre2-dev libzstd-dev libjansson-dev libxxhash-dev libedit-dev
    liburing-dev libcmocka-dev)
packages_test=(python3:python3 build-essential:c++ zstd:zstd sqlite3:sqlite3 liblmdb-dev
    libsqlite3-dev)
packages_cross=(gcc-aarch64-linux-gnu:aarch64-linux-gnu-gcc libc6-dev-arm64-cross
    qemu-user:qemu-aarch64)

# package_is_there PACKAGE[:COMMAND]
package_is_there() {
    case $1 in
    *:*) command -v "${1#*:}" >/dev/null ;;
    *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    esac
}

# packages_missing ENTRY...: the names of those that are not there, each once.
packages_missing() {
    local entry
    for entry in "$@"; do
        package_is_there "$entry" || echo "${entry%%:*}"
    done | sort -u
}

packages_there() { [ -z "$(packages_missing "$@")" ]; }

# packages_install ENTRY...: installs what is missing; returns 1, having said what to do, if it
# cannot.
packages_install() {
    local missing as_root=()
    if ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian: make sure that you have what these packages contain: ${*%%:*}"
        return 0
    fi
    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            as_root=(sudo)
        else
            echo "Missing: ${missing[*]}"
            echo "As root: apt-get install ${missing[*]}"
            return 1
        fi
    fi
    echo "Installing: ${missing[*]}"
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq)
    if ! "${as_root[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
        # A fresh image has no package lists.
        "${as_root[@]}" update &&
            "${as_root[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null ||
            { echo "Could not install: ${missing[*]}"; return 1; }
    fi
}
