// Reads texts by id out of parsed JSON; see json_tokenizer.h.
#include "text/json_tokenizer.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <vector>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/vocabulary.h"

namespace fulmar {
namespace {

namespace json = boost::json;

constexpr std::string_view end_of_text = "<|endoftext|>";

class TextsById {
 public:
  explicit TextsById(const std::string& name) : name_(name) {}

  template <typename... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorKind::bad_file, "{}: {}", name_, fmt::format(format, std::forward<Args>(args)...));
  }

  // `key` is what names the token in the file.
  void add(int64_t id, std::string text, std::string_view key) {
    if (id < 0 || id > max_token_id)
      bad("the id of token '{}' is no whole number from 0 to {}, the largest allowed", shown(key),
          max_token_id);
    if (text.empty()) bad("token {} has no bytes", id);
    const auto at = static_cast<std::size_t>(id);
    if (at >= tokens_.size()) tokens_.resize(at + 1);
    if (!tokens_[at].empty()) bad("the id {} of token '{}' is given twice", id, shown(key));
    tokens_[at] = std::move(text);
  }
  // Empty where there is none.
  std::string_view text(int64_t id) const {
    if (id < 0 || id >= static_cast<int64_t>(tokens_.size())) return {};
    return tokens_[static_cast<std::size_t>(id)];
  }

  std::shared_ptr<const Tokenizer> tokenizer() const {
    if (tokens_.empty()) bad("the vocabulary has no tokens");
    // As in World's own file, where id 0 does not appear.
    const bool ends = tokens_[0].empty() || tokens_[0] == end_of_text;
    return make_tokenizer(tokens_, ends ? 0 : -1, name_);
  }

 private:
  const std::string& name_;
  std::vector<std::string> tokens_;
};

std::string_view type_of(const json::value* part) {
  const json::value* type = part && part->is_object() ? part->get_object().if_contains("type") : nullptr;
  return type && type->is_string() ? std::string_view(type->get_string()) : std::string_view();
}

int64_t whole(const json::value* value) {
  return value && value->is_int64() ? value->get_int64() : -1;
}

// An id as the name of a member; -1 for other names.
int64_t id_of(std::string_view key) {
  int64_t id = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  return error == std::errc() && end == key.data() + key.size() ? id : -1;
}

std::string bytes_of(const TextsById& texts, std::string_view key, const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (!value.is_array()) texts.bad("token '{}' is neither a text nor a list of bytes", shown(key));
  std::string bytes;
  for (const json::value& byte : value.get_array()) {
    const int64_t number = whole(&byte);
    if (number < 0 || number > 255) texts.bad("token '{}' holds what is no byte", shown(key));
    bytes.push_back(static_cast<char>(number));
  }
  return bytes;
}

std::shared_ptr<const Tokenizer> read_ids(const json::object& file, const std::string& name) {
  TextsById texts(name);
  for (const auto& [key, value] : file) {
    if (id_of(key) < 0)
      texts.bad("'{}' stands where ids do and is none: a whole number from 0 up", shown(key));
    texts.add(id_of(key), bytes_of(texts, key, value), key);
  }
  return texts.tokenizer();
}

// Tokens that stand beside the model: those it has already, or more texts.
void read_added(const json::value& list, TextsById& texts) {
  if (!list.is_array()) texts.bad("\"added_tokens\" is no list");
  for (const json::value& token : list.get_array()) {
    const json::object empty, &fields = token.is_object() ? token.get_object() : empty;
    const json::value* content = fields.if_contains("content");
    if (!content || !content->is_string()) texts.bad("an added token has no content");
    const std::string_view text = content->get_string();
    const int64_t id = whole(fields.if_contains("id"));
    const std::string_view known = texts.text(id);
    if (known.empty())
      texts.add(id, std::string(text), text);
    else if (known != text)
      texts.bad("the id {} of the added token '{}' is another token's", id, shown(text));
  }
}

std::shared_ptr<const Tokenizer> read_trie(const json::object& file, const std::string& name) {
  TextsById texts(name);
  for (const char* step : {"normalizer", "pre_tokenizer"})
    if (const json::value* value = file.if_contains(step); value && !value->is_null())
      fail(ErrorKind::unsupported, "{}: a RwkvTrie with a {} of type '{}' is not supported: World has none",
           name, step, shown(type_of(value)));
  const json::value* vocab = file.at("model").get_object().if_contains("vocab");
  if (!vocab || !vocab->is_object()) texts.bad("\"model.vocab\" is missing or no object");
  for (const auto& [key, value] : vocab->get_object()) {
    if (!value.is_number()) {
      texts.add(id_of(key), bytes_of(texts, key, value), key);
      continue;
    }
    const std::string_view spelled = key;
    std::string bytes;
    if (!from_byte_alphabet(spelled, bytes))
      texts.bad("token '{}' is not in the byte alphabet", shown(spelled));
    texts.add(whole(&value), std::move(bytes), spelled);
  }
  if (const json::value* added = file.if_contains("added_tokens"); added && !added->is_null())
    read_added(*added, texts);
  return texts.tokenizer();
}

}  // namespace

void with_json_object(std::string_view file, const std::string& name,
                      const std::function<void(const json::object&)>& use) {
  if (file.size() > max_bpe_json_bytes)
    fail(ErrorKind::bad_file, "{}: a vocabulary in JSON may have at most {} MiB", name,
         max_bpe_json_bytes >> 20);
  // Values live in a pool that ends with this call: a few times the file's size at most.
  json::monotonic_resource pool;
  json::parse_options options;
  options.max_depth = 32;
  json::parser parser({}, options);
  parser.reset(&pool);
  json::error_code error;
  const std::size_t read = parser.write(file.data(), file.size(), error);
  if (error) fail(ErrorKind::bad_file, "{}: damaged JSON near byte {}: {}", name, read, error.message());
  const json::value root = parser.release();
  if (!root.is_object()) fail(ErrorKind::bad_file, "{}: the JSON is no object", name);
  use(root.get_object());
}

std::shared_ptr<const Tokenizer> parse_json_tokenizer(std::string_view file, const std::string& name) {
  std::shared_ptr<const Tokenizer> tokenizer;
  with_json_object(file, name, [&](const json::object& root) {
    const auto names_an_id = [](const auto& member) { return id_of(member.key()) >= 0; };
    if (type_of(root.if_contains("model")) == "RwkvTrie")
      tokenizer = read_trie(root, name);
    else if (!root.empty() && names_an_id(*root.begin()))
      tokenizer = read_ids(root, name);
    else
      tokenizer = make_bpe_tokenizer(read_bpe(root, name));
  });
  return tokenizer;
}

}  // namespace fulmar
