// Steps from a container's layout of a tensor to BlinkDL's: cutting, transposing, undoing what a converter
// computed. Shapes can be followed without touching the numbers.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"
#include "weights/file_source.h"

namespace fulmar {

struct LayoutStep {
  enum class Kind : uint8_t {
    part,           // the numbers[0]-th of numbers[1] equal parts of the elements in their order
    order,          // the outermost extent split into equal parts, put in the order numbers[i]
    transpose,      // the last two extents change places
    shape,          // the same elements as [numbers...]; one extent may be `rest`
    log,            // ln(x)
    log_negative,   // ln(-x), undoing -exp(x)
    log_minus_log,  // ln(-ln(x)), undoing exp(-exp(x))
    scale,          // x * 2^numbers[0]
  };
  Kind kind;
  std::vector<uint64_t> numbers = {};
};

using LayoutSteps = std::vector<LayoutStep>;

namespace layout {
constexpr uint64_t rest = ~uint64_t{0};  // the extent that makes the shape hold all elements
inline LayoutStep part(uint64_t index, uint64_t count) {
  return {LayoutStep::Kind::part, {index, count}};
}
inline LayoutStep order(std::vector<uint64_t> from) {
  return {LayoutStep::Kind::order, std::move(from)};
}
inline LayoutStep transpose() {
  return {LayoutStep::Kind::transpose};
}
inline LayoutStep shape(std::vector<uint64_t> to) {
  return {LayoutStep::Kind::shape, std::move(to)};
}
inline LayoutStep map(LayoutStep::Kind kind) {
  return {kind};
}
inline LayoutStep scale(uint64_t exponent) {
  return {LayoutStep::Kind::scale, {exponent}};
}
}  // namespace layout

// Format and shape after the steps. Throws Error(bad_file), naming the tensor, where a step does not fit its
// shape.
TensorRef after_steps(const FileErrors& errors, std::string_view name, TensorRef tensor,
                      const LayoutSteps& steps);

// The tensor after the steps: a view of the same bytes where only the shape changes, else a copy.
Tensor apply_steps(const FileErrors& errors, std::string_view name, Tensor tensor, const LayoutSteps& steps);

}  // namespace fulmar
