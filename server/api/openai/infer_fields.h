// What RWKV-Infer's clients say in a chat beside OpenAI's fields: defaults of theirs, and the gates of a mixture.
#pragma once
#include <vector>

#include "answer/fields.h"
#include "host/served.h"

namespace fulmar::api::openai {

struct InferFields {
  bool present = false;             // the client is one of RWKV-Infer's: what it leaves open is as there
  json::object params = {};         // what counts of `params`, where the request itself says nothing
  std::vector<float> gates = {};    // mrss_gatingweight; none: the name's own
};

// By the table chat_fields. A name's own temperature and top_p outrank `params`. Throws Error(bad_request).
InferFields read_infer_fields(const json::object& body, const host::Served& served);

// Of a chat for that name. `params` without a max_tokens stands for 1000.
uint32_t default_tokens(const InferFields& fields, const host::Served& served, uint32_t otherwise);

}  // namespace fulmar::api::openai
