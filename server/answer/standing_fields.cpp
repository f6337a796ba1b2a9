// What requests may say of the values that stand: the fields of RWKV-Runner's ModelConfigBody.
#include "answer/standing.h"

namespace fulmar::api {
namespace {

using enum FieldType;

constexpr Field rows[] = {
    {"max_tokens", integer, "500", "Tokens to make at most.", 1, 102400},
    {"temperature", number, "1", "0 always takes the likeliest token; what is above 0 and below 0.1 is 0.1.", 0, 3},
    {"top_p", number, "0.3", "Only the likeliest tokens that together have this share.", 0, 1},
    {"presence_penalty", number, "0", "Taken off once a token has occurred, by the rule `runner`.", -2, 2},
    {"frequency_penalty", number, "1", "Taken off for each time a token has occurred.", -2, 2},
    {"penalty_decay", number, "0.996", "Occurrences are multiplied by it after every token. 0.99 to 0.999.", 0, 1},
    {"top_k", integer, "0", "Only so many of the likeliest tokens. 0: all.", 0, 100},
    {"state", text, "none", "A tuned state that texts begin from: a file of `--states-dir`, with or without its ending. `\"\"`: none.",
     0, 1024},
};

}  // namespace

constexpr std::span<const Field> model_config{rows};

}  // namespace fulmar::api
