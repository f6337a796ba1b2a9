# fulmar_library(name DIR folder LINK targets... [HEADERS folder] [COLD] [HOT files...] [NETWORK]): one static library per
# folder, all its .cpp files. COLD: code that runs once a model or once a request, for which -O1 is enough and compiles
# faster; HOT: those of its files that crunch numbers all the same.
# NETWORK: the same, and most of it speaks Asio, whose headers as precompiled ones weigh on whoever does not need them.
# fulmar_families(name DIR folder ...): the same for each folder in that one, as fulmar_<name>_<folder>; <name>_families
# lists them.
# fulmar_test(name LINK targets... [DIR folder] [HOT]): one GoogleTest program per folder of tests/. HOT: one that works out
# itself what kernels should have said.
set(standard_headers <algorithm> <array> <atomic> <bit> <chrono> <cmath> <condition_variable> <cstdint> <cstring> <filesystem>
    <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <system_error> <thread> <vector>
    <fmt/format.h>)
fulmar_headers(plain_headers ${standard_headers} LINK fmt::fmt)
fulmar_headers(cold_headers ${standard_headers} <boost/json.hpp> LINK fmt::fmt Boost::json Threads::Threads COLD)
fulmar_headers(network_headers ${standard_headers} <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp>
               <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/post.hpp> <boost/asio/redirect_error.hpp>
               <boost/asio/signal_set.hpp> <boost/asio/steady_timer.hpp> <boost/asio/strand.hpp> <boost/asio/use_awaitable.hpp>
               <boost/beast/core/flat_buffer.hpp>
               LINK fmt::fmt Boost::json Threads::Threads COLD)

function(fulmar_library name)
  cmake_parse_arguments(arg "COLD;NETWORK" "DIR;HEADERS" "LINK;HOT" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${arg_DIR}/*.cpp)
  if(sources)
    add_library(fulmar_${name} STATIC ${sources})
    target_include_directories(fulmar_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src
                               ${PROJECT_SOURCE_DIR}/server ${PROJECT_BINARY_DIR}/generated)
    target_link_libraries(fulmar_${name} PUBLIC ${arg_LINK})
    if(arg_HEADERS AND NOT arg_HEADERS STREQUAL "/usr/include")  # which as -isystem would hide the compiler's own
      target_include_directories(fulmar_${name} SYSTEM PUBLIC ${arg_HEADERS})
    endif()
    fulmar_options(fulmar_${name})
    fulmar_unity(fulmar_${name})
    if(arg_NETWORK)
      fulmar_cold(fulmar_${name})
      fulmar_precompile(fulmar_${name} network_headers)
    elseif(arg_COLD)
      fulmar_cold(fulmar_${name})
      fulmar_precompile(fulmar_${name} cold_headers)
      if(NOT MSVC)
        list(TRANSFORM arg_HOT PREPEND ${PROJECT_SOURCE_DIR}/${arg_DIR}/)
        set_source_files_properties(${arg_HOT} PROPERTIES COMPILE_OPTIONS -O3 SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
      endif()
    else()
      fulmar_precompile(fulmar_${name} plain_headers)
    endif()
  else()  # a folder without sources yet
    add_library(fulmar_${name} INTERFACE)
    target_link_libraries(fulmar_${name} INTERFACE ${arg_LINK})
  endif()
endfunction()

function(fulmar_families name)
  cmake_parse_arguments(arg "" "DIR" "" ${ARGN})
  set(families)
  file(GLOB folders CONFIGURE_DEPENDS LIST_DIRECTORIES true ${PROJECT_SOURCE_DIR}/${arg_DIR}/*)
  foreach(folder ${folders})
    if(IS_DIRECTORY ${folder})
      get_filename_component(family ${folder} NAME)
      fulmar_library(${name}_${family} DIR ${arg_DIR}/${family} ${arg_UNPARSED_ARGUMENTS})
      list(APPEND families fulmar_${name}_${family})
    endif()
  endforeach()
  set(${name}_families ${families} PARENT_SCOPE)
endfunction()

function(fulmar_test name)
  cmake_parse_arguments(arg "HOT" "DIR" "LINK" ${ARGN})
  if(NOT arg_DIR)
    set(arg_DIR ${name})
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${arg_DIR}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(test_${name} PRIVATE ${arg_LINK} fmt::fmt GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE FULMAR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  fulmar_options(test_${name})
  set(headers test_headers)
  set(cold COLD)
  if(arg_HOT)
    set(headers hot_test_headers)
    set(cold)
  else()
    fulmar_cold(test_${name})
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # Of std::string's operator+ it warns, wrongly, where it inlines a part of it (its bugs 105329 and 105651).
      target_compile_options(test_${name} PRIVATE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
    endif()
  endif()
  if(NOT TARGET ${headers})  # gtest's parse, 1 to 2 seconds of each file, paid once for all test programs
    fulmar_headers(${headers} <algorithm> <array> <chrono> <cmath> <filesystem> <fstream> <functional> <map> <memory>
                   <mutex> <optional> <span> <string> <thread> <vector> <fmt/format.h> <gtest/gtest.h>
                   LINK fmt::fmt GTest::gtest ${cold})
  endif()
  fulmar_precompile(test_${name} ${headers})
  # A software driver that has not seen the kernels yet compiles for five minutes in one test.
  gtest_discover_tests(test_${name} NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${name} TIMEOUT 1200)
endfunction()
