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
    {"model", text, "`rwkv7`", "Any name is taken for the one model there is. The answer repeats it.", 0, 256},
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
constexpr FieldTable status_fields{"state status", status, {}};
constexpr FieldTable delete_fields{"state delete", erasure, {}};

}  // namespace fulmar::api::lightning
