# One interface target that every varve target links: language level, warnings as errors, hardening.
add_library(varve_flags INTERFACE)
target_compile_features(varve_flags INTERFACE c_std_11)
target_compile_definitions(varve_flags INTERFACE _GNU_SOURCE)
target_compile_options(varve_flags INTERFACE
    -std=c11 -fvisibility=hidden -fno-strict-aliasing -ffp-contract=off
    -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wundef -Wcast-align -Wvla -Wformat=2 -Wswitch-enum -Wpointer-arith
    -Werror -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # gcc 12 reports reads through the wide-load padding of chunks that it cannot see the bounds of.
    target_compile_options(varve_flags INTERFACE -Wno-stringop-overread)
endif()
target_include_directories(varve_flags INTERFACE
    "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -D_FORTIFY_SOURCE=2")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g3")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_EXTENSIONS OFF)
if(VARVE_SANITIZE)
    target_compile_options(varve_flags INTERFACE
        -fsanitize=${VARVE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(varve_flags INTERFACE -fsanitize=${VARVE_SANITIZE})
endif()
