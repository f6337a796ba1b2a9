# FULMAR_CPU_TARGETS: the instruction sets that the vector kernels are compiled for. `native`: the best one of this machine
# and the one that every machine of its kind has, for a short build that still runs elsewhere. `all`: what a package needs.
set(default native)
if("$ENV{CI}" OR CMAKE_CROSSCOMPILING)
  set(default all)  # the tests run the kernels of older processors too
endif()
set(FULMAR_CPU_TARGETS ${default} CACHE STRING "Instruction sets of the CPU kernels: native or all")
set_property(CACHE FULMAR_CPU_TARGETS PROPERTY STRINGS native all)

if(FULMAR_CPU_TARGETS STREQUAL native AND NOT DEFINED FULMAR_CPU_TARGETS_NOT_HERE)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/cpu_targets.cpp CONTENT [[
#include "cpu/targets.h"
#include <hwy/targets.h>
#include <cstdio>
int main() {
  const long long here = HWY_TARGETS & hwy::SupportedTargets();
  const long long best = here & -here;  // a better one has a lower bit
  std::printf("%lld", static_cast<long long>(HWY_TARGETS) & ~(best | HWY_STATIC_TARGET));
}
]] @ONLY)
  try_run(FULMAR_CPU_TARGETS_RAN FULMAR_CPU_TARGETS_COMPILED ${PROJECT_BINARY_DIR}/cpu_targets
          SOURCES ${PROJECT_BINARY_DIR}/generated/cpu_targets.cpp
          CMAKE_FLAGS -DINCLUDE_DIRECTORIES=${PROJECT_SOURCE_DIR}/src LINK_LIBRARIES hwy::hwy
          CXX_STANDARD 20 COMPILE_OUTPUT_VARIABLE said RUN_OUTPUT_VARIABLE not_here)
  if(NOT FULMAR_CPU_TARGETS_COMPILED OR NOT FULMAR_CPU_TARGETS_RAN EQUAL 0)
    message(WARNING "this machine's instruction sets cannot be told, so kernels are compiled for all of them: ${said}")
    set(not_here 0)
  endif()
  set(FULMAR_CPU_TARGETS_NOT_HERE ${not_here} CACHE INTERNAL "Instruction sets of Highway that a native build leaves out")
endif()
if(FULMAR_CPU_TARGETS STREQUAL native)
  set(FULMAR_CPU_TARGETS_LEFT_OUT ${FULMAR_CPU_TARGETS_NOT_HERE})
elseif(FULMAR_CPU_TARGETS STREQUAL all)
  set(FULMAR_CPU_TARGETS_LEFT_OUT 0)
else()
  message(FATAL_ERROR "FULMAR_CPU_TARGETS is native or all, not ${FULMAR_CPU_TARGETS}")
endif()
message(STATUS "CPU kernels for: ${FULMAR_CPU_TARGETS}")
