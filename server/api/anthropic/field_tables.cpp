// The fields of Anthropic's endpoints. docs/anthropic.md prints these tables; a test compares the two.
#include "answer/common_fields.h"
#include "answer/tools.h"
#include "api/anthropic/anthropic.h"

namespace fulmar::api::anthropic {
namespace {

using enum FieldType;

constexpr int64_t max_tokens_most = 1'000'000;

constexpr Field request[] = {
    {"messages", list, "required", "What was said so far, oldest first.", 0, 16384},
    {"system", text_or_list, "none", "What is said before it: a text, or blocks of type `text`.", 0, 1024},
    {"max_tokens", integer, "required; `/v1/messages/count_tokens` needs none", "Tokens to make at most, those of the thought included.", 1,
     max_tokens_most, Above::clamped},
    {"tools", list, "none", "What the model may [call](tools.md), [below](#tools).", 0, kTools},
    {"tool_choice", map, "`{\"type\": \"auto\"}`", "How it may, [below](#tools).", 0, 16},
    {"stop_sequences", list, "none", "The answer ends before the first of these texts, of up to 1024 bytes each.", 0, 16},
    {"thinking", map, "no thought", "Whether the answer begins with a thought, [below](#thinking).", 0, 16},
    {"output_config", map, "none", "How long a thought is asked for, [below](#thinking).", 0, 16},
    {"metadata", map, "none", "Is taken and means nothing.", 0, 16},
    {"service_tier", text, "`auto`", "`auto` or `standard_only`, which mean the same here.", 0, 16},
};

constexpr Refused request_refused[] = {
    {"n", "[1]", "is not supported: an answer is one message"},
    {"session_id", "[]", "is not supported; /v1/chat/completions takes it"},
    {"container", "[]", "is not supported: nothing is run on the server"},
    {"mcp_servers", "[]", "is not supported: the server calls no others"},
    {"context_management", "[]", "is not supported: messages are read as they are sent"},
    {"thread", "[]", "is not supported: send all messages"},
    {"toolsets", "[]", "is not supported: send tools"},
};

constexpr Field turn[] = {
    {"role", text, "required", "`user` or `assistant`, or `system`. Where the last message is the assistant's, its text goes on.", 0, 16},
    {"content", text_or_list, "required", "A text, or a list of blocks.", 0, 1024},
};

constexpr Field block[] = {
    {"type", text, "required", "`text`, `tool_use`, `tool_result`, `thinking` or `redacted_thinking`.", 0, 64},
    {"text", text, "required", "Of a block of type `text`."},
    {"id", text, "none", "Of a `tool_use`: its name in its `tool_result`.", 0, 256},
    {"name", text, "required", "Of a `tool_use`: the tool.", 0, 256},
    {"input", map, "`{}`", "Of a `tool_use`: its arguments. Its numbers reach the model as you spell them."},
    {"tool_use_id", text, "none", "Of a `tool_result`: whose.", 0, 256},
    {"content", text_or_list, "none", "Of a `tool_result`: a text, or blocks of type `text`.", 0, 1024},
    {"is_error", boolean, "false", "Of a `tool_result`: the model is told that it is one."},
};

constexpr Field tool[] = {
    {"type", text, "`custom`", "`custom`. Tools that run at Anthropic's are refused.", 0, 64},
    {"name", text, "required", "Letters, digits and `_-.:/`, up to 128. No two tools have the same."},
    {"description", text, "none", "What it does, and when it is of use: the model reads it."},
    {"input_schema", map, "none", "A JSON schema of the object that its arguments are. The model reads it as you spell it."},
    {"strict", boolean, "false", "Arguments are bound to the schema, which must be one that [can be kept to](structured.md)."},
};

constexpr Field choice[] = {
    {"type", text, "required", "`auto`: the model decides. `any`: the answer is a call, or several. `tool`: it is one call of the tool `name`. `none`: the model is told of no tools.", 0, 16},
    {"name", text, "none", "Which, of `tool`."},
    {"disable_parallel_tool_use", boolean, "false", "true: the answer ends after the first call."},
};

constexpr Field thinking[] = {
    {"type", text, "required", "`enabled` or `adaptive`: with a thought; `disabled`: without.", 0, 16},
    {"budget_tokens", integer, "`--reasoning-budget`", "Tokens that the thought may have; then it is closed, and the answer follows.", 1,
     max_tokens_most, Above::clamped},
    {"display", text, "`summarized`", "`summarized`: the thought is shown as it is made. `omitted`: its block is there, and empty.", 0, 16},
};

constexpr Field output[] = {
    {"effort", text, "none",
     "With a thought, for models that were trained on these words: `low` adds ` (think a bit)` to what the user said last, `medium` ` (think)`, `high`, "
     "`xhigh` and `max` ` (think a lot)`.",
     0, 16},
    {"format", map, "none", "`{\"type\": \"json_schema\", \"schema\": {...}}`: the answer is JSON that is held to [this schema](structured.md)."},
};

constexpr Field format_rows[] = {
    {"type", text, "required", "`json_schema`.", 0, 16},
    {"schema", map, "required", "The schema."},
};

}  // namespace

constexpr FieldTable request_fields{"Anthropic's messages", request, request_refused, &common_fields};
constexpr FieldTable turn_fields{"Anthropic's turns", turn, {}};
constexpr FieldTable block_fields{"Anthropic's blocks", block, {}};
constexpr FieldTable tool_fields{"Anthropic's tools", tool, {}};
constexpr FieldTable choice_fields{"tool_choice", choice, {}};
constexpr FieldTable thinking_fields{"thinking", thinking, {}};
constexpr FieldTable format_fields{"output_config.format", format_rows, {}};
constexpr FieldTable output_fields{"output_config", output, {}};

}  // namespace fulmar::api::anthropic
