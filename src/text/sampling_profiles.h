// What a model's makers draw with, from the generation configs of Hugging Face's folders.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "fulmar/sampling.h"

namespace fulmar {

// The fields of a generation_config.json; those it leaves out are neutral. With a penalty_decay it is one of RWKV's own,
// which mean the rapid rule. Nothing where it has none of the fields. Throws Error(bad_file), naming the file and the
// field, for what is no JSON object and for values out of their range.
std::optional<Sampling> read_generation_config(std::string_view json, const std::string& name);

}  // namespace fulmar
