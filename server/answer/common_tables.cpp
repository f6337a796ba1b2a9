// The fields that every family's requests for text have. docs/http-api.md prints them; a test compares the two.
#include <limits>

#include "answer/common_fields.h"
#include "fulmar/sampling.h"

namespace fulmar::api {
namespace {

using enum FieldType;

constexpr int64_t int64_least = std::numeric_limits<int64_t>::min();
constexpr int64_t int64_most = std::numeric_limits<int64_t>::max();
constexpr int64_t int32_most = std::numeric_limits<int32_t>::max();

constexpr Field common[] = {
    {"model", text, "", "The [model](switching.md); without `--models-dir` any name is the one there is."},
    {"stream", boolean, "false", "Send the text as it is made."},
    {"stream_options", map, "", "`{\"include_usage\": true}`: one more event with `usage` before `[DONE]`."},
    {"n", integer, "1",
     "Answers to the same prompt. With a `seed` they differ from each other, and come out the same again.", 1,
     128},
    {"stop", text_or_list, "none",
     "Generation ends before the first of these texts, of up to 1024 bytes each, and no part of it is shown. In a chat they count "
     "in a thought too.",
     0, 16},
    {"include_stop_str_in_output", boolean, "false",
     "Show the text of `stop` that ended the answer behind it. A [session](#sessions) is kept without it."},
    {"stop_token_ids", list, "none", "Token ids that end generation.", 0, 256},
    {"ignore_eos", boolean, "false",
     "Go on past the end-of-text token, and in a chat past the end of the answer, up to `max_tokens`."},
    {"temperature", number, "1", "0 always takes the likeliest token.", sampling_range::temperature.least,
     sampling_range::temperature.most},
    {"top_p", number, "1", "Only the likeliest tokens that together have this share.",
     sampling_range::top_p.least, sampling_range::top_p.most},
    {"top_k", integer, "0", "Only so many of the likeliest tokens. 0 or -1: all.", -1, int32_most,
     Above::clamped},
    {"min_p", number, "0", "Only tokens of at least this share of the likeliest one's probability.",
     sampling_range::min_p.least, sampling_range::min_p.most},
    {"presence_penalty", number, "0", "Taken off once a token has occurred.",
     sampling_range::presence_penalty.least, sampling_range::presence_penalty.most},
    {"frequency_penalty", number, "0", "Taken off for each time a token has occurred.",
     sampling_range::frequency_penalty.least, sampling_range::frequency_penalty.most},
    {"penalty_decay", number, "1", "Occurrences are multiplied by it after every token.",
     sampling_range::penalty_decay.least, sampling_range::penalty_decay.most},
    {"penalty_rule", text, "`openai`, with a `penalty_decay` `pipeline`",
     "`openai`, `pipeline`, `runner`, `llama`, `rapid`, `ai00` or `batch`: [what occurrences cost and which cut comes first](#penalties).", 0, 16},
    {"repetition_penalty", number, "1",
     "Logits of tokens in the prompt and the answer are divided by it where they are positive, else "
     "multiplied. 0: 1.",
     sampling_range::repetition_penalty.least, sampling_range::repetition_penalty.most},
    {"repeat_penalty", number, "1",
     "The same for the last `repeat_last_n` tokens, as llama.cpp has it; `repetition_penalty` wins.",
     sampling_range::repetition_penalty.least, sampling_range::repetition_penalty.most},
    {"repeat_last_n", integer, "64, all with `repetition_penalty`",
     "The last tokens of prompt and answer that these look at. -1: all.", -1, int32_most, Above::clamped},
    {"logit_bias", map_or_list, "none",
     "`{\"token id\": number}`, or `[[token id, number]]`: -100 to 100, added to the token's logit. false: the token never comes.", 0, 4096},
    {"seed", integer, "random", "-1: random.", int64_least, int64_most},
    {"session_id", text, "none",
     "The [session](#sessions) that this goes on from and is kept in; where there is none of this name, it begins one.", 0, 256},
    {"use_prefix_cache", boolean, "true", "Go on from what was read of another prompt that begins alike, where that is there."},
    {"cache_prompt", boolean, "true", "Its name in llama.cpp. Either can switch it off."},
};

constexpr Refused common_refused[] = {
    {"tools", "[]", "is for chats; a text that is continued has no place for tools"},
    {"tool_choice", "[\"none\", \"auto\"]", "is for chats, as tools are"},
    {"functions", "[]", "is for chats; a text that is continued has no place for functions"},
    {"function_call", "[\"none\", \"auto\"]", "is for chats, as functions are"},
    {"response_format", "[\"\", {\"type\": \"text\"}]",
     "may be {\"type\": \"text\"} only: forms are for /v1/chat/completions and /v1/completions", true},
    {"modalities", "[[\"text\"]]", "may be [\"text\"] only"},
    {"audio", "[]", "is not supported: answers are text"},
    {"web_search_options", "[]", "is not supported: nothing is searched", true},
    {"grammar", "[]", "is for /v1/chat/completions and /v1/completions, where answers can be held to a form"},
    {"json_schema", "[]", "is for /v1/chat/completions and /v1/completions, where answers can be held to a form"},
    {"structured_outputs", "[]", "is for /v1/chat/completions and /v1/completions, where answers can be held to a form"},
    {"guided_*", "[]", "is not one of those that can be held to: guided_json, guided_regex, guided_choice and guided_grammar, of /v1/chat/completions and /v1/completions"},
    {"allowed_token_ids", "[]", "is not supported; use logit_bias"},
    {"bad_words", "[]", "is not supported; use logit_bias"},
    {"min_tokens", "[0]", "is not supported; ignore_eos goes on up to max_tokens"},
    {"use_beam_search", "[false]", "is not supported"},
    {"global_penalty", "[false]", "is not supported: a prompt's tokens do not count for the penalties"},
    {"chat_template", "[]", "is not supported; chat_template_kwargs takes the name of one that is known as rwkv_prompt_template"},
};

constexpr Field stream_option[] = {
    {"include_usage", boolean, "false", "One more event with `usage` before `[DONE]`."},
};

}  // namespace

constexpr FieldTable common_fields{"both", common, common_refused};
constexpr FieldTable stream_option_fields{"stream_options", stream_option, {}};

}  // namespace fulmar::api
