// The fields of the endpoints for states. docs/http-api.md prints these tables; a test compares the two.
#include "api/states/states.h"

namespace fulmar::api::states {
namespace {

using enum FieldType;

constexpr Field forked[] = {
    {"from", text, "required", "The session to copy."},
    {"to", text, "required", "The copy's name."},
    {"replace", boolean, "false", "Whether `to` may exist already, and is then gone."},
    {"back", integer, "0", "So many turns before its last one.", 0, 1'000'000},
};

constexpr Field mixed[] = {
    {"states", list, "required", "The sessions whose states are mixed.", 0, kMixed},
    {"weights", list, "equal ones, 1 in all", "A number for each of them.", 0, kMixed},
    {"to", text, "required", "The session that the mixture becomes."},
    {"replace", boolean, "false", "Whether `to` may exist already, and is then gone."},
};

// Behind the path's question mark.
constexpr Field exported[] = {
    {"format", text, "`state`", "`state`: a safetensors file; `tokens` or `text`: what was said.", 0, 16},
    {"precision", text, "`f32`", "Of a state's numbers: `f32`, which is exact, or `f16`.", 0, 16},
};

constexpr Field imported[] = {
    {"session_id", text, "the one in the file", "The session that the file becomes.", 0, 256},
    {"replace", boolean, "false", "Whether that may exist already, and is then gone."},
};

constexpr Field erased[] = {
    {"below", boolean, "false", "And all whose names begin with this one and a colon."},
};

}  // namespace

constexpr FieldTable export_query{"export", exported, {}};
constexpr FieldTable import_query{"import", imported, {}};
constexpr FieldTable erase_query{"delete", erased, {}};
constexpr FieldTable fork_fields{"fork", forked, {}};
constexpr FieldTable mix_fields{"mix", mixed, {}};

}  // namespace fulmar::api::states
