# Debian's packages as imported targets. CRoaring of Debian 12 has no usable pkg-config file, ck
# none.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(xxhash REQUIRED libxxhash)
# liburing is optional: without it queues of requests are performed by plain calls.
if(VARVE_LIBURING)
    pkg_check_modules(liburing IMPORTED_TARGET liburing)
endif()
find_library(VARVE_CK_LIBRARY ck REQUIRED)
find_library(VARVE_ROARING_LIBRARY roaring REQUIRED)

# xxhash is used from its header alone: nothing to link.
add_library(varve_xxhash INTERFACE)
target_include_directories(varve_xxhash SYSTEM INTERFACE ${xxhash_INCLUDE_DIRS})

# What a program that links the installed static library must link as well.
set(VARVE_STATIC_REQUIRES libzstd libpcre2-8)
set(VARVE_STATIC_LIBRARIES ck roaring m)
add_library(varve_liburing INTERFACE)
if(liburing_FOUND)
    target_compile_definitions(varve_liburing INTERFACE VARVE_WITH_LIBURING)
    target_link_libraries(varve_liburing INTERFACE PkgConfig::liburing)
    list(APPEND VARVE_STATIC_REQUIRES liburing)
    list(APPEND VARVE_STATIC_LIBRARIES uring)
endif()
