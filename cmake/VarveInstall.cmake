# `cmake --install`: header, libraries, command, pkg-config file and CMake package.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/varve")

install(FILES "${PROJECT_SOURCE_DIR}/include/varve/varve.h"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/varve")
install(TARGETS varve varve_static EXPORT varve-targets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
if(TARGET varve_command)
    install(TARGETS varve_command RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

# Paths in varve.pc are relative to the file, so that an installed tree may be moved.
file(RELATIVE_PATH pkgconfig_to_prefix
     "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" pkgconfig_to_prefix "${pkgconfig_to_prefix}")
list(JOIN VARVE_STATIC_REQUIRES " " pkgconfig_requires)
list(TRANSFORM VARVE_STATIC_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE pkgconfig_libraries)
list(JOIN pkgconfig_libraries " " pkgconfig_libraries)
configure_file("${PROJECT_SOURCE_DIR}/cmake/varve.pc.in" "${PROJECT_BINARY_DIR}/varve.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/varve.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(EXPORT varve-targets NAMESPACE varve:: DESTINATION "${package_dir}")
configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/varve-config.cmake.in" "${PROJECT_BINARY_DIR}/varve-config.cmake"
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/varve-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/varve-config.cmake"
              "${PROJECT_BINARY_DIR}/varve-config-version.cmake"
        DESTINATION "${package_dir}")
