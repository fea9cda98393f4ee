#!/usr/bin/env bash
# install.sh - what `cmake --install` leaves is all that a program needs: the command, the header
# and both libraries, found through pkg-config and through CMake, also after the tree has been
# moved.
set -eu
[ -z "${VARVE_SANITIZE:-}" ] || { echo 'sanitizer builds are not for installing'; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$VARVE_BUILD" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix"
prefix=$work/prefix
library=$(dirname "$(find "$prefix" -name libvarve.so)")

fail() {
    echo "FAILED: $*"
    exit 1
}

cat >"$work/program.c" <<'TEXT'
#include <stdio.h>
#include <varve/varve.h>

int main(void)
{
    varve_options options = VARVE_OPTIONS_INIT;
    varve_db *db;
    varve_series series;
    int64_t timestamp = 1700000000000000000;
    double value = 21.5;

    options.flags = VARVE_OPEN_CREATE;
    if (varve_open("installed.db", &options, &db, NULL) != VARVE_OK ||
        varve_series_parse(db, VARVE_STRING("up{a=\"b\"}"), &series, NULL) != VARVE_OK ||
        varve_append(db, series, &timestamp, &value, 1, NULL) != VARVE_OK ||
        varve_close(db, NULL) != VARVE_OK) {
        return 1;
    }
    puts(varve_version());
    return 0;
}
TEXT

cd "$work"
export PKG_CONFIG_PATH=$library/pkgconfig
version=$(pkg-config --modversion varve)

# run_program NAME: runs it in a fresh folder, then lets the installed command read what it wrote.
run_program() {
    rm -rf installed.db
    [ "$("$1")" = "$version" ] || fail "$1 does not run or is not of version $version"
    LD_LIBRARY_PATH=$library "$prefix/bin/varve" query installed.db up --output csv >"$work/rows"
    grep -q ',21.5$' "$work/rows" || fail "the installed command does not read what $1 wrote"
}

# shellcheck disable=SC2046
cc -o with_shared program.c $(pkg-config --cflags --libs varve) -Wl,-rpath,"$library"
run_program ./with_shared

# shellcheck disable=SC2046
cc -o with_static program.c $(pkg-config --cflags varve) "$library/libvarve.a" \
    $(pkg-config --libs --static varve | sed 's/-lvarve//')
run_program ./with_static

readelf -d "$library/libvarve.so" | grep -q 'SONAME.*\[libvarve\.so\.0\]' || fail 'no SONAME'
readelf -d "$library/libvarve.so" | grep -q NODELETE ||
    fail 'dlclose() takes away what threads call when they end'
inner=$(nm -D --defined-only "$library/libvarve.so" | awk '$3 !~ /^varve_/ {print $3}')
[ -z "$inner" ] || fail "the library exports what is not in varve.h: $inner"

cat >CMakeLists.txt <<'TEXT'
cmake_minimum_required(VERSION 3.16)
project(user C)
find_package(varve 0.1 REQUIRED)
add_executable(cmake_shared program.c)
target_link_libraries(cmake_shared varve::varve)
add_executable(cmake_static program.c)
target_link_libraries(cmake_static varve::varve_static)
TEXT
cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" >cmake.log 2>&1 &&
    cmake --build build >>cmake.log 2>&1 || { cat cmake.log; fail 'find_package(varve)'; }
run_program build/cmake_shared
run_program build/cmake_static
for page in man1/varve.1 man3/libvarve.3; do
    [ -s "$prefix/share/man/$page" ] || fail "no manual page $page"
done
echo 'installed: command, header, shared and static library'
