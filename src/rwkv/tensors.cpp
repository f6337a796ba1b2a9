// Every version's tensors by BlinkDL's names.
#include "rwkv/tensors.h"

#include "base/fail.h"

namespace fulmar::rwkv {
namespace {

class Lister {
 public:
  Lister(const Config& config, const Source& source)
      : source_(source),
        version_(config.version),
        L_(config.L),
        C_(config.C),
        A_(config.A),
        H_(config.H),
        N_(config.N),
        F_(config.F),
        V_(config.V),
        config_(config) {}

  std::vector<NeededTensor> run() {
    matrix("emb.weight", V_, C_);
    norm("blocks.0.ln0");
    for (uint32_t layer = 0; layer < L_; ++layer) {
      const std::string block = fmt::format("blocks.{}.", layer), att = block + "att.", ffn = block + "ffn.";
      norm(block + "ln1");
      if (config_.is_v7())
        time_mix7(att, layer > 0);
      else if (version_ == Version::v6)
        time_mix6(att);
      else if (config_.is_v5())
        time_mix5(att);
      else
        time_mix4(att);
      norm(block + "ln2");
      channel_mix(ffn);
    }
    norm("ln_out");
    if (!config_.embeds) matrix("head.weight", V_, C_);
    return std::move(list_);
  }

 private:
  void add(const std::string& name, Change change, Shape shape) {
    list_.push_back({name, change, std::move(shape), name});
  }
  void vector(const std::string& name) { add(name, Change::squeeze, {C_}); }
  void norm(const std::string& name, uint64_t width) {
    add(name + ".weight", Change::squeeze, {width});
    add(name + ".bias", Change::squeeze, {width});
  }
  void norm(const std::string& name) { norm(name, C_); }
  void matrix(const std::string& name, uint64_t rows, uint64_t cols) {
    add(name, Change::none, {rows, cols});
  }
  void recurrence(const std::string& att, std::initializer_list<const char*> inputs) {
    for (const char* name : inputs) matrix(att + name + ".weight", A_, C_);
    matrix(att + "output.weight", C_, A_);
  }
  // The two factors of a LoRA-MLP, x @ w1 @ w2: stored [in, out], unlike all other matrices.
  void lora(const std::string& name, uint64_t width, uint64_t out) {
    add(name + "1", Change::transpose, {C_, width});
    add(name + "2", Change::transpose, {width, out});
  }

  void time_mix4(const std::string& att) {
    for (const char* mix : {"time_mix_k", "time_mix_v", "time_mix_r"}) add(att + mix, Change::flip, {C_});
    add(att + "time_decay", Change::decay4, {A_});
    add(att + "time_first", Change::squeeze, {A_});
    recurrence(att, {"receptance", "key", "value"});
  }

  void time_mix5(const std::string& att) {
    for (const char* mix : {"time_mix_k", "time_mix_v", "time_mix_r"}) add(att + mix, Change::flip, {C_});
    add(att + "time_decay", Change::decay5, {H_, N_});
    // The older files keep the logarithm, under another name.
    const bool logarithm = !source_.info(att + "time_faaaa") && source_.info(att + "time_first");
    list_.push_back({att + "time_faaaa",
                     logarithm ? Change::spread_exp : Change::spread,
                     {H_, N_},
                     att + (logarithm ? "time_first" : "time_faaaa")});
    recurrence(att, {"receptance", "key", "value"});
    if (config_.has_gate()) {
      add(att + "time_mix_g", Change::flip, {C_});
      matrix(att + "gate.weight", A_, C_);
    }
    norm(att + "ln_x", A_);
  }

  void time_mix6(const std::string& att) {
    for (const char* mix : {"x", "w", "k", "v", "r", "g"}) vector(att + "time_maa_" + mix);
    for (uint32_t i = 0; i < 5; ++i) {
      const char letter = "wkvrg"[i];
      list_.push_back({fmt::format("{}time_maa_w1.{}", att, letter),
                       Change::columns,
                       {C_, 5 * uint64_t{config_.Dx}},
                       att + "time_maa_w1",
                       i,
                       5});
      list_.push_back({fmt::format("{}time_maa_w2.{}", att, letter),
                       Change::plane,
                       {5, config_.Dx, C_},
                       att + "time_maa_w2",
                       i,
                       5});
    }
    add(att + "time_decay", Change::flatten, {H_, N_});
    lora(att + "time_decay_w", config_.Dw, A_);
    add(att + "time_faaaa", Change::flatten, {H_, N_});
    recurrence(att, {"receptance", "key", "value", "gate"});
    norm(att + "ln_x", A_);
  }

