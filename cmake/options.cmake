# Language level, warnings, sanitizers and ccache, for every target through fulmar_options(target).
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# A newer compiler's new warning stops those who work on this, and not those who only build it.
if(NOT DEFINED CMAKE_COMPILE_WARNING_AS_ERROR AND "$ENV{CI}")
  set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
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

# fulmar_precompile(target headers... | REUSE_FROM target): precompiled headers that ccache understands.
function(fulmar_precompile target)
  if(ARGV1 STREQUAL REUSE_FROM)
    target_precompile_headers(${target} REUSE_FROM ${ARGV2})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()
