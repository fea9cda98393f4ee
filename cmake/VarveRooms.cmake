# varve_room(NAME [ROOMS room...] [LIBRARIES target...])
# Compiles src/NAME/*.c and src/NAME/*/*.c as the object library varve_NAME. ROOMS are the rooms
# that it may use; they and their libraries are passed on to tests that link the room. Files named
# *_avx2.c, *_avx512.c are compiled for that instruction set only, and only on x86-64; *_neon.c only
# on aarch64.
function(varve_room name)
    cmake_parse_arguments(ROOM "" "" "ROOMS;LIBRARIES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS "${VARVE_ROOT}/src/${name}/*.c"
        "${VARVE_ROOT}/src/${name}/*/*.c")
    if(NOT sources)
        return()
    endif()
    if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        list(FILTER sources EXCLUDE REGEX "_(avx2|avx512)\\.c$")
    endif()
    if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
        list(FILTER sources EXCLUDE REGEX "_neon\\.c$")
    endif()
    add_library(varve_${name} OBJECT ${sources})
    target_link_libraries(varve_${name} PRIVATE varve_flags)
    foreach(library ${ROOM_LIBRARIES})
        target_link_libraries(varve_${name} PUBLIC ${library})
    endforeach()
    foreach(source ${sources})
        if(source MATCHES "_avx2\\.c$")
            set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS
                "-O3;-mavx2;-mfma;-mbmi;-mbmi2;-mlzcnt")
        elseif(source MATCHES "_avx512\\.c$")
            set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS
                "-O3;-march=x86-64-v4;-mprefer-vector-width=512")
        endif()
    endforeach()
    # Everything that a test of this room must link: the room's objects and those of the rooms
    # below.
    set(closure ${name})
    foreach(room ${ROOM_ROOMS})
        get_property(below GLOBAL PROPERTY VARVE_ROOM_CLOSURE_${room})
        list(APPEND closure ${below})
    endforeach()
    list(REMOVE_DUPLICATES closure)
    set_property(GLOBAL PROPERTY VARVE_ROOM_CLOSURE_${name} "${closure}")
    set_property(GLOBAL APPEND PROPERTY VARVE_ROOMS ${name})
    set_property(GLOBAL APPEND PROPERTY VARVE_ROOM_LIBRARIES ${ROOM_LIBRARIES})
endfunction()

# varve_link_room(TARGET NAME): links the objects of room NAME and of every room below it.
function(varve_link_room target name)
    get_property(closure GLOBAL PROPERTY VARVE_ROOM_CLOSURE_${name})
    foreach(room ${closure})
        target_link_libraries(${target} PRIVATE varve_${room})
    endforeach()
    target_link_libraries(${target} PRIVATE varve_flags)
endfunction()
