// Reads ShareGPT-like files: the elements are found by one look over all bytes, and only those that are taken are parsed,
// for the published files have hundreds of megabytes.
#include <algorithm>
#include <boost/json/parse.hpp>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "dataset.h"
#include "dice.h"

namespace fulmar::load {
namespace {

namespace json = boost::json;

constexpr uint32_t shortest = 4, longest_prompt = 1024, longest_pair = 2048;  // in tokens, as in sglang's benchmark
constexpr size_t longest_turn = 64 << 10;  // bytes; 1024 tokens are far less, so longer ones need not be tokenized

constexpr std::string_view blanks = " \t\r\n";

// Past the value that begins at `at`: an object or an array, whose strings may hold brackets of their own.
size_t end_of_value(std::string_view text, size_t at, const std::string& name) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return i + 1;
  }
  fail(ErrorKind::bad_file, "{}: the element at byte {} has no end; is the file whole?", name, at);
}

struct Turns {
  std::string first, second;
};

std::optional<Turns> first_turns(std::string_view element, const std::string& name) {
  json::error_code error;
  const json::value value = json::parse(json::string_view(element.data(), element.size()), error);
  if (error) fail(ErrorKind::bad_file, "{}: an element is no JSON: {}", name, shown(element, 60));
  const json::object* object = value.if_object();
  const json::value* list = object ? object->if_contains("conversations") : nullptr;
  if (!list || !list->is_array())
    fail(ErrorKind::bad_file, "{}: an element has no list \"conversations\": {}", name, shown(element, 60));
  const json::array& turns = list->get_array();
  if (turns.size() < 2) return std::nullopt;
  const auto value_of = [](const json::value& turn) -> std::optional<std::string> {
    const json::object* said = turn.if_object();
    const json::value* text = said ? said->if_contains("value") : nullptr;
    if (!text || !text->is_string() || text->get_string().size() > longest_turn) return std::nullopt;
    return std::string(text->get_string());
  };
  const auto first = value_of(turns[0]), second = value_of(turns[1]);
  if (!first || !second) return std::nullopt;
  return Turns{*first, *second};
}

}  // namespace

std::vector<std::string_view> json_elements(std::string_view text, const std::string& name) {
  std::vector<std::string_view> elements;
  size_t at = text.find_first_not_of(blanks);
  const bool array = at != text.npos && text[at] == '[';
  if (array) ++at;
  for (;; ) {
    at = std::min(text.find_first_not_of(blanks, at), text.size());
    if (at == text.size() && !array) return elements;
    if (at == text.size()) fail(ErrorKind::bad_file, "{}: the list has no end; is the file whole?", name);
    if (array && text[at] == ']') return elements;
    if (array && text[at] == ',' && !elements.empty()) {
      ++at;
      continue;
    }
    if (text[at] != '{' && text[at] != '[')
      fail(ErrorKind::bad_file, "{}: byte {} begins no object; it should be a JSON list of conversations", name, at);
    const size_t end = end_of_value(text, at, name);
    elements.push_back(text.substr(at, end - at));
    at = end;
  }
}

std::vector<Prompt> sharegpt_prompts(const Tokenizer& tokenizer, const std::string& path,
                                     std::optional<uint32_t> output_tokens, size_t count, uint64_t seed) {
  const MappedFile file(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  std::vector<std::string_view> elements = json_elements(text, path);
  Dice(seed).shuffle(elements);
  std::vector<Prompt> prompts;
  for (const std::string_view element : elements) {
    if (prompts.size() == count) break;
    std::optional<Turns> turns = first_turns(element, path);
    if (!turns) continue;
    Prompt prompt;
    prompt.input_tokens = static_cast<uint32_t>(tokenizer.encode(turns->first).size());
    prompt.output_tokens = output_tokens ? *output_tokens : static_cast<uint32_t>(tokenizer.encode(turns->second).size());
    if (prompt.input_tokens < shortest || prompt.input_tokens > longest_prompt || prompt.output_tokens < 1) continue;
    if (!output_tokens && (prompt.output_tokens < shortest || prompt.input_tokens + prompt.output_tokens > longest_pair))
      continue;
    prompt.text = std::move(turns->first);
    prompts.push_back(std::move(prompt));
  }
  if (prompts.empty())
    fail(ErrorKind::bad_file, "{} has no conversation that fits: two turns, the first of {} to {} tokens", path, shortest,
         longest_prompt);
  return prompts;
}

}  // namespace fulmar::load
