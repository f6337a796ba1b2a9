// The fields of ai00's endpoints. docs/ai00.md prints these tables; a test compares the two.
#include <limits>

#include "answer/common_fields.h"
#include "api/ai00/ai00.h"

namespace fulmar::api::ai00 {
namespace {

using enum FieldType;

constexpr int64_t most_tokens = 1'000'000;
constexpr int64_t int32_most = std::numeric_limits<int32_t>::max();

// Of both.
constexpr Field generation[] = {
    {"max_tokens", integer, "256", "Tokens to make at most.", -1, most_tokens, Above::clamped},
    {"max_completion_tokens", integer, "`max_tokens`", "The same.", -1, most_tokens, Above::clamped},
    {"stop", text_or_list, "an empty line", "Generation ends before the first of these texts, of up to 1024 bytes each. `[]`: none.", 0, 16},
    {"sampler", map, "none", "How tokens are drawn, all of it: what it leaves out is as below, whatever stands beside it.", 0, 16},
    {"sampler_override", map, "none", "Its other name; it wins.", 0, 16},
    {"temperature", number, "1", "0 always takes the likeliest token.", 0, 1000},
    {"top_p", number, "0.5", "Only the likeliest tokens that together have this share.", 0, 1},
    {"top_k", integer, "128", "Only so many of the likeliest tokens. 0 or -1: all.", -1, int32_most, Above::clamped},
    {"bias", map, "none", "As `logit_bias`.", 0, 4096},
    {"state", map, "what the model begins from",
     "What the text begins from: a text, the name of a [state that is loaded](infer.md) or its `id` in `GET /api/models/info`, or a tuned "
     "state's file in `--states-dir`; or an object with one of these. `00000000-0000-0000-0000-000000000000`: as without.",
     0, 8},
};

constexpr Refused generation_refused[] = {
    {"bnf_schema", "[]", "is not supported; use grammar, in llama.cpp's notation, or response_format"},
};

constexpr FieldTable generation_fields{"ai00's completions and chats", generation, generation_refused, &common_fields};

constexpr Field completion[] = {
    {"prompt", text_or_list, "required", "A text; several are put together."},
};

constexpr Field chat[] = {
    {"messages", list, "required", "What was said so far, oldest first.", 0, 16384},
    {"names", map, "`System`, `User`, `Assistant`, `Observation`", "What the speakers are called in the prompt, by role; up to 64 bytes each.", 0, 16},
    {"template", map, "below", "How the prompt is put together.", 0, 8},
};

constexpr Refused chat_refused[] = {
    {"session_id", "[]", "is not supported here, where a prompt is a whole conversation; use /v1/chat/completions"},
};

constexpr Field record[] = {
    {"role", text, "required", "`system`, `user`, `assistant` or `observation` (or `tool`)."},
    {"content", text, "required", "The text."},
};

constexpr Field pattern[] = {
    {"record", text, "`{role}: {content}`", "A message.", 0, 256},
    {"prefix", text, "`{assistant}:`", "What the answer follows; it may have `{user}` too.", 0, 256},
    {"sep", text, "an empty line", "What stands behind each message.", 0, 64},
};

constexpr Field nucleus[] = {
    {"type", text, "`Nucleus`", "`Nucleus` alone: `Mirostat` and `Typical` are refused.", 0, 16},
    {"top_p", number, "0.5", "Only the likeliest tokens that together have this share.", 0, 1},
    {"top_k", integer, "128", "Only so many of the likeliest tokens.", 0, int32_most, Above::clamped},
    {"temperature", number, "1", "0 always takes the likeliest token.", 0, 1000},
    {"presence_penalty", number, "0.3", "What a token pays once it has occurred, by the rule `ai00`.", -100, 100},
    {"frequency_penalty", number, "0.3", "What is added to that each further time.", -100, 100},
    {"penalty_decay", number, "0.99654026", "What tokens pay is multiplied by it after every token.", 0, 1},
};

constexpr Field state[] = {
    {"id", text, "none", "Its id, or its name.", 0, 1024},
    {"name", text, "none", "Its name.", 0, 1024},
    {"path", text, "none", "A file in `--states-dir`.", 0, 1024},
};

constexpr Refused state_refused[] = {
    {"data", "[]", "is not supported; POST /state/import takes a state's numbers in a file"},
};

constexpr Field embed[] = {
    {"input", text, "required", "The text."},
    {"max_tokens", integer, "510", "Of each chunk that the text is cut into.", 1, 65536, Above::clamped},
    {"prefix", text, "none", "What is put before each chunk.", 0, 1024},
};

constexpr Field load[] = {
    {"model_path", text, "required", "A model in `--models-dir`.", 0, 1024},
    {"lora", list, "none", "Adapters in `--models-dir`.", 0, 8},
    {"state", list, "none", "Tuned states in `--states-dir`, without it in `--models-dir`.", 0, 64},
    {"quant", integer, "0", "Above 0: the large matrices of all layers are quantized.", 0, 1024, Above::clamped},
    {"quant_type", text, "`None`", "With `quant`: `Int8` (8 bits), `NF4` or `SF4` (4 bits); `None`: `--strategy`.", 0, 16},
    {"token_chunk_size", integer, "`--step-tokens`", "Rows of the largest step.", 1, 65536, Above::clamped},
    {"max_batch", integer, "`--slots`", "Texts that are made at once.", 1, 65536, Above::clamped},
};

constexpr Field lora[] = {
    {"path", text, "required", "The file.", 0, 1024},
    {"alpha", number, "1", "How much it counts: the s of LoRA.", -1000, 1000},
};

constexpr Field loaded_state[] = {
    {"path", text, "required", "The file.", 0, 1024},
    {"id", text, "the name", "What requests call it in `state`.", 0, 256},
    {"name", text, "the file's", "Likewise.", 0, 256},
    {"default", boolean, "false", "Whether texts begin from it that say nothing."},
};

}  // namespace

constexpr FieldTable completion_fields{"ai00's completions", completion, {}, &generation_fields};
constexpr FieldTable chat_fields{"ai00's chats", chat, chat_refused, &generation_fields};
constexpr FieldTable record_fields{"ai00's messages", record, {}};
constexpr FieldTable template_fields{"ai00's template", pattern, {}};
constexpr FieldTable nucleus_fields{"ai00's sampler", nucleus, {}};
constexpr FieldTable state_fields{"ai00's state", state, state_refused};
constexpr FieldTable embed_fields{"ai00's embeds", embed, {}};
constexpr FieldTable load_fields{"ai00's load", load, {}};
constexpr FieldTable lora_fields{"ai00's lora", lora, {}};
constexpr FieldTable loaded_state_fields{"ai00's loaded states", loaded_state, {}};

}  // namespace fulmar::api::ai00
