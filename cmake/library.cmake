# fulmar_library(name DIR folder LINK targets... [HEADERS folder]): one static library per folder, all its .cpp files.
# fulmar_test(name LINK targets...): one GoogleTest program per folder of tests/.
function(fulmar_library name)
  cmake_parse_arguments(arg "" "DIR;HEADERS" "LINK" ${ARGN})
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
  else()  # a folder without sources yet
    add_library(fulmar_${name} INTERFACE)
    target_link_libraries(fulmar_${name} INTERFACE ${arg_LINK})
  endif()
endfunction()

function(fulmar_test name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(test_${name} PRIVATE ${arg_LINK} fmt::fmt GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE FULMAR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  fulmar_options(test_${name})
  if(NOT TARGET test_headers)  # gtest's parse, 1 to 2 seconds of each file, paid once for all test programs
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/test_headers.cpp CONTENT "int main() {}\n")
    add_executable(test_headers EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/generated/test_headers.cpp)
    target_link_libraries(test_headers PRIVATE fmt::fmt GTest::gtest)
    fulmar_precompile(test_headers <algorithm> <array> <chrono> <cmath> <filesystem> <fstream> <functional> <map> <memory>
                      <mutex> <optional> <span> <string> <thread> <vector> <fmt/format.h> <gtest/gtest.h>)
    fulmar_options(test_headers)
  endif()
  fulmar_precompile(test_${name} REUSE_FROM test_headers)
  # A software driver that has not seen the kernels yet compiles for five minutes in one test.
  gtest_discover_tests(test_${name} NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${name} TIMEOUT 1200)
endfunction()
