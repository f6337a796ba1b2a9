// The fields of rwkv_lightning's endpoints. docs/http-api.md prints these tables; a test compares the two.
#include <limits>

#include "api/lightning/lightning.h"

namespace fulmar::api::lightning {
namespace {

using enum FieldType;

constexpr int64_t int64_least = std::numeric_limits<int64_t>::min();
constexpr int64_t int64_most = std::numeric_limits<int64_t>::max();
constexpr int64_t int32_most = std::numeric_limits<int32_t>::max();
constexpr int64_t id_bytes = 256;

constexpr Field native[] = {
    {"contents", list, "required", "Texts, which are continued as they are: no template is applied.", 0, 1024},
    {"max_tokens", integer, "50", "Tokens to make at most.", 0, 1'000'000, Above::clamped},
    {"stop_tokens", list, "`[0, 261, 24281]` with the World vocabulary, else none",
     "What ends generation and is not shown: token ids, texts of up to 1024 bytes, or both. `[]`: none. Token 0 always does.", 0,
     64},
    {"temperature", number, "1", "0 always takes the likeliest token.", 0, 1000},
    {"top_k", integer, "1", "Only so many of the likeliest tokens. 0 or -1: all.", -1, int32_most, Above::clamped},
    {"top_p", number, "0.3", "Only the likeliest tokens that together have this share; `top_k` or this, whichever keeps less.", 0, 1},
    {"alpha_presence", number, "0.5", "What a token pays once it has occurred, by the rule `rapid`.", -100, 100},
    {"alpha_frequency", number, "0.5", "What is added to that each further time.", -100, 100},
    {"alpha_decay", number, "0.996", "What tokens pay is multiplied by it after every token.", 0, 1},
    {"seed", integer, "random", "-1: random.", int64_least, int64_most},
    {"stream", boolean, "false", "Send the text as it is made."},
    {"chunk_size", integer, "4", "Tokens that come at once in a stream.", 1, 256, Above::clamped},
    {"use_prefix_cache", boolean, "true", "Go on from what was read of another prompt that begins alike, where that is there."},
    {"model", text, "`rwkv7`", "The [model](switching.md); without `--models-dir` any name is the one there is. The answer repeats it.", 0, 256},
    {"password", text, "", "Where the server has one: that, if it does not come as a Bearer token."},
};

constexpr Field state[] = {
    {"session_id", text, "none", "The session that the text goes to. None: it goes to a fresh state, and nothing is kept.", 0,
     id_bytes},
};

constexpr Field multi_state[] = {
    {"session_id", text, "required", "The tree's name.", 0, id_bytes},
    {"dialogue_idx", integer, "required", "The node that the text goes to. 0: the root, where nothing was said yet.", 0, int32_most},
};

constexpr Field padded[] = {
    {"pad_zero", boolean, "true", "Token 0 goes before each text."},
};

constexpr Field fast[] = {
    {"max_tokens", integer, "8192", "As above, with other defaults.", 0, 1'000'000, Above::clamped},
    {"top_k", integer, "20", "", -1, int32_most, Above::clamped},
    {"alpha_presence", number, "2", "", -100, 100},
    {"alpha_frequency", number, "0.2", "", -100, 100},
    {"chunk_size", integer, "8", "", 1, 256, Above::clamped},
};

constexpr Field big[] = {
    {"max_tokens", integer, "512", "As above, with other defaults.", 0, 1'000'000, Above::clamped},
    {"chunk_size", integer, "32", "", 1, 256, Above::clamped},
};

constexpr Field templated[] = {
    {"contents", list, "what users said in `messages`", "Texts, each of which is put into the template.", 0, 1024},
    {"messages", list, "none", "In their place: the texts of role `user`, or all where there are none of that role.", 0, 1024},
    {"enable_think", boolean, "false", "true: the answer begins with a thought; false: with an empty one."},
};

constexpr Field message[] = {
    {"role", text, "", "Who said it."},
    {"content", text, "", "What was said."},
};

constexpr Field middle[] = {
    {"prefix", list, "required", "What stands before the gaps.", 0, 1024},
    {"suffix", list, "required", "What stands behind them. Of two lists of other lengths the longer one's rest is left out.", 0, 1024},
};

constexpr Field translation[] = {
    {"source_lang", text, "`auto`", "What the texts are in.", 0, 64},
    {"target_lang", text, "required", "What they are wanted in.", 0, 64},
    {"text_list", list, "required", "The texts.", 0, 1024},
    {"password", text, "", "As above."},
};

constexpr Field count[] = {
    {"text", text, "none", "A text."},
    {"messages", list, "none", "Else a conversation, which is put into the model's chat template.", 0, 1024},
    {"contents", list, "none", "Else texts, whose tokens are added up.", 0, 1024},
    {"password", text, "", "As above."},
};

constexpr Field named[] = {
    {"request_id", text, "all that run", "Which answer is meant.", 0, 64},
    {"password", text, "", "As above."},
};

constexpr Field resumed[] = {
    {"request_id", text, "none", "Which paused answer goes on.", 0, 64},
    {"session_id", text, "none", "In its place: the session of one, the last that was paused where there are several.", 0, id_bytes},
    {"max_tokens", integer, "what was left", "Tokens to make at most from here on, of each text.", 1, 1'000'000, Above::clamped},
    {"chunk_size", integer, "as before", "Tokens that come at once.", 1, 256, Above::clamped},
    {"password", text, "", "As above."},
};

constexpr Field load[] = {
    {"model", FieldType::text, "required", "A model of `--models-dir`, with or without its file's ending."},
};

constexpr Field status[] = {
    {"limit", integer, "1000", "Sessions to list at most.", 0, 10000, Above::clamped},
    {"password", text, "", "As above."},
};

constexpr Field erasure[] = {
    {"session_id", text, "required", "What to delete.", 0, id_bytes},
    {"delete_prefix", boolean, "false", "And all whose names begin with this one and a colon: a tree's nodes."},
    {"password", text, "", "As above."},
};

}  // namespace

constexpr FieldTable native_fields{"lightning", native, {}};
constexpr FieldTable state_fields{"state", state, {}, &native_fields};
constexpr FieldTable multi_state_fields{"multi_state", multi_state, {}, &native_fields};
constexpr FieldTable padded_fields{"v2", padded, {}, &native_fields};
constexpr FieldTable fast_fields{"batch completions", fast, {}, &native_fields};
constexpr FieldTable big_batch_fields{"big batch", big, {}, &native_fields};
constexpr FieldTable templated_fields{"v3", templated, {}, &native_fields};
constexpr FieldTable message_fields{"messages", message, {}};
constexpr FieldTable middle_fields{"FIM", middle, {}, &native_fields};
constexpr FieldTable translation_fields{"translate", translation, {}};
constexpr FieldTable count_fields{"tokens count", count, {}};
constexpr FieldTable named_fields{"stop", named, {}};
constexpr FieldTable resume_fields{"resume", resumed, {}};
constexpr FieldTable load_fields{"model load", load, {}};
constexpr FieldTable status_fields{"state status", status, {}};
constexpr FieldTable delete_fields{"state delete", erasure, {}};

}  // namespace fulmar::api::lightning
