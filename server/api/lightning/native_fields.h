// Reads what all of rwkv_lightning's requests for text have in common.
#pragma once
#include <string>
#include <vector>

#include "answer/common_fields.h"
#include "answer/context.h"
#include "answer/row.h"

namespace fulmar::api::lightning {

struct Native {
  Delivery delivery;
  std::string model;                  // the name that the answer repeats
  std::vector<std::string> contents;  // may be none
  Request request;                    // but for its prompt and its streams
};

// What an endpoint takes where a request says nothing.
struct NativeDefaults {
  Sampling sampling;
  uint32_t max_tokens = 50, chunk = 4;
};

// rwkv_lightning's as it was first published. Where the server was started with a profile for all requests, that one's
// numbers go before those of any endpoint.
NativeDefaults first_defaults(const Context& context);
NativeDefaults defaults_of(const Context& context, const Sampling& sampling, uint32_t max_tokens, uint32_t chunk);

// By a table on top of native_fields. Throws Error(bad_request).
Native read_native(const Fields& fields, const Context& context, const Engine& engine, const NativeDefaults& defaults);
Native read_native(const Fields& fields, const Context& context, const Engine& engine);  // by first_defaults()

// The texts of a list; none where it is absent.
std::vector<std::string> read_texts(const Fields& fields, std::string_view field);

// What was said, without calls. Throws Error(bad_request).
std::vector<ChatMessage> read_messages(const Fields& fields);

// Where the body's list has more texts than one answer may have, this answers with the bound, as its clients know it.
bool is_refused_for_size(const Call& call, std::string_view field);

}  // namespace fulmar::api::lightning
