// The fields of Ollama's endpoints. docs/ollama.md prints these tables; a test compares the two.
#include "answer/common_fields.h"
#include "answer/tools.h"
#include "api/ollama/ollama.h"

namespace fulmar::api::ollama {
namespace {

using enum FieldType;

constexpr Field model_row = {"model", text, "", "The [model](switching.md), with or without `:latest`; without `--models-dir` any name is the one there is.", 0, 1024};
constexpr Field keep_row = {"keep_alive", number_or_text, "as `serve` was told",
                            "How long the model stays loaded when nobody asks for it: seconds, or `\"5m\"`, `\"1h30m\"`. 0: it goes when this is answered; less: it stays.",
                            -1'000'000'000, 1'000'000'000};
constexpr Field options_row = {"options", map, "none", "How the text is drawn, [below](#options).", 0, 64};

constexpr Field logprobs_row = {"logprobs", boolean, "false", "How likely the tokens of the answer's text were: `logprobs`, a list beside each piece of it."};
constexpr Field top_row = {"top_logprobs", integer, "0", "With `logprobs`: so many of the likeliest tokens beside each.", 0, 20};

constexpr Field chat_rows[] = {
    model_row,
    {"messages", list, "none: the model is loaded", "What was said so far, oldest first.", 0, 16384},
    {"tools", list, "none", "What the model may [call](tools.md), spelled as OpenAI has it.", 0, kTools},
    {"format", text_or_map, "none", "`json`: the answer is a JSON object; or a JSON schema that [it is held to](structured.md)."},
    {"stream", boolean, "true", "A line of JSON for each piece of text; false: one object."},
    {"think", boolean, "as the template has it", "true: with a thought, which comes apart as `thinking`; `\"low\"`, `\"medium\"`, `\"high\"`, `\"max\"`: the same, and how long; false: without."},
    logprobs_row,
    top_row,
    options_row,
    keep_row,
};

constexpr Field generate_rows[] = {
    model_row,
    {"prompt", text, "none: the model is loaded", "What the model is asked: a user's message for the chat template, or with `raw` the text to go on with."},
    {"suffix", text, "none", "What comes behind a gap: the model writes what stands between, without a template, as models that were trained on it can."},
    {"system", text, "none", "What is said before it."},
    {"raw", boolean, "false", "true: the prompt is read as it is, without a template."},
    {"context", list, "none", "The `context` of an earlier answer: the conversation goes on.", 0, 262144},
    {"format", text_or_map, "none", "`json`: the answer is a JSON object; or a JSON schema that [it is held to](structured.md)."},
    {"stream", boolean, "true", "A line of JSON for each piece of text; false: one object."},
    {"think", boolean, "as the template has it", "As above."},
    logprobs_row,
    top_row,
    options_row,
    keep_row,
};

constexpr Refused refused[] = {
    {"images", "[]", "is not supported: the model reads text only"},
    {"template", "[]", "is not supported: the model's own template is applied; raw reads a prompt without"},
    {"_debug_render_only", "[false]", "is not supported; POST /apply-template shows what a model reads"},
};

constexpr Field option[] = {
    {"num_predict", integer, "4096", "Tokens to make at most, a thought's included. -1 or -2: no limit of yours.", -2, 1'000'000, Above::clamped},
};

constexpr Refused option_refused[] = {
    {"n", "[1]", "is not supported: there is one answer"},
    {"session_id", "[]", "is not supported; /v1/chat/completions takes it"},
    {"typical_p", "[1]", "is not supported; use top_p or min_p"},
    {"tfs_z", "[1]", "is not supported; use top_p or min_p"},
    {"mirostat", "[0]", "is not supported; use top_p or min_p"},
};

constexpr Field message[] = {
    {"role", text, "required", "`system`, `user`, `assistant` or `tool`. Where the last message is the assistant's, its text goes on.", 0, 64},
    {"content", text, "none", "A text."},
    {"thinking", text, "none", "An earlier thought, which is left out."},
    {"tool_calls", list, "none", "Calls that the assistant made: `{\"function\": {\"name\": ..., \"arguments\": {...}}}` each.", 0, 128},
    {"tool_name", text, "none", "Of a `tool`: which one was called.", 0, 256},
    {"tool_call_id", text, "none", "Of a `tool`: which call it answers.", 0, 256},
};

constexpr Refused message_refused[] = {
    {"images", "[]", "is not supported: the model reads text only"},
};

constexpr Field call[] = {
    {"id", text, "its function's name", "What its output calls it by.", 0, 256},
    {"function", map, "required", "What was called."},
};

constexpr Field function[] = {
    {"name", text, "required", "Its name.", 0, 256},
    {"arguments", map, "`{}`", "Its arguments. Its numbers reach the model as you spell them."},
};

constexpr Field embed_rows[] = {
    model_row,
    {"input", text_or_list, "none: the model is loaded", "A text, or a list of them. None may be empty.", 0, 2048},
    {"dimensions", integer, "all", "Only so many of the first numbers, at length 1 again.", 1, 65536},
    {"options", map, "none", "Mean nothing here.", 0, 64},
    keep_row,
};

constexpr Field old_embed[] = {
    model_row,
    {"prompt", text, "none: the model is loaded", "A text."},
    {"options", map, "none", "Mean nothing here.", 0, 64},
    keep_row,
};

constexpr Field show[] = {
    {"model", text, "the current one", "The model.", 0, 1024},
    {"name", text, "none", "Its older name.", 0, 1024},
};

}  // namespace

constexpr FieldTable chat_fields{"Ollama's chat", chat_rows, refused};
constexpr FieldTable generate_fields{"Ollama's generate", generate_rows, refused};
constexpr FieldTable option_fields{"Ollama's options", option, option_refused, &common_fields};
constexpr FieldTable message_fields{"Ollama's messages", message, message_refused};
constexpr FieldTable call_fields{"Ollama's tool_calls", call, {}};
constexpr FieldTable function_fields{"Ollama's tool_calls.function", function, {}};
constexpr FieldTable embed_fields{"Ollama's embed", embed_rows, {}};
constexpr FieldTable old_embed_fields{"Ollama's embeddings", old_embed, {}};
constexpr FieldTable show_fields{"Ollama's show", show, {}};

}  // namespace fulmar::api::ollama
