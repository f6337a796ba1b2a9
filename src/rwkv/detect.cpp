// detect(): which RWKV a checkpoint is, from the tensors that are there.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/fail.h"
#include "rwkv/config.h"
#include "rwkv/tensors.h"

namespace fulmar::rwkv {
namespace {

// Far above every published model; below what would overflow sums of their products.
constexpr uint64_t max_layers = 1024, max_channels = 1 << 16, max_hidden = 1 << 20, max_vocabulary = 1 << 24;
constexpr uint64_t max_head_size = 128, max_lora = 1 << 14;

uint32_t padded(uint32_t width) {
  return (width + 7) / 8 * 8;
}

class Detector {
 public:
  explicit Detector(const Source& source) : source_(source), label_(source.label()) {
    for (std::string& name : source.names()) names_.insert(std::move(name));
  }

  Config run() {
    refuse_other_versions();
    Config config;
    config.L = count_layers();
    const auto [V, C] = matrix("emb.weight");
    const auto [H, N] = matrix("blocks.0.att.r_k");
    config.V = narrow("emb.weight: the vocabulary", V, max_vocabulary);
    config.C = narrow("emb.weight: the channels", C, max_channels);
    if (N < 16 || N > max_head_size || N % 16 != 0)
      bad("blocks.0.att.r_k is [{},{}]: a head size of {} is not a multiple of 16 up to {}", H, N, N,
          max_head_size);
    if (H != C / N || C % N != 0)
      bad("blocks.0.att.r_k is [{},{}], which does not make the {} channels of emb.weight", H, N, C);
    config.H = static_cast<uint32_t>(H);
    config.N = static_cast<uint32_t>(N);
    config.F = narrow("blocks.0.ffn.key.weight: the hidden width", matrix("blocks.0.ffn.key.weight").first,
                      max_hidden);
    config.Dw = lora_width("blocks.0.att.w1");
    config.Da = lora_width("blocks.0.att.a1");
    config.Dg = lora_width("blocks.0.att.g1");
    if (config.L > 1) config.Dv = lora_width("blocks.1.att.v1");
    for (const NeededTensor& needed : needed_tensors(config)) config.parameters += check(needed);
    for (uint32_t* width : {&config.F, &config.Dw, &config.Da, &config.Dv, &config.Dg})
      *width = padded(*width);
    if (const auto eps = source_.metadata("gn_eps")) config.head_norm_eps = parse_eps(*eps);
    return config;
  }

 private:
  template <typename... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ErrorKind::bad_file, label_ + ": " + fmt::format(format, std::forward<Args>(args)...));
  }
  [[noreturn]] void unsupported(std::string_view what) const {
    fail(ErrorKind::unsupported, "{}: {} is not supported yet; this program runs RWKV v7", label_, what);
  }
  bool has(const std::string& name) const { return names_.contains(name); }

  void refuse_other_versions() const {
    if (has("blocks.0.att.r_k") || has("blocks.0.att.x_w")) {
      if (has("blocks.0.qkv.qq.weight")) unsupported("RWKV v7b (DeepEmbed attention)");
      if (has("blocks.0.ffn.s_emb.weight")) unsupported("RWKV v7a (DeepEmbed)");
      if (has("head.bias")) unsupported("a head with a bias");
      return;
    }
    if (has("blocks.0.att.time_maa_x")) unsupported("RWKV v6");
    if (has("blocks.0.att.ln_x.weight") && has("blocks.0.att.time_decay")) unsupported("RWKV v5");
    if (has("blocks.0.att.time_mix_k") || has("blocks.0.att.time_decay")) unsupported("RWKV v4");
    bad("is no RWKV model: blocks.0.att.r_k is missing{}",
        names_.empty() ? std::string(" and there are no tensors at all")
                       : fmt::format(" (the file has tensors like {})", *names_.begin()));
  }

  // One more than the highest layer anything is named after; gaps show up as missing tensors.
  uint32_t count_layers() const {
    uint64_t layers = 0;
    for (const std::string& name : names_) {
      constexpr std::string_view prefix = "blocks.";
      if (!name.starts_with(prefix)) continue;
      uint64_t layer = 0;
      const char* end = name.data() + name.size();
      const auto parsed = std::from_chars(name.data() + prefix.size(), end, layer);
      if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '.' || layer >= max_layers)
        bad("{} does not name a layer below {}", name, max_layers);
      layers = std::max(layers, layer + 1);
    }
    return static_cast<uint32_t>(layers);
  }

  TensorRef info(const std::string& name) const {
    if (const auto found = source_.info(name)) return *found;
    // A layer's tensor that other layers have: say so, it tells a damaged file from another version.
    constexpr std::string_view prefix = "blocks.";
    if (name.starts_with(prefix)) {
      const std::string suffix = name.substr(name.find('.', prefix.size()));
      for (const std::string& other : names_)
        if (other.starts_with(prefix) && other.ends_with(suffix) &&
            other.find('.', prefix.size()) + suffix.size() == other.size())
          bad("{} is missing, but {} is there", name, other);
    }
    bad("{} is missing", name);
  }

  std::pair<uint64_t, uint64_t> matrix(const std::string& name) const {
    const Shape shape = info(name).shape;
    if (shape.size() != 2) bad("{} is {}, expected a matrix", name, to_string(shape));
    return {shape[0], shape[1]};
  }

  uint32_t lora_width(const std::string& name) const {
    return narrow(name + ": the width", matrix(name).second, max_lora);
  }

  uint32_t narrow(std::string_view what, uint64_t extent, uint64_t limit) const {
    if (extent == 0 || extent > limit) bad("{} is {}, expected 1 to {}", what, extent, limit);
    return static_cast<uint32_t>(extent);
  }

  // Answers the tensor's element count.
  uint64_t check(const NeededTensor& needed) const {
    const TensorRef tensor = info(needed.name);
    if (squeezed(tensor.shape, needed.change) != needed.shape)
      bad("{} is {}, expected {}", needed.name, to_string(tensor.shape), to_string(needed.shape));
    switch (tensor.format) {
      case Format::f64:
      case Format::f32:
      case Format::f16:
      case Format::bf16:
        break;
      default:
        bad("{} holds {}, expected floats", needed.name, fulmar::info(tensor.format).name);
    }
    return element_count(tensor.shape);
  }

  float parse_eps(const std::string& text) const {
    float eps = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), eps);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(eps) ||
        eps <= 0)
      bad("the metadata's gn_eps is \"{}\", expected a number above 0", text);
    return eps;
  }

  const Source& source_;
  std::string label_;
  std::set<std::string> names_;
};

}  // namespace

std::string_view name(Version version) {
  switch (version) {
    case Version::v7:
      return "v7";
  }
  return "unknown";
}

Config detect(const Source& source) {
  return Detector(source).run();
}

}  // namespace fulmar::rwkv
