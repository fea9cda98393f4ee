# libvarve, shared and static: the sum of the rooms. Include it after the rooms are known.
#   varve         libvarve.so.0, exports what varve.h declares and nothing else
#   varve_static  libvarve.a
get_property(rooms GLOBAL PROPERTY VARVE_ROOMS)
get_property(libraries GLOBAL PROPERTY VARVE_ROOM_LIBRARIES)
list(REMOVE_DUPLICATES libraries)
set(objects "")
foreach(room ${rooms})
    list(APPEND objects $<TARGET_OBJECTS:varve_${room}>)
endforeach()

add_library(varve SHARED ${objects})
set_target_properties(varve PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE C)
if(NOT VARVE_SANITIZE AND NOT VARVE_BUILD_FUZZERS)
    target_link_options(varve PRIVATE -Wl,--no-undefined)
endif()
target_link_options(varve PRIVATE -Wl,-z,relro,-z,now -Wl,--as-needed)
# Threads that have used the library call into it when they end: dlclose() must leave it there.
target_link_options(varve PRIVATE -Wl,-z,nodelete)

add_library(varve_static STATIC ${objects})
set_target_properties(varve_static PROPERTIES OUTPUT_NAME varve LINKER_LANGUAGE C)

foreach(library varve varve_static)
    target_include_directories(${library} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
# The link flags matter for sanitizer builds; both stay out of the installed package.
target_link_libraries(varve PRIVATE "$<BUILD_INTERFACE:${libraries};varve_compile_flags>")
target_link_libraries(varve_static INTERFACE "$<BUILD_INTERFACE:${libraries}>")
