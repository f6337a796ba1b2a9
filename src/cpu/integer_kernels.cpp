// Vector kernels of Linear that multiply integers; see integer_kernels.h.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/integer_kernels.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <cstring>

#include "base/fail.h"
#include "cpu/integer_kernels.h"
#include "cpu/integer_unpack-inl.h"
#include "cpu/lanes-inl.h"

// x86 multiplies pairs of 16 bits, and of bytes, and adds up the pair.
#undef FULMAR_PAIRS
#define FULMAR_PAIRS (HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4)

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {

#if FULMAR_PAIRS
// Unsigned bytes of w times signed bytes of x.
HWY_INLINE hn::Vec<Words> pairs_of_bytes(hn::Vec<Words> w, hn::Vec<Ints> x) {
#if HWY_TARGET <= HWY_AVX3
  return hn::Vec<Words>{_mm512_maddubs_epi16(w.raw, x.raw)};
#elif HWY_TARGET == HWY_AVX2
  return hn::Vec<Words>{_mm256_maddubs_epi16(w.raw, x.raw)};
#else
  return hn::Vec<Words>{_mm_maddubs_epi16(w.raw, x.raw)};
#endif
}
#endif

// q of L inputs in the order in which they are multiplied.
template <typename Q>
HWY_INLINE hn::Vec<Ints> ordered(hn::Vec<Ints> q) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(Q) == 2) {
    alignas(64) static constexpr int32_t order[16] = {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15};
    return hn::TableLookupLanes(q, hn::SetTableIndices(Ints(), order));
  }
#endif
  return q;
}

// A block's largest magnitude becomes 127 or 32767. What is no number makes its whole block none.
template <typename Q>
void round_to(const RoundCall& c) {
  const Floats d;
  const hn::Rebind<Q, Floats> narrow;
  constexpr float most = sizeof(Q) == 1 ? 127.0f : 32767.0f;
  constexpr uint32_t vectors = input_block / L, units = input_block * sizeof(Q) / 4;
  const uint64_t block_bytes = strip_block_bytes(c.width, sizeof(Q) == 2);
  for (uint32_t t = 0; t < c.width; ++t) {
    std::byte* block = c.strip;
    for (uint64_t k = 0; k < c.K; k += input_block, block += block_bytes) {
      Q q[input_block] = {};
      float numbers[4] = {};
      if (t < c.rows) {
        const float* x = c.x + t * c.K + k;
        Float v[vectors], largest = hn::Zero(d), odd = hn::Zero(d);
        FULMAR_UNROLL
        for (uint32_t i = 0; i < vectors; ++i) {
          v[i] = hn::LoadU(d, x + i * L);
          largest = hn::Max(largest, hn::Abs(v[i]));
          odd = hn::MulAdd(v[i], hn::Zero(d), odd);
        }
        const float magnitude = hn::GetLane(hn::MaxOfLanes(d, largest));
        const auto by = hn::Set(d, magnitude > 1e-30f ? most / magnitude : 0.0f);
        hn::Vec<Ints> sums[2] = {hn::Zero(Ints()), hn::Zero(Ints())};
        FULMAR_UNROLL
        for (uint32_t i = 0; i < vectors; ++i) {
          const auto whole = hn::NearestInt(hn::Mul(v[i], by));
          sums[i * L / 16] = hn::Add(sums[i * L / 16], whole);
          hn::StoreU(hn::DemoteTo(narrow, ordered<Q>(whole)), narrow, q + i * L);
        }
        const float unit = magnitude / most + hn::GetLane(hn::SumOfLanes(d, odd));
        const auto first = static_cast<float>(hn::GetLane(hn::SumOfLanes(Ints(), sums[0]))),
                   last = static_cast<float>(hn::GetLane(hn::SumOfLanes(Ints(), sums[1])));
        numbers[0] = unit, numbers[1] = unit * (first + last), numbers[2] = unit * first, numbers[3] = unit * last;
      }
#if HWY_TARGET == HWY_SCALAR
      if (sizeof(Q) == 2)
        for (uint32_t i = 1; i < input_block; i += 4) std::swap(q[i], q[i + 1]);
#endif
      for (uint32_t i = 0; i < 4; ++i) std::memcpy(block + 4 * (i * c.width + t), numbers + i, 4);
      std::byte* to = block + 16 * c.width + 4 * t;
      for (uint32_t i = 0; i < units; ++i, to += 4 * c.width)
        std::memcpy(to, reinterpret_cast<const std::byte*>(q) + 4 * i, 4);
    }
  }
}

#define FULMAR_DOTS 0
namespace as_chosen {
#include "cpu/integer_products-inl.h"
}
#undef FULMAR_DOTS

#if HWY_ARCH_X86 && HWY_TARGET == HWY_AVX3 && defined(__GNUC__) && !defined(__clang__)
#define FULMAR_HAS_DOTS 1
#pragma GCC push_options
#pragma GCC target("avx512vnni")
#define FULMAR_DOTS 1
namespace with_dots {
#include "cpu/integer_products-inl.h"
}
#undef FULMAR_DOTS
#pragma GCC pop_options
#else
#define FULMAR_HAS_DOTS 0
#endif

const IntegerKernels* integer_table([[maybe_unused]] bool dots) {
  static constexpr IntegerKernels chosen = as_chosen::kernels_with(FULMAR_PAIRS ? 6 : 0);
#if FULMAR_HAS_DOTS
  static constexpr IntegerKernels with = with_dots::kernels_with(8);
  if (dots && __builtin_cpu_supports("avx512vnni")) return &with;
#endif
  return &chosen;
}
#undef FULMAR_HAS_DOTS

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fulmar::cpu {
namespace {
bool dots = true;
}
HWY_EXPORT(integer_table);

const IntegerKernels& integer_kernels() {
  return *HWY_DYNAMIC_DISPATCH(integer_table)(dots);
}

const Unpacker& find_unpacker(Format format) {
  const IntegerKernels& kernels = integer_kernels();
  for (uint32_t i = 0; i < kernels.unpacker_count; ++i)
    if (kernels.unpackers[i].format == format) return kernels.unpackers[i];
  fail(ErrorKind::internal, "no integer kernels for {}", info(format).name);
}

void leave_out_dot_instructions(bool left_out) {
  dots = !left_out;
}
}  // namespace fulmar::cpu
#endif
