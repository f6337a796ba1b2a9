// Random checkpoints of published shapes; see bench_shapes.h.
#include "bench_shapes.h"

#include <fmt/format.h>

#include <cmath>

#include "base/fail.h"
#include "base/half.h"
#include "base/parallel.h"

namespace fulmar::tools {
namespace {

// L layers, C channels, D*: widths of the LoRA pairs. Heads of 64, F = 4 C, V = 65536 (the World vocabulary).
struct Size {
  const char* name;
  uint64_t L, C, Dw, Da, Dv, Dg;
};
constexpr uint64_t N = 64, V = 65536;
constexpr Size sizes[] = {
    {"0.1b", 12, 768, 64, 64, 32, 128}, {"0.4b", 24, 1024, 64, 64, 32, 128},   {"1.5b", 24, 2048, 96, 96, 64, 256},
    {"2.9b", 32, 2560, 96, 96, 64, 320}, {"7.2b", 32, 4096, 128, 128, 96, 480},
};

// Values are uniform around `mean` with deviation `spread`.
struct Spec {
  std::string name;
  Shape shape;
  double mean, spread;
};

// The scales keep activations near one, the state neither dying nor growing, and logits within about +-10.
std::vector<Spec> specs_of(const Size& s) {
  const uint64_t C = s.C, F = 4 * C;
  const auto root = [](uint64_t n) { return 1 / std::sqrt(static_cast<double>(n)); };
  std::vector<Spec> all;
  const auto norm = [&](const std::string& name) {
    all.push_back({name + ".weight", {C}, 1, 0.1});
    all.push_back({name + ".bias", {C}, 0, 0.1});
  };
  // One output of a row near `gain` where the inputs are near one.
  const auto matrix = [&](const std::string& name, uint64_t rows, uint64_t cols, double gain) {
    all.push_back({name, {rows, cols}, 0, gain * root(cols)});
  };
  all.push_back({"emb.weight", {V, C}, 0, 1});
  norm("blocks.0.ln0");
  for (uint64_t i = 0; i < s.L; ++i) {
    const std::string block = fmt::format("blocks.{}.", i), att = block + "att.", ffn = block + "ffn.";
    const auto vector = [&](const std::string& name, double mean, double spread) {
      all.push_back({att + name, {1, 1, C}, mean, spread});
    };
    const auto factors = [&](const std::string& name, uint64_t width, double mean, double gain) {
      if (name != "g") vector(name + "0", mean, name == "w" ? 1.9 : 0.5);
      all.push_back({att + name + "1", {C, width}, 0, root(C)});
      all.push_back({att + name + "2", {width, C}, 0, gain * root(width)});
    };
    norm(block + "ln1");
    norm(block + "ln2");
    for (const char* x : {"x_r", "x_w", "x_k", "x_v", "x_a", "x_g"}) vector(x, 0.5, 0.28);
    factors("w", s.Dw, -2.75, 0.5);
    factors("a", s.Da, 0, 0.5);
    if (i > 0) factors("v", s.Dv, 0.5, 0.5);
    factors("g", s.Dg, 0, 2);
    vector("k_k", 0.85, 0.1);
    vector("k_a", 1, 0.1);
    all.push_back({att + "r_k", {C / N, N}, 0, 0.1});
    matrix(att + "receptance.weight", C, C, 1);
    matrix(att + "key.weight", C, C, 0.7);
    matrix(att + "value.weight", C, C, 1);
    matrix(att + "output.weight", C, C, 0.5);
    norm(att + "ln_x");
    all.push_back({ffn + "x_k", {1, 1, C}, 0.5, 0.28});
    matrix(ffn + "key.weight", F, C, 1);
    matrix(ffn + "value.weight", C, F, 0.5);
  }
  norm("ln_out");
  matrix("head.weight", V, C, 2);
  return all;
}

class MadeModel final : public Source {
 public:
  explicit MadeModel(const Size& size) : size_(size.name), specs_(specs_of(size)) {}

  std::vector<std::string> names() const override {
    std::vector<std::string> list;
    for (const Spec& spec : specs_) list.push_back(spec.name);
    return list;
  }

  std::optional<TensorRef> info(std::string_view name) const override {
    const Spec* spec = find(name);
    if (!spec) return std::nullopt;
    return TensorRef{Format::f16, spec->shape, {}};
  }

  Tensor load(std::string_view name) const override {
    const Spec* spec = find(name);
    require(spec != nullptr, "no made tensor {}", name);
    std::span<std::byte> bytes;
    Tensor tensor = make_tensor(Format::f16, spec->shape, bytes);
    // Sixteen random bits choose one of as many values: rounding to f16 happens once for each of them.
    std::vector<uint16_t> values(1 << 16);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = f32_to_f16(
          static_cast<float>(spec->mean + spec->spread * std::sqrt(12.0) * ((static_cast<double>(i) + 0.5) / 65536 - 0.5)));
    const uint64_t seed = static_cast<uint64_t>(spec - specs_.data()) << 40;
    auto* out = reinterpret_cast<uint16_t*>(bytes.data());
    parallel_for(bytes.size() / 2, [&](uint64_t begin, uint64_t end) {
      for (uint64_t i = begin; i < end; ++i) out[i] = values[mixed(seed + i) >> 48];
    });
    return tensor;
  }

  std::string label() const override { return "a made " + size_; }

 private:
  // The finalizer of splitmix64.
  static uint64_t mixed(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

  const Spec* find(std::string_view name) const {
    for (const Spec& spec : specs_)
      if (spec.name == name) return &spec;
    return nullptr;
  }

  const std::string size_;
  const std::vector<Spec> specs_;
};

}  // namespace

std::string made_sizes() {
  std::string list;
  for (const Size& size : sizes) list += (list.empty() ? "" : ", ") + std::string(size.name);
  return list;
}

SourcePtr made_model(const std::string& size) {
  for (const Size& known : sizes)
    if (size == known.name) return std::make_shared<MadeModel>(known);
  fail(ErrorKind::misuse, "--made: '{}' is not one of: {}", size, made_sizes());
}

}  // namespace fulmar::tools
