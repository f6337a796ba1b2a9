# Language level, warnings, sanitizers and ccache, for every target through fulmar_options(target).
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# A newer compiler's new warning stops those who work on this, and not those who only build it.
if(NOT DEFINED CMAKE_COMPILE_WARNING_AS_ERROR AND "$ENV{CI}")
  set(CMAKE_COMPILE_WARNING_AS_ERROR ON CACHE BOOL "Treat warnings as errors")  # also when CMake runs again without CI
endif()

find_program(FULMAR_CCACHE ccache)
if(FULMAR_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers carry time stamps that ccache must be told to look past.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_NOHASHDIR=1 ${FULMAR_CCACHE})
endif()

function(fulmar_options target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /utf-8)
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -fno-math-errno -ffp-contract=off)
  endif()
  if(FULMAR_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)  # counts edges, for libFuzzer
  endif()
  if(FULMAR_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${FULMAR_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${FULMAR_SANITIZE})
    if(FULMAR_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      target_compile_options(${target} PUBLIC -Wno-tsan)  # Asio's fences, which GCC's TSan does not model
    endif()
    if(FULMAR_SANITIZE MATCHES undefined)
      target_compile_options(${target} PUBLIC -fno-sanitize-recover=undefined)
    endif()
  endif()
endfunction()

# FULMAR_UNITY: libraries are compiled eight files at once, whose headers are then read and whose templates are then made
# once: less than half the seconds. A file may not give a name of its own what its neighbour calls so. Where it is off, as
# in all presets for work on the code but release, each file is compiled alone, and must include what it needs.
set(default OFF)
if(CMAKE_BUILD_TYPE STREQUAL Release AND NOT MSVC)
  set(default ON)
endif()
option(FULMAR_UNITY "Compile the files of a library together" ${default})

# fulmar_unity(target): its files together, but for those that list fields and so use an enumeration's short words as they
# are, kernels, which are compiled once for each instruction set, the one with CLI11, which takes ten seconds, and what has
# options of its own.
function(fulmar_unity target)
  if(FULMAR_UNITY)
    get_target_property(sources ${target} SOURCES)
    foreach(source ${sources})
      file(STRINGS ${source} alone REGEX "^using enum |HWY_NAMESPACE")
      if(alone OR source MATCHES "/command_line[.]cpp$")
        set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      endif()
    endforeach()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    # A local variable may well be called as something in another file; what it hides in its own the other presets tell.
    target_compile_options(${target} PRIVATE -Wno-shadow)
  endif()
endfunction()

# fulmar_cold(target): no number is crunched in it.
function(fulmar_cold target)
  if(NOT MSVC AND CMAKE_BUILD_TYPE STREQUAL Release)
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()

# fulmar_headers(name headers... LINK targets...): a set of headers that is parsed once, for the targets that take it
# by fulmar_precompile(target name). A target and its set must agree in their optimization.
function(fulmar_headers name)
  cmake_parse_arguments(arg "COLD" "" "LINK" ${ARGN})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/${name}.cpp CONTENT "int main() {}\n")
  add_executable(${name} EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/generated/${name}.cpp)
  target_link_libraries(${name} PRIVATE ${arg_LINK})
  target_precompile_headers(${name} PRIVATE ${arg_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)  # for ccache
  fulmar_options(${name})
  if(arg_COLD)
    fulmar_cold(${name})
  endif()
endfunction()

function(fulmar_precompile target headers)
  target_precompile_headers(${target} REUSE_FROM ${headers})
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()
