// canonical(): one meaning per name, without copying what need not change.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/fail.h"
#include "rwkv/config.h"
#include "rwkv/state.h"
#include "rwkv/tensors.h"

namespace fulmar::rwkv {
namespace {

// A matrix [rows, cols] inside a tensor, in elements.
struct View {
  uint64_t at, rows, cols, stride;
};

// Copies a view into the upper left corner of a zeroed [.., stride] matrix, transposed if asked for.
// All bytes zero is the number zero in every float format.
void place(std::span<const std::byte> in, const View& view, uint64_t element, bool transposed,
           std::span<std::byte> out, uint64_t stride) {
  for (uint64_t r = 0; r < view.rows; ++r) {
    const std::byte* from = in.data() + (view.at + r * view.stride) * element;
    if (!transposed) {
      std::memcpy(out.data() + r * stride * element, from, view.cols * element);
    } else {
      for (uint64_t c = 0; c < view.cols; ++c)
        std::memcpy(out.data() + (c * stride + r) * element, from + c * element, element);
    }
  }
}

bool computes_floats(Change change) {
  return change >= Change::flip;
}

double changed(Change change, double x) {
  switch (change) {
    case Change::flip:
      return 1 - x;
    case Change::decay4:
      return -std::exp(x);
    case Change::decay5:
      return std::exp(-std::exp(x));
    case Change::spread_exp:
      return std::exp(x);
    default:
      return x;
  }
}

// The matrix doubled, in the upper left corner of a zeroed one.
Tensor doubled(const Tensor& tensor, const NeededTensor& needed) {
  const std::vector<float> in = to_floats(tensor);
  const uint64_t cols = tensor.shape[1];
  std::vector<float> out(element_count(needed.shape));
  for (uint64_t i = 0; i < in.size(); ++i) out[i / cols * needed.shape[1] + i % cols] = 2 * in[i];
  return from_floats(out, needed.shape);
}

// A vector as long as needed: each number changed, and where there is one a head, repeated over its channels.
// Zeros fill a padded one.
Tensor computed(const Tensor& tensor, const NeededTensor& needed) {
  const std::vector<float> in = to_floats(tensor);
  const Shape to = canonical_shape(needed);
  std::vector<float> out(to[0]);
  const uint64_t each = needed.change == Change::pad ? 1 : out.size() / in.size();
  for (uint64_t i = 0; i < each * in.size(); ++i)
    out[i] = static_cast<float>(changed(needed.change, static_cast<double>(in[i / each])));
  return from_floats(out, to);
}

// Output (or input, for the sum) `wide` of De De belongs to the element of h it repeats, or of y it adds to.
Tensor deep_embed_matrix(uint64_t De, bool sum) {
  const uint64_t rows = sum ? De : De * De, cols = sum ? De * De : De;
  std::vector<float> ones(rows * cols, 0.0f);
  for (uint64_t wide = 0; wide < De * De; ++wide)
    ones[sum ? wide % De * cols + wide : wide * cols + wide / De] = 1.0f;
  return from_floats(ones, {rows, cols});
}

class Canonical final : public Source {
 public:
  Canonical(SourcePtr source, const Config& config)
      : source_(std::move(source)), version_(config.version), De_(config.De) {
    for (NeededTensor& needed : needed_tensors(config, *source_)) {
      names_.push_back(needed.name);
      std::string name = needed.name;
      table_.emplace(std::move(name), std::move(needed));
    }
  }

  std::vector<std::string> names() const override { return names_; }

  std::optional<TensorRef> info(std::string_view name) const override {
    const auto found = table_.find(name);
    if (made(name)) return TensorRef{Format::f32, made_shape(name), {}};
    if (found == table_.end()) return is_initial_state(name) ? source_->info(name) : std::nullopt;
    const NeededTensor& needed = found->second;
    auto tensor = source_->info(needed.stored);
    if (tensor) *tensor = {format_of(*tensor, needed), canonical_shape(needed), {}};
    return tensor;
  }

