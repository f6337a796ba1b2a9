// Reads the fields that all requests for text have in common: sampling, stops, lengths, n and the stream.
#pragma once
#include "answer/fields.h"
#include "fulmar/request.h"

namespace fulmar::api {

constexpr int32_t kRepeatWindow = 64;  // of repeat_penalty where repeat_last_n says nothing, as in llama.cpp
constexpr size_t kStopBytes = 1024;  // of one stop string; docs/http-api.md has it

extern const FieldTable common_fields, stream_option_fields;  // common_tables.cpp

// How often the same prompt is continued, and how the answer travels.
struct Delivery {
  uint32_t choices = 1;  // n
  bool stream = false;
  bool include_usage = false;
  bool timings = false;  // as llama.cpp has them, where the family has no place of its own for what an answer took
  uint32_t chunk = 1;  // tokens of a choice that come at once in a stream, but for its last
};

// What a request asks for where it says nothing.
struct Defaults {
  uint32_t max_tokens;
  Sampling sampling = {};
};

// Fills all of `request` but its prompt. `vocab` bounds token ids. Throws Error(bad_request) or
// Error(unsupported).
Delivery read_common(const Fields& fields, uint32_t vocab, const Defaults& defaults, Request& request);

// The part of it that says how tokens are drawn, where the text ends and what it goes on from: for families that have other
// names for lengths and streams.
void read_drawing(const Fields& fields, uint32_t vocab, const Sampling& usual, Request& request);

// What ends generation, as a list of ids and texts. An id that the vocabulary of `vocab` has not is passed over, for clients
// send those of World to whatever model there is. False where the request says nothing; [] says none.
bool read_mixed_stops(const Fields& fields, std::string_view field, uint32_t vocab, Request& request);

// Of {"token id": number}; a number is from -100 to 100, and false: never.
std::vector<std::pair<Token, float>> read_bias_map(const Fields& fields, std::string_view field, uint32_t vocab);
float bias_of(const json::value& value, std::string_view field);

// A token id of the vocabulary.
Token token_of(const json::value& value, const std::string& name, uint32_t vocab);

}  // namespace fulmar::api
