# What every varve target is compiled with.
#   varve_compile_flags  warnings as errors, hardening, sanitizers
#   varve_flags          the same plus the include folders of the inside: rooms, tests, benchmarks
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH VARVE_ROOT)

add_library(varve_compile_flags INTERFACE)
target_compile_definitions(varve_compile_flags INTERFACE _GNU_SOURCE)
target_compile_options(varve_compile_flags INTERFACE
    -fvisibility=hidden -fno-strict-aliasing -ffp-contract=off
    -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wundef -Wcast-align -Wvla
    -Wformat=2 -Wswitch-enum -Wpointer-arith
    -Wstrict-prototypes -Wmissing-prototypes -Werror -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # gcc 12 reports reads through the wide-load padding of chunks that it cannot see the bounds of.
    target_compile_options(varve_compile_flags INTERFACE -Wno-stringop-overread)
endif()

set(CMAKE_C_FLAGS_RELEASE "-O2 -g -D_FORTIFY_SOURCE=2")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g3")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)

if(VARVE_SANITIZE)
    target_compile_options(varve_compile_flags INTERFACE
        -fsanitize=${VARVE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(varve_compile_flags INTERFACE -fsanitize=${VARVE_SANITIZE})
endif()
if(VARVE_BUILD_FUZZERS)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "VARVE_BUILD_FUZZERS needs clang: cmake --preset fuzz")
    endif()
    target_compile_options(varve_compile_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(varve_flags INTERFACE)
target_link_libraries(varve_flags INTERFACE varve_compile_flags)
target_include_directories(varve_flags INTERFACE
    "${VARVE_ROOT}/src" "${VARVE_ROOT}/include")
