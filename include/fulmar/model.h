// What to load and how, and what came of it.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/adapter.h"
#include "fulmar/sampling.h"

namespace fulmar {

// The one list of a model's options: commands fill it in, and loading reads it.
struct ModelSpec {
  std::string file;      // or folder
  std::string name;      // the model's id; empty: the name of the file without its ending, or the folder's
  std::string vocab;     // file, "bytes", or empty: the model's own, else World
  std::string chat_template;  // its name; empty: the model's own, by its name and files (text/chat_template.h)
  std::string strategy;  // "vulkan fp16 *20 -> cpu fp32"; empty or "auto": chosen by free memory
  uint64_t memory_limit = 0;  // bytes of memory of each GPU; 0: all of it
  std::optional<float> head_norm_eps;
  std::vector<Adapter> adapters;  // merged into the model's weights in this order
  std::string state;              // file with a tuned initial state of every sequence; empty: the model's own
  std::string state_order;  // of that file's matrices: "value-key", "key-value"; empty: what the file tells
  std::string reranker;     // file of one that scores what a model that embeds has read; empty: none
  uint32_t slots = 0;  // sequences that can be live at once; 0: as many as an eighth of the weights' memory holds
  uint32_t step_tokens = 256;  // rows of the largest step, at least `slots`: decode rows first, then prompts
  uint32_t threads = 0;        // CPU threads; 0: one per core
  bool matrix_units = true;    // of GPUs, where they have them and passed a try
  // What the CPU rounds inputs of products with integer formats to: "f32", which is not at all, "i16" or "i8"; empty:
  // what the format's own rounding hides, and with precisions that begin with fp32 nothing.
  std::string activations;
  // The same seed gives the same text in any company on every device, at the price of speed on some. Without
  // it that holds on CPUs without AVX-512, and elsewhere in steps of few rows; docs/http-api.md has it all.
  bool reproducible = false;
  std::function<void(uint64_t done, uint64_t total)> progress;  // while loading, in bytes of weights
};

// Something that goes with a model, and where that was found: a file's path, "the file's name", an option.
struct Found {
  std::string what, where;
};

// What a vector is for; models that make vectors have a head for each.
enum class EmbeddingTask : uint8_t { retrieval, similarity, classification };
constexpr std::string_view embedding_tasks[] = {"retrieval", "similarity", "classification"};

struct ModelInfo {
  std::string path;      // as it was given
  std::string id;        // ModelSpec::name, or what stands for it
  std::string version;   // "v7", which its tensors tell
  Found chat_template;   // "bot"
  Found tokenizer;       // "longest match", "byte pairs" or "bytes"
  Found sampling_profile;        // "open, fake, tools": what sampling_profiles has; where it is empty, nothing was found
  uint32_t trained_context = 0;  // tokens, which bound nothing; 0: unknown
  std::string trained_context_from;
  std::string strategy;  // as resolved
  std::string device;
  uint32_t layers = 0, channels = 0, vocab = 0;
  uint64_t parameters = 0, weight_bytes = 0, state_bytes = 0;
  bool embeds = false;  // it makes vectors of texts, and no text
  bool ranks = false;   // it scores texts by the states of a model that embeds
  uint32_t slots = 0;  // sequences that can be live at once
  int64_t created = 0;  // Unix time of loading
  // What its makers draw with: "open" (thinking), "fake" (an empty thought), "tools", as far as they say; the first is
  // for what has none of its own.
  std::vector<SamplingProfile> sampling_profiles;
};

}  // namespace fulmar
