// Reads what all of rwkv_lightning's requests for text have in common.
#pragma once
#include <string>
#include <vector>

#include "answer/common_fields.h"
#include "answer/context.h"

namespace fulmar::api::lightning {

struct Native {
  Delivery delivery;
  std::string model;                  // the name that the answer repeats
  std::vector<std::string> contents;  // may be none
  Request request;                    // but for its prompt and its streams
};

// By a table on top of native_fields. Throws Error(bad_request).
Native read_native(const Fields& fields, const Context& context, const Engine& engine);

}  // namespace fulmar::api::lightning
