// From each container's spelling and layout of RWKV's tensors to BlinkDL's own, so that the rest of the
// program sees one. Every spelling is a table of renamings; one Source answers for all of them.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "weights/layout.h"
#include "weights/source.h"

namespace fulmar {

// A tensor under its new name; `steps` turn what `from` holds into it.
struct Renamed {
  std::string name, from;
  LayoutSteps steps = {};
};

using ExtraMetadata = std::map<std::string, std::string, std::less<>>;

// A Source of exactly these tensors; `extra` answers before the inner source's metadata. Throws where two
// would have the same name.
SourcePtr rename(SourcePtr source, std::vector<Renamed> names, ExtraMetadata extra = {});

// The config.json beside a checkpoint; no text where there is none.
struct ConfigJson {
  std::string_view text = {};
  std::string where = "config.json";  // its path, for messages
};

// For checkpoints of PyTorch (.pth, safetensors): takes away what wrappers and trainers put in front of names
// ("module.", "model.", "state_dict.", "_orig_mod."), then recognizes the spelling by the tensors present:
// BlinkDL's, Hugging Face's and flash-linear-attention's, or web-rwkv's (ai00's .st). What is none of these
// comes back as it is. A tensor that is there under two names is an Error.
SourcePtr blinkdl_names(SourcePtr source, const ConfigJson& config);

// The tables of single spellings. Names are without wrappers' prefixes; `from` keeps them.
struct Spelled {
  std::string name, from;
};
bool is_hugging_face(const std::vector<Spelled>& tensors);
// Where `config` says that they are tied, the head is the embedding.
std::vector<Renamed> hugging_face_names(const Source& source, const std::vector<Spelled>& tensors,
                                        const ConfigJson& config);
// The same without a config.
std::vector<Renamed> hugging_face_parts(const Source& source, const std::vector<Spelled>& tensors);
bool ties_head(const ConfigJson& config);
ExtraMetadata hugging_face_metadata(const Source& source, const ConfigJson& config,
                                    const std::vector<Renamed>& names);
// Nothing where the file is not one that web-rwkv's converter made.
std::vector<Renamed> web_rwkv_names(const Source& source, const std::vector<Spelled>& tensors);

// EmbeddingRWKV's: its language model by BlinkDL's names, its heads as "embedding.retr.fc1.weight" (and sts, cls);
// what it sees images with is left out. Null where the file is none.
SourcePtr embedding_names(const SourcePtr& source);
// Its rerankers', likewise; their head as "embedding.rank.dense.weight", its bias, and "embedding.rank.score.weight".
SourcePtr reranker_names(const SourcePtr& source);

// rwkv.cpp's, of the tensors of a ggmf file.
std::vector<Renamed> ggmf_names(const Source& source);

// llama.cpp's, of a GGUF file of architecture rwkv6 or rwkv7.
struct GgufShape {
  std::string architecture;
  uint64_t head_size = 0, rescale_every = 0;
};
std::vector<Renamed> gguf_names(const Source& source, const GgufShape& shape);

// An adapter's, where it speaks of the model's parts by Hugging Face's names or is one that ai00's converter
// made; nothing where its names are BlinkDL's, whatever PEFT put around them.
std::vector<Renamed> adapter_names(const Source& source);
// "base_model.model.blocks.0.att.key.lora_A" -> "blocks.0.att.key.lora_A"
std::string_view without_adapter_wrappers(std::string_view name);

// Steps to [1,1,C], which BlinkDL's checkpoints use for vectors that are mixed with activations.
LayoutSteps as_mix();

// "blocks.12.att.key" -> 12 and "att.key"; false where `name` is not `prefix`, a number, a dot and more.
bool split_layer(std::string_view name, std::string_view prefix, uint64_t& layer, std::string_view& rest);

}  // namespace fulmar
