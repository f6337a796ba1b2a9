// The marks of RWKV's training data.
#include "answer/middle.h"

#include <fmt/format.h>

namespace fulmar::api {

std::string fill_in_the_middle(std::string_view before, std::string_view behind) {
  return fmt::format("✿prefix✿✿suffix✿{}✿middle✿{}", behind, before);
}

}  // namespace fulmar::api
