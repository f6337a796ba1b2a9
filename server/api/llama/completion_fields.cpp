// The fields of /completion and /infill; docs/llama.md prints them.
#include "answer/forms.h"
#include "api/llama/llama.h"

namespace fulmar::api::llama {
namespace {

using enum FieldType;

constexpr int64_t most_tokens = 1'000'000;

constexpr Field completion_rows[] = {
    {"prompt", text_or_list, "required",
     "A text, or a list of token ids and texts, which are one prompt; or a list of such prompts, or of objects with a `prompt_string`. "
     "Several prompts have a list of answers.",
     0, 1024},
    {"n_predict", integer, "`max_tokens`", "Tokens to make at most. -1: 1000000. 0: the prompt is read, and that is all.", -1, most_tokens,
     Above::clamped},
    {"max_tokens", integer, "1000000", "The same. -1: 1000000.", -1, most_tokens, Above::clamped},
    {"max_completion_tokens", integer, "`max_tokens`", "The same.", -1, most_tokens, Above::clamped},
    {"n_cmpl", integer, "`n`", "Answers to each prompt.", 1, 128},
    {"temperature", number, "1", "0 always takes the likeliest token.", 0, 1000},
    {"samplers", text_or_list, "as `penalty_rule`",
     "What cuts and in which order; what is not named cuts nothing. [Which orders there are](#samplers).", 0, 32},
    {"n_probs", integer, "0", "The likeliest tokens to name for each token of the answer, with what its probability was.", 0, 128},
    {"id_slot", integer, "-1",
     "The slot whose session this goes on from and is kept in: where the prompt begins with all of its text, only the rest is read. -1: none.",
     -1, 65536},
    {"return_tokens", boolean, "false", "The answer's token ids in `tokens`; in a stream they are there always."},
    {"timings_per_token", boolean, "false", "`timings` in each piece of a stream."},
    {"return_progress", boolean, "false", "In a stream, pieces with `prompt_progress` while the prompt is read."},
    {"response_fields", list, "all", "The members that the object at the end is to have; `generation_settings/seed` is one of the inner ones.",
     0, 64},
    {"n_keep", integer, "0", "Changes nothing: there is no context that could be full.", -1, most_tokens, Above::clamped},
};

constexpr Refused refused_rows[] = {
    {"dry_multiplier", "[0]", "is not supported; use repeat_penalty, presence_penalty or frequency_penalty"},
    {"xtc_probability", "[0]", "is not supported; use top_p or min_p"},
    {"typical_p", "[1]", "is not supported; use top_p or min_p"},
    {"top_n_sigma", "[-1, 0]", "is not supported; use top_p or min_p"},
    {"adaptive_target", "[-1, 0]", "is not supported; use temperature"},
    {"dynatemp_range", "[0]", "is not supported; use temperature"},
    {"mirostat", "[0]", "is not supported; use top_p"},
    {"min_keep", "[0]", "is not supported: the likeliest token is always kept"},
    {"n_indent", "[0]", "is not supported"},
    {"t_max_predict_ms", "[0]", "is not supported; use n_predict"},
    {"post_sampling_probs", "[false]", "is not supported: probabilities are those of the model before anything is cut"},
    {"lora", "[]", "is not supported for one request; POST /lora-adapters changes them for all"},
};

constexpr Field infill_rows[] = {
    {"input_prefix", text, "required", "What stands before the gap."},
    {"input_suffix", text, "required", "What stands behind it."},
    {"input_extra", list, "none", "Other files, `{\"filename\": ..., \"text\": ...}` each, which are put before everything.", 0, 64},
    {"prompt", text, "none", "How what fills the gap begins."},
};

constexpr Field prompt_object[] = {
    {"prompt_string", text, "required", "The prompt."},
};

constexpr Refused prompt_object_refused[] = {
    {"multimodal_data", "[]", "is not supported: prompts are text"},
};

constexpr Field extra[] = {
    {"filename", text, "none", "The file's name."},
    {"text", text, "none", "What it holds."},
};

}  // namespace

constexpr FieldTable completion_fields{"completion", completion_rows, refused_rows, &form_fields};
constexpr FieldTable infill_fields{"infill", infill_rows, {}, &completion_fields};
constexpr FieldTable prompt_object_fields{"prompts", prompt_object, prompt_object_refused};
constexpr FieldTable extra_fields{"input_extra", extra, {}};

}  // namespace fulmar::api::llama
