// The steps one by one; each is a function from a tensor to a tensor.
#include "weights/layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "weights/ggml_types.h"

namespace fulmar {
namespace {

using Kind = LayoutStep::Kind;

// Extents of the outermost dimension as `count` parts.
uint64_t equal_parts(const FileErrors& errors, std::string_view name, const Shape& shape, uint64_t extent,
                     uint64_t count) {
  if (count == 0 || extent % count != 0)
    errors.bad("{} is {}, which does not fall into {} equal parts", name, to_string(shape), count);
  return extent / count;
}

Shape shape_after(const FileErrors& errors, std::string_view name, const Shape& shape,
                  const LayoutStep& step) {
  const uint64_t count = element_count(shape);
  switch (step.kind) {
    case Kind::part:
      return {equal_parts(errors, name, shape, count, step.numbers[1])};
    case Kind::order:
      if (shape.empty()) errors.bad("{} is {}, expected a matrix", name, to_string(shape));
      equal_parts(errors, name, shape, shape[0], step.numbers.size());
      return shape;
    case Kind::transpose: {
      if (shape.size() < 2) errors.bad("{} is {}, expected a matrix", name, to_string(shape));
      Shape out = shape;
      std::swap(out[out.size() - 1], out[out.size() - 2]);
      return out;
    }
    case Kind::shape: {
      uint64_t fixed = 1;
      for (const uint64_t extent : step.numbers)
        if (extent != layout::rest) fixed *= extent;
      Shape out = step.numbers;
      for (uint64_t& extent : out)
        if (extent == layout::rest) extent = equal_parts(errors, name, shape, count, fixed);
      if (element_count(out) != count)
        errors.bad("{} is {}, which does not make {}", name, to_string(shape), to_string(out));
      return out;
    }
    default:
      return shape;
  }
}

// Blocks run along the last extent, so a step that keeps it whole keeps the format.
Format format_after(Format format, const Shape& before, const Shape& after, Kind kind) {
  switch (kind) {
    case Kind::log:
    case Kind::log_negative:
    case Kind::log_minus_log:
      return Format::f32;
    case Kind::scale:
      return format;
    case Kind::shape:
      return is_block(format) && (before.empty() || after.empty() || before.back() != after.back())
                 ? Format::f32
                 : format;
    default:
      return is_block(format) ? Format::f32 : format;
  }
}

// The values of a matrix in blocks as f32: exact, as every such value is a product of few bits.
Tensor decoded(const Tensor& tensor) {
  return from_floats(to_floats(tensor), tensor.shape);
}

Tensor mapped(const Tensor& tensor, Kind kind) {
  // Where the inverse is infinite, a value whose image is 0 or 1 in f32 just the same.
  constexpr double lowest = -104, highest = 88;
  std::vector<float> values = to_floats(tensor);
  for (float& value : values) {
    const double x = value;
    const double y = kind == Kind::log            ? std::log(x)
                     : kind == Kind::log_negative ? std::log(-x)
                                                  : std::log(-std::log(x));
    value = static_cast<float>(std::isnan(y) ? y : std::clamp(y, lowest, highest));
  }
  return from_floats(values, tensor.shape);
}

Tensor transposed(const Tensor& tensor) {
  const uint64_t rows = tensor.shape[tensor.shape.size() - 2], cols = tensor.shape.back();
  const uint64_t element = info(tensor.format).scalar_bytes, each = rows * cols;
  Shape shape = tensor.shape;
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  std::span<std::byte> bytes;
  Tensor out = make_tensor(tensor.format, shape, bytes);
  const uint64_t matrices = each ? element_count(shape) / each : 0;
  for (uint64_t m = 0; m < matrices; ++m)
    for (uint64_t r = 0; r < rows; ++r)
      for (uint64_t c = 0; c < cols; ++c)
        std::memcpy(bytes.data() + (m * each + c * rows + r) * element,
                    tensor.data.data() + (m * each + r * cols + c) * element, element);
  return out;
}

Tensor ordered(const Tensor& tensor, const std::vector<uint64_t>& order) {
  std::span<std::byte> bytes;
  Tensor out = make_tensor(tensor.format, tensor.shape, bytes);
  const uint64_t part = tensor.data.size() / order.size();
  for (std::size_t i = 0; i < order.size() && part > 0; ++i)
    std::memcpy(bytes.data() + i * part, tensor.data.data() + order[i] * part, part);
  return out;
}

// A power of two: exact in every float format, short of overflow.
Tensor scaled(const FileErrors& errors, std::string_view name, const Tensor& tensor, int exponent) {
  std::span<std::byte> bytes;
  Tensor out = make_tensor(tensor.format, tensor.shape, bytes);
  if (is_block(tensor.format)) {
    scale_blocks(errors, name, tensor, exponent, bytes);
    return out;
  }
  std::vector<float> values = to_floats(tensor);
  for (float& value : values) {
    const float product = std::ldexp(value, exponent);
    const bool fits = tensor.format != Format::f16 || std::fabs(product) < 65520.0f;
    if (std::isfinite(value) && !(fits && std::isfinite(product)))
      errors.bad("{} holds {}, too large to be multiplied by 2^{}", name, value, exponent);
    value = product;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto half = tensor.format == Format::f16 ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
    if (tensor.format == Format::f32)
      std::memcpy(bytes.data() + i * 4, &values[i], 4);
    else
      std::memcpy(bytes.data() + i * 2, &half, 2);
  }
  return out;
}

}  // namespace

TensorRef after_steps(const FileErrors& errors, std::string_view name, TensorRef tensor,
                      const LayoutSteps& steps) {
  for (const LayoutStep& step : steps) {
    Shape after = shape_after(errors, name, tensor.shape, step);
    tensor.format = format_after(tensor.format, tensor.shape, after, step.kind);
    tensor.shape = std::move(after);
  }
  tensor.data = {};
  return tensor;
}

Tensor apply_steps(const FileErrors& errors, std::string_view name, Tensor tensor, const LayoutSteps& steps) {
  for (const LayoutStep& step : steps) {
    const Shape after = shape_after(errors, name, tensor.shape, step);
    if (is_block(tensor.format) && (step.kind != Kind::scale) &&
        !is_block(format_after(tensor.format, tensor.shape, after, step.kind)))
      tensor = decoded(tensor);
    switch (step.kind) {
      case Kind::part: {
        const uint64_t bytes = tensor.data.size() / step.numbers[1];
        tensor.data = tensor.data.subspan(step.numbers[0] * bytes, bytes);
        tensor.shape = after;
        break;
      }
      case Kind::shape:
        tensor.shape = after;
        break;
      case Kind::order:
        tensor = ordered(tensor, step.numbers);
        break;
      case Kind::transpose:
        tensor = transposed(tensor);
        break;
      case Kind::scale:
        if (tensor.format != Format::f32 && tensor.format != Format::f16 && tensor.format != Format::bf16 &&
            !is_block(tensor.format))
          errors.bad("{} holds {}, expected floats", name, info(tensor.format).name);
        tensor = scaled(errors, name, tensor, static_cast<int>(step.numbers[0]));
        break;
      default:
        tensor = mapped(tensor, step.kind);
    }
  }
  return tensor;
}

}  // namespace fulmar
