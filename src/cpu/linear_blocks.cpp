// Linear's vector kernels for the formats whose codes share scales.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/linear_blocks.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "cpu/kernels.h"
#include "cpu/linear_blocks-inl.h"
#include "cpu/linear_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {

template <class Row>
constexpr FormatKernels often_used(Format format) {
  return {format, Row::bytes, dot<Row>, decode<Row>, nullptr};
}
template <class Row>
constexpr FormatKernels seldom_used(Format format) {
  return {format, Row::bytes, small_dot<Row>, decode<Row>, nullptr};
}

std::span<const FormatKernels> block_table() {
  // Those that integer kernels take by default are seldom used here.
  static constexpr FormatKernels formats[] = {
      often_used<Nf4Row>(Format::nf4),       seldom_used<I8Row>(Format::i8),
      seldom_used<I8Row>(Format::q8_0),      seldom_used<Q40Row>(Format::q4_0),
      seldom_used<Q4KRow>(Format::q4_K),     seldom_used<Q41Row>(Format::q4_1),
      seldom_used<Q50Row>(Format::q5_0),     seldom_used<Q51Row>(Format::q5_1),
      seldom_used<Q5KRow>(Format::q5_K),     seldom_used<Q6KRow>(Format::q6_K),
      seldom_used<Iq4NlRow>(Format::iq4_nl), seldom_used<Fp8Row>(Format::fp8),
      seldom_used<Fp6Row>(Format::fp6),      seldom_used<Fp5Row>(Format::fp5),
  };
  return formats;
}

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fulmar::cpu {
HWY_EXPORT(block_table);
std::span<const FormatKernels> block_kernels() {
  return HWY_DYNAMIC_DISPATCH(block_table)();
}
}  // namespace fulmar::cpu
#endif
