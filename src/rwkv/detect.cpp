// detect(): which RWKV a checkpoint is, from the tensors that are there.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/fail.h"
#include "ops/ops.h"
#include "rwkv/config.h"
#include "rwkv/state.h"
#include "rwkv/tensors.h"
#include "weights/trainers.h"

namespace fulmar::rwkv {
namespace {

// Far above every published model; below what would overflow sums of their products.
constexpr uint64_t max_layers = 1024, max_channels = 1 << 16, max_hidden = 1 << 20, max_vocabulary = 1 << 24;
constexpr uint32_t max_experts = ops::Experts::most;
constexpr uint64_t max_lora = 1 << 14;

uint32_t padded(uint32_t width) {
  return (width + 7) / 8 * 8;
}

class Detector {
 public:
  explicit Detector(const Source& source) : source_(source), label_(source.label()) {
    for (std::string& name : source.names()) names_.insert(std::move(name));
  }

  Config run() {
    Config config;
    config.version = version();
    config.L = count_layers();
    const auto [V, C] = matrix("emb.weight");
    config.V = narrow("emb.weight: the vocabulary", V, max_vocabulary);
    config.C = narrow("emb.weight: the channels", C, max_channels);
    if (C % 8 != 0) bad("emb.weight has {} channels, expected a multiple of 8", C);
    if (config.is_v7())
      read_v7(config);
    else
      read_older(config);
    config.F = narrow("blocks.0.ffn.key.weight: the hidden width", matrix("blocks.0.ffn.key.weight").first,
                      max_hidden);
    read_experts(config);
    config.embeds = config.is_v7() && !has("head.weight") &&
                    (has("embedding.retr.fc1.weight") || has("embedding.rank.dense.weight"));
    std::set<std::string> accounted;
    for (NeededTensor& needed : needed_tensors(config, source_)) {
      const uint64_t elements = check(needed);
      if (needed.part == 0) config.parameters += elements;
      accounted.insert(std::move(needed.stored));
    }
    refuse_others(config, accounted);
    for (uint32_t* width :
         {&config.F, &config.Dw, &config.Da, &config.Dv, &config.Dg, &config.Dx, &config.Er, &config.Dm})
      *width = padded(*width);
    if (const auto eps = source_.metadata("gn_eps")) config.head_norm_eps = parse_eps("gn_eps", *eps);
    if (const auto eps = source_.metadata("ln_eps")) config.norm_eps = parse_eps("ln_eps", *eps);
    return config;
  }

 private:
  template <typename... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ErrorKind::bad_file, label_ + ": " + fmt::format(format, std::forward<Args>(args)...));
  }
  [[noreturn]] void unsupported(std::string_view what) const {
    fail(ErrorKind::unsupported, "{}: {} is not supported; this program runs RWKV v4, v5, v6, v7 and v7a",
         label_, what);
  }
  bool has(const std::string& name) const { return names_.contains(name); }

  Version version() const {
    if (has("head.bias")) unsupported("a head with a bias");
    if (has("head_q.weight")) unsupported("a model with a head QK");
    for (const std::string& tensor : names_)
      if (tensor.find(".rosa") != tensor.npos || tensor.starts_with("rosa") ||
          tensor.find(".ffn.enn.") != tensor.npos || tensor.find(".ln3.") != tensor.npos)
        unsupported("RWKV v8 (ROSA)");
      else if (tensor.find(".att.tiny_") != tensor.npos || tensor.find(".tiny_q.") != tensor.npos)
        unsupported("a model with tiny attention");
    if (has("blocks.0.att.r_k") || has("blocks.0.att.x_w")) {
      if (has("blocks.0.qkv.qq.weight"))
        unsupported(
            "RWKV v7b (DeepEmbed attention), which looks back at every token of the text, so that its state "
            "grows with it,");
      return has("blocks.0.ffn.s_emb.weight") ? Version::v7a : Version::v7;
    }
    if (has("blocks.0.att.time_maa_x")) return Version::v6;
    if (!has("blocks.0.att.time_decay"))
      bad("is no RWKV model: blocks.0.att.r_k is missing, and so is blocks.0.att.time_decay{}",
          names_.empty() ? std::string(" and there are no tensors at all")
                         : fmt::format(" (the file has tensors like {})", *names_.begin()));
    if (!has("blocks.0.att.ln_x.weight")) return Version::v4;
    if (!has("blocks.0.att.gate.weight")) return Version::v5_0;
    const auto [H, N] = heads("blocks.0.att.time_decay");
    return N > 1 ? Version::v5_2 : Version::v5_1;
  }

  // A model of a kind that nobody here knows never runs as one of those known.
  void refuse_others(const Config& config, const std::set<std::string>& accounted) const {
    std::vector<const std::string*> others;
    for (const std::string& name : names_)
      if (!accounted.contains(name) && !is_known_extra(config, name)) others.push_back(&name);
    if (others.empty()) return;
    const std::string& first = *others[0];
    fail(ErrorKind::unsupported,
         "{}: {} {}{}, which RWKV {} does not have: a model of another kind is not run as if it were one",
         label_, first, to_string(info(first).shape),
         others.size() > 1 ? fmt::format(" and {} more tensors are there", others.size() - 1)
                           : std::string(" is there"),
         name(config.version));
  }

  static bool is_known_extra(const Config& config, std::string_view name) {
    if (is_initial_state(name)) return true;
    // Layer 0 makes v_first and never mixes it in, but trainers give it the factors too.
    if (config.is_v7() &&
        (name == "blocks.0.att.v0" || name == "blocks.0.att.v1" || name == "blocks.0.att.v2"))
      return true;
    if (config.E > 0 && name.ends_with("moe_info")) return true;
    if (config.embeds && name.starts_with("embedding.")) return true;  // its heads, which the host computes
    return is_trainers(name);
  }

