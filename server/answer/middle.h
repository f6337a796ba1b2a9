// The prompt of a text with a gap, as RWKV models are trained to fill it.
#pragma once
#include <string>
#include <string_view>

namespace fulmar::api {

// What the model writes behind it stands between the two.
std::string fill_in_the_middle(std::string_view before, std::string_view behind);

}  // namespace fulmar::api
