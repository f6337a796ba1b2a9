// Products whose results are known; see self_check.h.
#include "vulkan/self_check.h"

#include <cmath>

#include "base/fail.h"

namespace fulmar::vulkan {
namespace {

// Numbers in [-1, 1) that depend on their index alone.
float number(uint64_t i) {
  const auto mixed = static_cast<uint32_t>((i + 1) * 0x9e3779b97f4a7c15u >> 40);  // 24 bits
  return static_cast<float>(mixed) * 0x1p-23f - 1.0f;
}

// y = W x^T: N outputs of `rows` rows of K.
struct Product {
  Format format;
  uint32_t rows, N, K;
  float first;
  std::vector<std::byte> W;
  std::vector<float> x;

  // W's first row is full of `first` where that is not 0.
  Product(Format format_of, uint32_t row_count, uint32_t outputs, uint32_t inputs, float first_row = 0)
      : format(format_of), rows(row_count), N(outputs), K(inputs), first(first_row), x(uint64_t{rows} * K) {
    const FormatInfo& f = info(format);
    W.resize(f.matrix_bytes(N, K));
    std::vector<float> row(K);
    for (uint32_t n = 0; n < N; ++n) {
      for (uint32_t k = 0; k < K; ++k) row[k] = n == 0 && first != 0 ? first : number(uint64_t{n} * K + k);
      f.encode_row(W.data(), N, K, n, row.data());
    }
    for (uint64_t i = 0; i < x.size(); ++i) x[i] = number(i + (uint64_t{1} << 32));
  }

  std::vector<float> run(ops::Backend& backend, bool half_inputs) const {
    ops::Tape tape;
    tape.half_inputs = half_inputs;
    tape.inputs = {tape.value("x", K)};
    tape.outputs = {tape.value("y", N)};
    tape.ops.push_back(ops::Linear{tape.inputs[0], tape.outputs[0], tape.weight("W", N, K, format)});
    const ops::BatchShape shape{rows, 1, 0};
    const auto weight = backend.allocate(W.size(), ops::Where::device);
    const auto activations = backend.allocate(ops::plan_arena(tape, shape).bytes, ops::Where::device);
    backend.upload(*weight, 0, W);
    ops::Memory memory;
    memory.weights = {{weight.get(), 0}};
    memory.activations = activations.get();
    const auto program = backend.compile(tape, memory, shape);
    const std::span<const float> input(x);
    const ops::Segment segment{0, 0, rows};
    program->start({rows, {&segment, 1}, {}, {&input, 1}});
    const std::span<const float> y = program->finish()[0];
    return {y.begin(), y.end()};
  }

  // One output of one row, in double.
  double exact(uint32_t row, uint32_t n) const {
    std::vector<float> w(K);
    info(format).decode_row(W.data(), N, K, n, w.data());
    double sum = 0;
    for (uint32_t k = 0; k < K; ++k) sum += double{w[k]} * double{x[uint64_t{row} * K + k]};
    return sum;
  }
};

// The first format of each size of a chunk, in the order of the list, and bf16, whose quads are decoded late;
// f16's are halves already. With f32 weights units are not used.
std::vector<Format> ways_of_decoding(uint32_t K) {
  std::vector<Format> list{Format::f16, Format::bf16};
  std::vector<uint32_t> sizes{info(Format::f16).chunk};
  for (const Format format : matrix_formats()) {
    const FormatInfo& f = info(format);
    if (f.scalar_bytes == 4 || K % f.block != 0 ||
        std::find(sizes.begin(), sizes.end(), f.chunk) != sizes.end())
      continue;
    sizes.push_back(f.chunk);
    list.push_back(format);
  }
  return list;
}

bool units_agree(ops::Backend& backend, const Product& product) {
  const std::vector<float> plain = product.run(backend, false), units = product.run(backend, true);
  // K products of numbers up to 1, each off by at most 2^-11 of itself.
  for (size_t i = 0; i < plain.size(); ++i)
    if (!(std::fabs(plain[i] - units[i]) <= static_cast<float>(product.K) * 0x1p-11f)) return false;
  return true;
}

}  // namespace

KernelCheck check_kernels(ops::Backend& backend) {
  // Subnormal as a half: a weight, and a scale (the largest quant is 127).
  constexpr float weight = 0x1p-24f, scaled = 127 * 0x1p-20f;
  // The last two are as models have them: at one row the workgroup sums up an output together, at eight every
  // subgroup sums up some of its own.
  const Product products[] = {{Format::f16, 3, 40, 96, weight},
                              {Format::f16, 12, 40, 96, weight},
                              {Format::q8_0, 3, 40, 96, scaled},
                              {Format::f16, 1, 40, 2048},
                              {Format::f16, 8, 520, 512}};
  KernelCheck check{true, true};
  for (const Product& product : products) {
    const std::vector<float> y = product.run(backend, false);
    for (uint32_t row = 0; row < product.rows; ++row)
      for (uint32_t n = 0; n < product.N; ++n) {
        const double exact = product.exact(row, n);
        const double off = std::fabs(exact - double{y[uint64_t{row} * product.N + n]});
        const bool subnormal = n == 0 && product.first != 0;
        if (!subnormal && !(off <= 1e-6 * product.K)) check.right = false;
        if (subnormal && !(off <= 0.01 * std::fabs(exact))) check.subnormals_kept = false;
      }
  }
  return check;
}

std::string matrix_units_differ(ops::Backend& backend, const LinearDevice& device) {
  const std::vector<CoopCase> cases = coop_cases(device);
  for (const CoopCase& size : cases) {
    const std::vector<Format> formats = ways_of_decoding(size.K);
    const CoopShape tile = coop_shape(size.rows, size.outputs, size.K, device);
    // Tiles differ in how they are cut, formats in how they are decoded: each in turn, with the other kept.
    for (const Format format : std::span(formats).first(&size == &cases.front() ? formats.size() : 1))
      if (!units_agree(backend, {format, size.rows, size.outputs, size.K}))
        return fmt::format("they multiply wrongly (tiles of {}x{}x{}, {})", tile.rows, tile.outputs,
                           tile.step, info(format).name);
  }
  return {};
}

}  // namespace fulmar::vulkan