  void read_v7(Config& config) const {
    const auto [H, N] = matrix("blocks.0.att.r_k");
    check_heads(config, "blocks.0.att.r_k", H, N, 16, 128);
    config.A = config.C;
    config.Dw = lora_width("blocks.0.att.w1");
    config.Da = lora_width("blocks.0.att.a1");
    config.Dg = lora_width("blocks.0.att.g1");
    if (config.L > 1) config.Dv = lora_width("blocks.1.att.v1");
    if (config.version != Version::v7a) return;
    config.De = lora_width("blocks.0.ffn.s1");
    if (config.De % 8 != 0 || config.De > 128)
      bad("blocks.0.ffn.s1: the width is {}, expected a multiple of 8 up to 128", config.De);
  }

  // A mixture of LoRA experts in the channel mix. Only how many of them are active is not to be seen from
  // shapes.
  void read_experts(Config& config) const {
    const auto of = [](std::string_view name) { return name.find(".ffn.expert_") != name.npos; };
    if (std::none_of(names_.begin(), names_.end(), of)) return;
    if (config.version != Version::v7) unsupported("a mixture of experts in another version than v7");
    const auto key = [](uint32_t e) { return fmt::format("blocks.0.ffn.expert_{}.key.lora_A_expert_0", e); };
    while (has(key(config.E))) ++config.E;
    if (config.E < 2) bad("{} is missing: a mixture has at least two experts, beginning at 0", key(config.E));
    if (config.E > max_experts) unsupported(fmt::format("a mixture of more than {} experts", max_experts));
    config.Er = config.E - 1;
    config.Dm = narrow(key(0) + ": the rank", matrix(key(0)).first, max_lora);
    const auto info_name = std::find_if(names_.begin(), names_.end(),
                                        [](const std::string& name) { return name.ends_with("moe_info"); });
    if (info_name == names_.end()) bad("moe_info is missing, which says how many experts a token has");
    const Tensor tensor = source_.load(*info_name);
    if (tensor.shape != Shape{2})
      bad("{} is {}, expected [2]: experts, and how many of them a token has", *info_name,
          to_string(tensor.shape));
    const float active = to_floats(tensor)[1];
    if (!(active >= 1 && active <= static_cast<float>(config.E)))
      bad("{} says that a token has {} of {} experts", *info_name, active, config.E);
    config.active = static_cast<uint32_t>(active);
  }

  void read_older(Config& config) const {
    config.A = narrow("blocks.0.att.key.weight: the channels", matrix("blocks.0.att.key.weight").first,
                      max_channels);
    if (config.A % 8 != 0) bad("blocks.0.att.key.weight has {} rows, expected a multiple of 8", config.A);
    if (config.version == Version::v4) return;
    const std::string_view by =
        config.version == Version::v6 ? "blocks.0.att.time_faaaa" : "blocks.0.att.time_decay";
    const auto [H, N] = heads(std::string(by));
    check_heads(config, by, H, N > 1 ? N : config.A / std::max<uint64_t>(H, 1), 4, 256);
    if (config.version != Version::v6) return;
    config.Dw = lora_width("blocks.0.att.time_decay_w1");
    const uint64_t mixes = matrix("blocks.0.att.time_maa_w1").second;
    if (mixes % 5 != 0) bad("blocks.0.att.time_maa_w1 has {} columns, expected five times a width", mixes);
    config.Dx = narrow("blocks.0.att.time_maa_w1: the width", mixes / 5, max_lora);
  }

  // [H,N], [H,N,1], [H], [H,1,1]: the number of heads and what there is of each.
  std::pair<uint64_t, uint64_t> heads(const std::string& name) const {
    const Shape shape = info(name).shape;
    if (shape.empty() || shape[0] == 0) bad("{} is {}, expected one row a head", name, to_string(shape));
    return {shape[0], element_count(shape) / shape[0]};
  }

  void check_heads(Config& config, std::string_view by, uint64_t H, uint64_t N, uint64_t multiple,
                   uint64_t most) const {
    if (N < multiple || N > most || N % multiple != 0)
      bad("{} is {}: a head size of {} is not a multiple of {} up to {}", by,
          to_string(info(std::string(by)).shape), N, multiple, most);
    const uint64_t channels = config.is_v7() ? config.C : config.A;
    if (H != channels / N || channels % N != 0)
      bad("{} is {}, which does not make the {} channels of {}", by, to_string(info(std::string(by)).shape),
          channels, config.is_v7() ? "emb.weight" : "blocks.0.att.key.weight");
    config.H = static_cast<uint32_t>(H);
    config.N = static_cast<uint32_t>(N);
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
    const TensorRef tensor = info(needed.stored);
    if (!fits(tensor.shape, needed))
      bad("{} is {}, expected {}", needed.stored, to_string(tensor.shape), to_string(needed.shape));
    const FormatInfo& format = fulmar::info(tensor.format);
    if (tensor.format != Format::f64 && !format.decode_row)
      bad("{} holds {}, expected floats", needed.stored, format.name);
    return element_count(tensor.shape);
  }

  float parse_eps(std::string_view key, const std::string& text) const {
    float eps = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), eps);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(eps) ||
        eps <= 0)
      bad("the metadata's {} is \"{}\", expected a number above 0", key, text);
    return eps;
  }

  const Source& source_;
  std::string label_;
  std::set<std::string> names_;
};

}  // namespace

std::string_view name(Version version) {
  constexpr std::string_view names[] = {"v4", "v5.0", "v5.1", "v5.2", "v6", "v7", "v7a"};
  return names[static_cast<std::size_t>(version)];
}

Config detect(const Source& source) {
  return Detector(source).run();
}

}  // namespace fulmar::rwkv
