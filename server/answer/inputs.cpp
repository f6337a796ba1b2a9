// Reads one or several texts; see inputs.h.
#include "answer/inputs.h"

#include <fmt/format.h>

#include "answer/common_fields.h"

namespace fulmar::api {
namespace {

std::vector<Token> tokens_of(const json::array& array, const std::string& field, uint32_t vocab) {
  std::vector<Token> tokens;
  tokens.reserve(array.size());
  for (const json::value& token : array) tokens.push_back(token_of(token, field, vocab));
  return tokens;
}

}  // namespace

Error of_entry(const Error& error, std::string_view field, size_t i) {
  const std::string_view sentence = error.what();
  if (error.param() != field || !sentence.starts_with(field)) return error;
  return {error.kind(), fmt::format("{}[{}]{}", field, i, sentence.substr(field.size())), error.param()};
}

std::vector<PromptInput> read_inputs(const Fields& fields, std::string_view field, uint32_t vocab) {
  const std::string name(field);
  const json::value* prompt = fields.find(field);
  if (!prompt) bad_field(field, "is missing");
  std::vector<PromptInput> prompts;
  const auto add = [&](const json::value& value) {
    PromptInput& input = prompts.emplace_back();
    if (value.is_string()) {
      input.text = string_of(value, field);
    } else if (value.is_array() && !value.get_array().empty()) {
      input.tokens = tokens_of(value.get_array(), name, vocab);
    } else if (value.is_array()) {
      bad_field(field, "is an empty list: a text in tokens has one at least");
    } else {
      bad_field(field,
                "must be a string, an array of strings, an array of token ids or an array of those");
    }
  };
  const json::array* array = prompt->if_array();
  if (!array || (!array->empty() && array->front().is_number())) {
    add(*prompt);
    return prompts;
  }
  if (array->empty()) bad_field(field, "is an empty list");
  fields.list(field);  // has not too many entries
  const bool strings = array->front().is_string();
  for (const json::value& value : *array) {
    if (value.is_string() != strings) bad_field(field, "mixes strings and arrays of token ids");
    try {
      add(value);
    } catch (const Error& error) {
      throw of_entry(error, field, prompts.size() - 1);
    }
  }
  return prompts;
}

}  // namespace fulmar::api
