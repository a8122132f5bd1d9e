# Flags and small helpers shared by all rooms.

set(LETHE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wformat=2 -Wundef)
if(LETHE_WERROR)
  list(APPEND LETHE_WARNINGS -Werror)
endif()

add_library(lethe_flags INTERFACE)
target_include_directories(lethe_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_definitions(lethe_flags INTERFACE _GNU_SOURCE LETHE_VERSION="${PROJECT_VERSION}")
target_compile_options(lethe_flags INTERFACE
  $<$<COMPILE_LANGUAGE:C>:${LETHE_WARNINGS}> $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra> -fno-omit-frame-pointer)
if(LETHE_SANITIZE)
  target_compile_options(lethe_flags INTERFACE -fsanitize=${LETHE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(lethe_flags INTERFACE -fsanitize=${LETHE_SANITIZE})
endif()
if(LETHE_FUZZ)
  target_compile_options(lethe_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(LETHE_COVERAGE)
  target_compile_options(lethe_flags INTERFACE --coverage)
  target_link_options(lethe_flags INTERFACE --coverage)
endif()

# lethe_pkg(NAME module): an imported target lethe::NAME by pkg-config; its headers count as system headers.
function(lethe_pkg name module)
  pkg_check_modules(LETHE_PKG_${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  add_library(lethe::${name} ALIAS PkgConfig::LETHE_PKG_${name})
endfunction()

# lethe_room(name LINK libs... [EXTRA globs...]): the static library of one room from all its sources but main.c.
function(lethe_room name)
  cmake_parse_arguments(ROOM "" "" "LINK;PRIVATE_LINK;FOLDERS" ${ARGN})
  set(sources)
  foreach(folder . ${ROOM_FOLDERS})
    file(GLOB found CONFIGURE_DEPENDS ${folder}/*.c ${folder}/*.cc)
    list(APPEND sources ${found})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  if(NOT sources)
    file(TOUCH ${CMAKE_CURRENT_BINARY_DIR}/empty.c)
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.c)
  endif()
  add_library(lethe_${name} STATIC ${sources})
  target_link_libraries(lethe_${name} PUBLIC lethe_flags ${ROOM_LINK} PRIVATE ${ROOM_PRIVATE_LINK})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/room.cmake)
    include(${CMAKE_CURRENT_SOURCE_DIR}/room.cmake)
  endif()
endfunction()

# lethe_program(name room main): one thin main over a room.
function(lethe_program name room)
  add_executable(${name} main.c)
  target_link_libraries(${name} PRIVATE lethe_${room})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()