  Tensor load(std::string_view name) const override {
    if (made(name)) return deep_embed_matrix(De_, name == deep_embed_sum);
    const auto found = table_.find(name);
    if (found == table_.end()) {
      if (is_initial_state(name)) return source_->load(name);
      fail(ErrorKind::bad_file, "{}: RWKV {} has no tensor {}", label(), rwkv::name(version_), name);
    }
    const NeededTensor& needed = found->second;
    Tensor tensor = source_->load(needed.stored);
    check(tensor, needed);
    if (needed.change == Change::twice) return doubled(tensor, needed);
    if (computes_floats(needed.change)) return computed(tensor, needed);
    const Shape to = canonical_shape(needed);
    const Format format = format_of(tensor, needed);
    if (format != tensor.format) tensor = from_floats(to_floats(tensor), tensor.shape);
    if (as_stored(tensor.shape, needed)) {  // the same numbers, perhaps under a shorter shape
      tensor.shape = to;
      return tensor;
    }
    const bool transposed = needed.change != Change::none;
    std::span<std::byte> bytes;
    Tensor out = make_tensor(format, to, bytes);
    std::memset(bytes.data(), 0, bytes.size());
    place(tensor.data, view_of(tensor.shape, needed), fulmar::info(format).scalar_bytes, transposed, bytes,
          to[1]);
    return out;
  }

  std::optional<std::string> metadata(std::string_view key) const override { return source_->metadata(key); }
  void release(std::string_view name) const override {
    const auto found = table_.find(name);
    source_->release(found == table_.end() ? name : std::string_view(found->second.stored));
  }
  std::string label() const override { return source_->label(); }

 private:
  bool made(std::string_view name) const {
    return De_ > 0 && (name == deep_embed_repeat || name == deep_embed_sum);
  }
  Shape made_shape(std::string_view name) const {
    return name == deep_embed_sum ? Shape{De_, De_ * De_} : Shape{De_ * De_, De_};
  }

  // detect() saw the shapes of the source it was asked about; this one may be another, or damaged since.
  void check(const Tensor& tensor, const NeededTensor& needed) const {
    if (fits(tensor.shape, needed)) return;
    const Shape from = squeezed(tensor.shape, needed.change);
    const bool paddable = needed.change == Change::none || needed.change == Change::transpose ||
                          needed.change == Change::columns || needed.change == Change::plane ||
                          needed.change == Change::pad || needed.change == Change::twice;
    if (!paddable || from.size() != needed.shape.size() ||
        !std::equal(from.begin(), from.end(), needed.shape.begin(), std::less_equal<>()) ||
        (needed.change == Change::columns && from[1] % needed.parts != 0) ||
        (needed.change == Change::plane && from[0] != needed.parts))
      fail(ErrorKind::bad_file, "{}: {} is {}, expected {}", label(), needed.stored, to_string(tensor.shape),
           to_string(needed.shape));
  }

  static bool as_stored(const Shape& shape, const NeededTensor& needed) {
    return needed.change == Change::flatten ||
           ((needed.change == Change::none || needed.change == Change::squeeze) &&
            squeezed(shape, needed.change) == needed.shape);
  }

  // Blocks run along rows of the file: whatever cuts or turns rows is decoded first.
  static Format format_of(const TensorRef& stored, const NeededTensor& needed) {
    if (computes_floats(needed.change)) return Format::f32;
    if (fulmar::info(stored.format).scalar_bytes) return stored.format;
    return needed.change == Change::none && stored.shape == needed.shape ? stored.format : Format::f32;
  }

  static View view_of(const Shape& shape, const NeededTensor& needed) {
    if (needed.change == Change::columns) {
      const uint64_t width = shape[1] / needed.parts;
      return {needed.part * width, shape[0], width, shape[1]};
    }
    if (needed.change == Change::plane)
      return {needed.part * shape[1] * shape[2], shape[1], shape[2], shape[2]};
    return {0, shape[0], shape[1], shape[1]};
  }

  SourcePtr source_;
  Version version_;
  uint64_t De_;
  std::vector<std::string> names_;
  std::map<std::string, NeededTensor, std::less<>> table_;
};

}  // namespace

SourcePtr canonical(SourcePtr source, const Config& config) {
  return std::make_shared<Canonical>(std::move(source), config);
}

}  // namespace fulmar::rwkv
