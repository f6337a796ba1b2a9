// The fields of the OpenAI endpoints. docs/http-api.md prints these tables; a test compares the two.
#include <limits>

#include "answer/forms.h"
#include "answer/tools.h"
#include "api/openai/account_fields.h"
#include "api/openai/openai.h"
#include "api/openai/words.h"

namespace fulmar::api::openai {
namespace {

using enum FieldType;

constexpr int64_t max_tokens_most = 1'000'000;

constexpr Field completion[] = {
    {"prompt", text_or_list, "required",
     "A text, a list of texts, a list of token ids (as many as a prompt may have tokens), or a list of such lists. An "
     "empty text: a document's beginning.",
     0, 1024},
    {"max_tokens", integer, "16",
     "Tokens to make at most. -1: no limit of yours. 0: none, for `echo` and `usage`.", -1, max_tokens_most,
     Above::clamped},
    {"max_completion_tokens", integer, "`max_tokens`", "The newer name of the same; it wins.", -1,
     max_tokens_most, Above::clamped},
    {"echo", boolean, "false", "Put the prompt before the text."},
    {"logprobs", integer, "none",
     "The natural logarithm of each token's probability, and of so many of the likeliest ones' in its place, [as follows](#log-probabilities).", 0,
     20},
    {"prompt_logprobs", integer, "none", "The same of the prompt's tokens, in vLLM's form. Not in a stream.", 0, 20},
    {"best_of", integer, "`n`",
     "So many are drawn, and the `n` with the highest logarithm of probability a token on average are answered, the best first. All count in `usage`. Not in a stream.", 1, 128},
    {"suffix", text, "none",
     "What comes behind the gap that is to be filled: the prompt is then `✿prefix✿✿suffix✿SUFFIX✿middle✿PROMPT`, as RWKV models are trained on gaps (those of rwkv_lightning's). "
     "Not with `echo`, nor with token ids.", 0, 1 << 20},
};

constexpr Field embedding[] = {
    {"input", text_or_list, "required",
     "A text, a list of texts, a list of token ids, or a list of such lists. None may be empty.", 0, 2048},
    {"model", text, "", "The [model](switching.md); without `--models-dir` any name is the one there is."},
    {"encoding_format", text, "`float`", "`float`, or `base64`: the vector's bytes, 32-bit floats, lowest byte first.", 0, 16},
    {"task", text, "`retrieval`",
     "What the vectors are for, with models made for that: `retrieval`, `similarity` or `classification`.", 0, 32},
    {"dimensions", integer, "all", "Only so many of the first numbers, at length 1 again.", 1, 65536},
};

constexpr Field chat[] = {
    {"messages", list, "required", "What was said so far, oldest first.", 0, 16384},
    {"max_completion_tokens", integer, "`max_tokens`", "Tokens to make at most; the newer name.", -1,
     max_tokens_most, Above::clamped},
    {"max_tokens", integer, "4096", "The same. -1: no limit of yours. 0: none, for `usage`.", -1,
     max_tokens_most, Above::clamped},
    {"reasoning_effort", text, "",
     "`none` or `minimal`: the answer begins with an empty thought; `low`, `medium`, `high`: with a thought, and for "
     "models that were trained on them (RWKV-7 G1) after the words ` (think a bit)`, ` (think)` or ` (think a lot)` at "
     "the end of the last user's text; anything else: with a thought.",
     0, 64},
    {"enable_think", boolean, "", "true: the answer begins with a thought; false: with an empty one."},
    {"enable_thinking", boolean, "", "Its other name."},
    {"think_type", text, "",
     "The same in rwkv_lightning's words: `fast` (an empty thought), `free` (a thought), `preferChinese` (a thought "
     "that begins in Chinese), `en`, `enShort`, `enLong` (a thought, after ` (think)`, ` (think a bit)`, ` (think a "
     "lot)`).",
     0, 64},
    {"thinking_budget", integer, "`--reasoning-budget`",
     "Tokens that a thought may have; then it is closed, and the answer follows. 0: an empty thought instead of one. -1: no limit.", -1,
     max_tokens_most, Above::clamped},
    {"reasoning_format", text, "`auto`",
     "`auto` or `deepseek`: the thought is `reasoning_content` and the answer `content`. `none`: both are `content`, the "
     "thought as `<think>...</think>`.",
     0, 64},
    {"chat_template_kwargs", map, "", "What a template takes, [below](#templates-and-thoughts). Other members are refused.",
     0, 16},
    {"continue_final_message", boolean, "whether the last message is the assistant's",
     "true: the last message's text goes on, and the answer is what follows it; refused where that is a tool's output "
     "or an assistant's message without text or with calls. false: a new turn begins."},
    {"add_generation_prompt", boolean, "true", "false is taken only where the last message goes on."},
    {"user_name", text, "`User`",
     "What this speaker is called in the prompt and in what ends an answer. One line.", 0, 64},
    {"assistant_name", text, "`Assistant`", "The same.", 0, 64},
    {"system_name", text, "`System`", "The same.", 0, 64},
    {"presystem", boolean, "false",
     "Before the first message an exchange in which the assistant promises to answer in full, as RWKV-Runner "
     "has it."},
    {"params", map, "none",
     "As RWKV-Infer has it: `user_name`, `assistant_name`, `system_name`, `max_tokens` (1000), `temperature`, `top_p`, "
     "`presence_penalty`, `frequency_penalty` and `penalty_decay` where the request itself does not say them.",
     0, 64},
    {"logprobs", boolean, "false",
     "The natural logarithm of the probability of each of the answer's tokens, [as follows](#log-probabilities)."},
    {"top_logprobs", integer, "0", "With `logprobs`: so many of the likeliest tokens in its place.", 0, 20},
    {"prompt_logprobs", integer, "none", "The same of the prompt's tokens, in vLLM's form. Not in a stream.", 0, 20},
    {"mrss_gatingweight", list, "as set",
     "Gates of a [mixture of states](infer.md), numbers or texts of them from -1000 to 1000, for this answer alone.", 0, 64},
};

constexpr Field lightning_chat_rows[] = {
    {"messages", list, "`contents`", "What was said so far, oldest first.", 0, 16384},
    {"system", text, "none", "A system's text before them.", 0, 1 << 20},
    {"contents", list, "none", "Its first text is one more question, behind them.", 0, 1024},
    {"max_tokens", integer, "4096", "Tokens to make at most.", -1, max_tokens_most, Above::clamped},
    {"stop_tokens", list, "`[\"\\nUser:\"]`", "What ends generation beside the template's own ends: token ids, texts, or both.", 0, 64},
    {"temperature", number, "1", "0 always takes the likeliest token.", 0, 1000},
    {"top_k", integer, "20", "Only so many of the likeliest tokens. 0 or -1: all.", -1, std::numeric_limits<int32_t>::max(),
     Above::clamped},
    {"top_p", number, "0.6", "Only the likeliest tokens that together have this share; `top_k` or this, whichever keeps less.", 0, 1},
    {"alpha_presence", number, "1", "What a token pays once it has occurred, by the rule `rapid`.", -100, 100},
    {"alpha_frequency", number, "0.1", "What is added to that each further time.", -100, 100},
    {"alpha_decay", number, "0.996", "What tokens pay is multiplied by it after every token.", 0, 1},
    {"enable_think", boolean, "false", "true: the answer begins with a thought; false: with an empty one."},
    {"chunk_size", integer, "1", "Tokens that come at once in a stream.", 1, 256, Above::clamped},
    {"password", text, "", "Where the server has one: that, if it does not come as a Bearer token."},
};

constexpr Refused completion_refused[] = {
    {"top_logprobs", "[0]", "is a chat's; here logprobs says how many"},
};

constexpr Refused chat_refused[] = {
    {"suffix", "[]", "is not supported in a chat; completions have it"},
    {"echo", "[false]", "is not supported in a chat"},
};

constexpr Field message[] = {
    {"role", text, "required", "`system` (or `developer`), `user`, `assistant` or `tool` (or `function`)."},
    {"content", text_or_list, "required",
     "A text, or a list of parts `{\"type\": \"text\", \"text\": ...}`. An assistant's and a tool's may be "
     "absent.",
     0, 1024},
    {"tool_calls", list, "none",
     "Calls that an assistant made in this turn: `{\"id\": ..., \"function\": {\"name\": ..., \"arguments\": ...}}` each, the "
     "arguments a JSON object or one as text.",
     0, 128},
    {"function_call", map, "none", "The older form of one call: its `function`."},
    {"tool_call_id", text, "none", "Whose output a tool's is: outputs come into the order of their calls.", 0, 1024},
};

constexpr Field call[] = {
    {"id", text, "none", "Any text that no other call of the turn has.", 0, 1024},
    {"function", map, "required", "What was called."},
};

constexpr Field function[] = {
    {"name", text, "required", "Its name."},
    {"arguments", text, "`{}`", "A JSON object, or one as text. Its numbers reach the model as you spell them, and so does all of a text."},
};

constexpr Field part[] = {
    {"type", text, "required", "`text`."},
    {"text", text, "required", "The text."},
};

constexpr Field template_option[] = {
    {"enable_thinking", boolean, "", "As `enable_think`."},
    {"rwkv_prompt_template", text, "the model's", "The name of another template.", 0, 64},
    {"rwkv_generation_prompt", text, "the template's", "`open_think`, `fake_think` (an empty thought) or `no_think`.", 0,
     64},
};

}  // namespace

constexpr Family family{"openai", error_words};

constexpr FieldTable completion_fields{"completions", completion, completion_refused, &account_fields};
constexpr FieldTable chat_fields{"chat", chat, chat_refused, &chat_account_fields};
constexpr FieldTable lightning_chat_fields{"lightning chat", lightning_chat_rows, {}, &chat_fields};
constexpr FieldTable embedding_fields{"embeddings", embedding, {}};
constexpr FieldTable message_fields{"messages", message, {}};
constexpr FieldTable part_fields{"parts", part, {}};
constexpr FieldTable call_fields{"tool_calls", call, {}};
constexpr FieldTable function_fields{"tool_calls.function", function, {}};
constexpr FieldTable template_option_fields{"chat_template_kwargs", template_option, {}};

}  // namespace fulmar::api::openai
