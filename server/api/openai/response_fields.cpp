// The fields of /v1/responses. docs/responses.md prints these tables; a test compares the two.
#include "answer/common_fields.h"
#include "answer/tools.h"
#include "api/openai/account_fields.h"
#include "api/openai/openai.h"

namespace fulmar::api::openai {
namespace {

using enum FieldType;

constexpr int64_t max_tokens_most = 1'000'000;

constexpr Field response_rows[] = {
    {"input", text_or_list, "required", "What is said to the model: a text of the user's, or a list of [items](#items).", 0, 16384},
    {"instructions", text, "none", "A system's text before it, [also in a later response](#going-on).", 0, 1 << 20},
    {"previous_response_id", text, "none", "The response that this one [goes on from](#going-on).", 0, 256},
    {"store", boolean, "true", "Whether the response and its state [are kept](#what-is-kept)."},
    {"max_output_tokens", integer, "4096", "Tokens to make at most, those of the thought included.", 1, max_tokens_most, Above::clamped},
    {"tools", list, "none", "What the model may [call](tools.md): functions, [below](#tools).", 0, kTools},
    {"tool_choice", text_or_map, "`auto`",
     "`auto`, `none`, `required`, `{\"type\": \"function\", \"name\": ...}`, or `{\"type\": \"allowed_tools\", \"mode\": ..., \"tools\": "
     "[...]}`, as [in a chat](tools.md).",
     0, 16},
    {"parallel_tool_calls", boolean, "true", "false: the answer ends after the first call."},
    {"max_tool_calls", integer, "none", "Changes nothing: it is for tools that run on the server, and none do.", 1, max_tokens_most, Above::clamped},
    {"text", map, "none", "Of what form the answer is, [below](#text).", 0, 16},
    {"reasoning", map, "as the template has it", "Whether the answer begins with a thought, [below](#reasoning).", 0, 16},
    {"include", list, "none",
     "`message.output_text.logprobs`: the log probabilities of the answer's tokens. OpenAI's other words are taken, for what they ask for does not occur here.",
     0, 16},
    {"top_logprobs", integer, "0", "With that: so many of the likeliest tokens in each one's place.", 0, 20},
    {"truncation", text, "`disabled`", "`auto` or `disabled`. Neither changes anything: a state takes texts of any length.", 0, 16},
    {"prompt_cache_retention", text, "none", "Changes nothing.", 0, 16},
};

constexpr Refused response_refused[] = {
    {"background", "[false]", "is not supported: an answer is made while its client waits"},
    {"conversation", "[]", "is not supported; previous_response_id goes on from a response"},
    {"prompt", "[]", "is not supported: no prompts are kept on the server; send instructions and input"},
    {"session_id", "[]", "is not supported; previous_response_id goes on from a response"},
    {"n", "[1]", "is not supported: a response is one answer"},
    {"response_format", "[{\"type\": \"text\"}]", "is a chat's; here text.format says it"},
    {"timings_per_token", "[false]", "is for chats and completions"},
    {"return_progress", "[false]", "is for chats and completions"},
};

constexpr Field item_rows[] = {
    {"type", text, "`message`", "`message`, `function_call`, `function_call_output`, `reasoning` or `item_reference`.", 0, 64},
    {"id", text, "one is made", "Of an `item_reference` required: an item of a response that is kept.", 0, 128},
    {"role", text, "required", "Of a `message`: `user`, `assistant`, `system` or `developer`.", 0, 16},
    {"content", text_or_list, "required", "Of a `message`: a text, or a list of parts. Of `reasoning` none.", 0, 1024},
    {"name", text, "required", "Of a `function_call`: the tool.", 0, 256},
    {"arguments", text, "`{}`", "Of a `function_call`: a JSON object as text."},
    {"call_id", text, "none", "Of a `function_call`, and of the `function_call_output` that answers it.", 0, 256},
    {"output", text_or_list, "none", "Of a `function_call_output`: a text, or a list of parts.", 0, 1024},
};

constexpr Field part_rows[] = {
    {"type", text, "required", "`input_text`, `output_text` or `text`; the assistant's may be a `refusal`.", 0, 64},
    {"text", text, "required", "Its text."},
    {"refusal", text, "required", "Of a `refusal`, in place of that."},
};

constexpr Field tool_rows[] = {
    {"type", text, "required", "`function`. Tools that run at OpenAI's are refused.", 0, 64},
    {"name", text, "required", "Letters, digits and `_-.:/`, up to 128. No two tools have the same."},
    {"description", text, "none", "What it does, and when it is of use: the model reads it."},
    {"parameters", map, "none", "A JSON schema of the object that its arguments are. The model reads it as you spell it."},
    {"strict", boolean, "false", "Arguments are bound to the schema, which must be one that [can be kept to](structured.md)."},
};

constexpr Field text_rows[] = {
    {"format", map, "`{\"type\": \"text\"}`", "The form.", 0, 16},
    {"verbosity", text, "`medium`", "`low`, `medium` or `high`. Changes nothing.", 0, 16},
};

constexpr Field format_rows[] = {
    {"type", text, "required", "`text`, `json_object` (any JSON object) or `json_schema` (JSON of [this schema](structured.md)).", 0, 32},
    {"name", text, "none", "Of the schema; counts for nothing.", 0, 64},
    {"description", text, "none", "Likewise."},
    {"schema", map, "required with that type", "The schema."},
    {"strict", boolean, "false", "Members stand as they do in the schema."},
};

constexpr Field reasoning_rows[] = {
    {"effort", text, "as the template has it",
     "`none` or `minimal`: the answer begins with an empty thought; `low`, `medium`, `high` (`xhigh`, `max`): with a thought, as `reasoning_effort` "
     "[has it in a chat](http-api.md#templates-and-thoughts).",
     0, 16},
    {"summary", text, "none", "`auto`, `concise` or `detailed`. Changes nothing: the whole thought is shown.", 0, 16},
    {"generate_summary", text, "none", "Its older name.", 0, 16},
};

constexpr Field get_rows[] = {
    {"stream", boolean, "false", "true is refused: nothing is told a second time."},
};

constexpr Field list_rows[] = {
    {"limit", integer, "20", "So many at most.", 1, 100},
    {"order", text, "`desc`", "`desc`: the last first; `asc`: as they were sent.", 0, 8},
    {"after", text, "none", "Those that come behind this item.", 0, 128},
};

}  // namespace

constexpr FieldTable response_fields{"responses", response_rows, response_refused, &response_account_fields};
constexpr FieldTable item_fields{"items", item_rows, {}};
constexpr FieldTable item_part_fields{"parts of items", part_rows, {}};
constexpr FieldTable response_tool_fields{"tools of responses", tool_rows, {}};
constexpr FieldTable text_fields{"text", text_rows, {}};
constexpr FieldTable text_format_fields{"text.format", format_rows, {}};
constexpr FieldTable reasoning_fields{"reasoning", reasoning_rows, {}};
constexpr FieldTable response_query{"of a response", get_rows, {}};
constexpr FieldTable input_item_query{"of a list of items", list_rows, {}};

}  // namespace fulmar::api::openai