  void time_mix7(const std::string& att, bool value_residual) {
    for (const char* mix : {"x_r", "x_w", "x_k", "x_v", "x_a", "x_g", "w0", "a0", "k_k", "k_a"})
      vector(att + mix);
    lora(att + "w", config_.Dw, C_);
    lora(att + "a", config_.Da, C_);
    lora(att + "g", config_.Dg, C_);
    if (value_residual) {  // layer 0 makes v_first and never mixes it in
      vector(att + "v0");
      lora(att + "v", config_.Dv, C_);
    }
    add(att + "r_k", Change::flatten, {H_, N_});
    recurrence(att, {"receptance", "key", "value"});
    norm(att + "ln_x");
  }

  void channel_mix(const std::string& ffn) {
    matrix(ffn + "key.weight", F_, C_);
    matrix(ffn + "value.weight", C_, F_);
    if (config_.is_v7()) {
      vector(ffn + "x_k");
      if (version_ == Version::v7a) deep_embed(ffn);
      if (config_.E > 0) experts(ffn);
      return;
    }
    matrix(ffn + "receptance.weight", C_, C_);
    for (const char letter : {'k', 'r'})
      if (version_ == Version::v6)
        vector(fmt::format("{}time_maa_{}", ffn, letter));
      else
        add(fmt::format("{}time_mix_{}", ffn, letter), Change::flip, {C_});
  }

  // Both factors of every expert are Linear weights as they lie in the file, A [r, in] and B [out, r].
  void experts(const std::string& ffn) {
    list_.push_back({ffn + "router", Change::none, {config_.Er, C_}, ffn + "router.linear.weight"});
    for (uint32_t e = 0; e < config_.E; ++e)
      for (const bool key : {true, false}) {
        const std::string matrix = fmt::format("{}expert_{}.{}", ffn, e, key ? "key" : "value");
        list_.push_back(
            {matrix + ".A", Change::none, {config_.Dm, key ? C_ : F_}, matrix + ".lora_A_expert_0"});
        list_.push_back(
            {matrix + ".B", Change::twice, {key ? F_ : C_, config_.Dm}, matrix + ".lora_B_expert_0"});
      }
  }

  void deep_embed(const std::string& ffn) {
    const uint64_t De = config_.De;
    matrix(ffn + "s_emb.weight", V_, De * De);
    matrix(ffn + "s_emb_x.weight", De * De, C_);
    add(ffn + "s1", Change::transpose, {C_, De});
    add(ffn + "s2", Change::transpose, {De, F_});
    add(ffn + "s0", Change::pad, {F_});
  }

  const Source& source_;
  const Version version_;
  const uint64_t L_, C_, A_, H_, N_, F_, V_;
  const Config& config_;
  std::vector<NeededTensor> list_;
};

}  // namespace

std::vector<NeededTensor> needed_tensors(const Config& config, const Source& source) {
  return Lister(config, source).run();
}

bool fits(const Shape& in_file, const NeededTensor& needed) {
  switch (needed.change) {
    case Change::flatten:
      return element_count(in_file) == element_count(needed.shape);
    case Change::decay5:
    case Change::spread:
    case Change::spread_exp:
      return !in_file.empty() && (element_count(in_file) == element_count(needed.shape) ||
                                  element_count(in_file) == needed.shape[0]);
    default:
      return squeezed(in_file, needed.change) == needed.shape;
  }
}

Shape squeezed(const Shape& shape, Change change) {
  if (change != Change::squeeze && change != Change::flip && change != Change::decay4 &&
      change != Change::pad)
    return shape;
  std::size_t first = 0;
  while (first + 1 < shape.size() && shape[first] == 1) ++first;
  return {shape.begin() + static_cast<std::ptrdiff_t>(first), shape.end()};
}

Shape canonical_shape(const NeededTensor& needed) {
  const Shape& shape = needed.shape;
  switch (needed.change) {
    case Change::flatten:
    case Change::decay5:
    case Change::spread:
    case Change::spread_exp:
      return {shape[0] * shape[1]};
    case Change::transpose:
      return {shape[1], shape[0]};
    case Change::columns:
      return {shape[1] / needed.parts, shape[0]};
    case Change::plane:
      return {shape[2], shape[1]};
    default:
      return shape;
  }
}

}  // namespace fulmar::rwkv
