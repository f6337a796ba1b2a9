// Keys of llama.cpp's architectures rwkv6 and rwkv7; see gguf_head.h.
#include "model/gguf_head.h"

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "model/carried.h"
#include "model/vocabulary.h"
#include "rwkv/state.h"
#include "text/tokenizer.h"
#include "weights/gguf_layout.h"

namespace fulmar {
namespace {

constexpr uint32_t endless = 1 << 20;  // a context length, where that of the training is not known
constexpr float llama_head_norm_eps = 64e-5f;

void refuse_what_gguf_cannot_hold(const Source& source, const rwkv::Config& config) {
  const auto refuse = [&](std::string_view what) {
    fail(ErrorKind::unsupported, "{}: {}; write a .safetensors file instead", source.label(), what);
  };
  if (config.version != rwkv::Version::v6 && config.version != rwkv::Version::v7)
    refuse(fmt::format("GGUF has architectures for RWKV v6 and v7, not for {}", rwkv::name(config.version)));
  if (config.embeds) refuse("GGUF has no place for the heads of a model that makes vectors");
  if (config.A != config.C) refuse("GGUF has no place for a time mix of another width than the model's");
  for (const std::string& name : source.names())
    if (rwkv::is_initial_state(name)) refuse(fmt::format("GGUF has no place for {}", name));
}

uint32_t width(const Source& source, const std::string& name, std::size_t extent) {
  return static_cast<uint32_t>(source.info(name)->shape.at(extent));
}

void put_shapes(GgufHead& head, const std::string& arch, const Source& source, const rwkv::Config& c) {
  head.put(arch + ".embedding_length", c.C);
  head.put(arch + ".block_count", c.L);
  head.put(arch + ".feed_forward_length", width(source, "blocks.0.ffn.key.weight", 0));
  head.put(arch + ".wkv.head_size", c.N);
  head.put(arch + ".attention.head_count", uint32_t{0});  // asked for, unused
  head.put(arch + ".attention.layer_norm_epsilon", c.norm_eps);
  if (c.version == rwkv::Version::v6) {
    head.put(arch + ".rescale_every_n_layers", uint32_t{0});
    head.put(arch + ".time_mix_extra_dim", width(source, "blocks.0.att.time_maa_w1", 1) / 5);
    head.put(arch + ".time_decay_extra_dim", width(source, "blocks.0.att.time_decay_w1", 1));
    return;
  }
  const char* value_residual = c.L > 1 ? "blocks.1.att.v1" : "blocks.0.att.a1";
  head.put(arch + ".attention.decay_lora_rank", width(source, "blocks.0.att.w1", 1));
  head.put(arch + ".attention.iclr_lora_rank", width(source, "blocks.0.att.a1", 1));
  head.put(arch + ".attention.value_residual_mix_lora_rank", width(source, value_residual, 1));
  head.put(arch + ".attention.gate_lora_rank", width(source, "blocks.0.att.g1", 1));
}

// The vocabulary any command takes for this model. Nothing where it has more ids than the model.
std::optional<EmbeddedVocabulary> vocabulary_for(const ConvertOptions& options, const Source& source,
                                                 const ModelFolder& folder, uint32_t V) {
  if (options.vocab.empty())
    if (auto own = source.vocabulary()) return own;  // with its marks, and ids without text
  const FoundTokenizer found = open_vocabulary(options.vocab, source, folder.vocabularies);
  std::shared_ptr<const Tokenizer> tokenizer = found.tokenizer;
  const auto too_large = [&] { return static_cast<uint32_t>(tokenizer->size()) > V; };
  if (too_large()) {
    const std::string what =
        fmt::format("the vocabulary has {} ids, the model only {}", tokenizer->size(), V);
    if (!options.vocab.empty()) fail(ErrorKind::misuse, "{}: {}", options.vocab, what);
    if (V == 256) tokenizer = open_tokenizer("bytes");
    if (too_large()) {
      options.note(what + ", so the file carries none; --vocab FILE names the right one");
      return std::nullopt;
    }
  }
  if (tokenizer->kind() == "byte pairs") {
    const std::string what = "a .gguf of RWKV has no place for a vocabulary of byte pairs";
    if (!options.vocab.empty()) fail(ErrorKind::misuse, "{}: {}", options.vocab, what);
    options.note(fmt::format("{}, so the file carries none; run it with --vocab {}", what, found.where));
    return std::nullopt;
  }
  EmbeddedVocabulary out;
  for (Token id = 0; id < tokenizer->size(); ++id) out.tokens.emplace_back(tokenizer->bytes(id));
  if (const Token end = tokenizer->end_of_text(); end >= 0) out.end_of_text = static_cast<uint32_t>(end);
  return out;
}

}  // namespace

GgufHead gguf_head(const ConvertOptions& options, const Source& source, const ModelFolder& folder,
                   const rwkv::Config& config) {
  refuse_what_gguf_cannot_hold(source, config);
  const std::string arch = config.version == rwkv::Version::v6 ? "rwkv6" : "rwkv7";
  GgufHead head;
  head.put("general.architecture", arch);
  head.put("general.type", "model");
  head.put(inner_name_key, replace_bad_utf8(carried_name(folder)));
  head.put("general.quantization_version", uint32_t{2});
  const uint32_t context = trained_context(folder, source).tokens;
  head.put(arch + ".context_length", context ? context : endless);
  put_shapes(head, arch, source, config);
  if (config.head_norm_eps != llama_head_norm_eps) {
    head.put(arch + ".attention.group_norm_epsilon", config.head_norm_eps);
    options.note(fmt::format("the model's group norm has an epsilon of {:g}; llama.cpp always takes {:g}",
                             config.head_norm_eps, llama_head_norm_eps));
  }
  std::map<std::string, std::string> texts = carried_texts(folder);
  auto vocabulary = vocabulary_for(options, source, folder, config.V);
  // Where texts end with a token of their own, a turn of a chat ends with an empty line.
  if (vocabulary && vocabulary->end_of_text) {
    const auto empty_line = std::find(vocabulary->tokens.begin(), vocabulary->tokens.end(), "\n\n");
    if (empty_line != vocabulary->tokens.end()) {
      if (!vocabulary->end_of_turn)
        vocabulary->end_of_turn = static_cast<uint32_t>(empty_line - vocabulary->tokens.begin());
      texts.emplace(chat_template_key, "rwkv-world");
    }
  }
  for (const auto& [key, text] : texts) head.put(key, text);
  if (vocabulary) {
    put_vocabulary(head, *vocabulary, config.V);
  } else {
    head.put("tokenizer.ggml.model", "no_vocab");
    head.put(arch + ".vocab_size", config.V);
  }
  return head;
}

}  // namespace fulmar
