// Which instruction sets kernels are compiled for; included before any Highway header.
#pragma once

// Left out by bit, as older Highway does not name them all: SSSE3 (SSE4 is everywhere by now), the AVX-512
// variants beyond AVX3 (nothing here uses their extra instructions), vectors without a compile-time size
// (SVE, RISC-V), which cannot form register arrays, and what the build was told to leave out (cmake/cpu_targets.cmake).
#ifndef FULMAR_CPU_TARGETS_LEFT_OUT
#define FULMAR_CPU_TARGETS_LEFT_OUT 0
#endif
#define HWY_DISABLED_TARGETS                                                                                   \
  ((1LL << 4) | (1LL << 6) | (1LL << 7) | (1LL << 12) | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | \
   HWY_RVV | FULMAR_CPU_TARGETS_LEFT_OUT)

// Loops over register arrays must be unrolled whole, or the arrays live in memory.
#if defined(__GNUC__)
#define FULMAR_UNROLL _Pragma("GCC unroll 16")
#else
#define FULMAR_UNROLL
#endif
