// Reads tokenizer.json, the file of Hugging Face's tokenizers, into a byte-pair vocabulary.
#include <algorithm>
#include <boost/json.hpp>
#include <unordered_map>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/json_tokenizer.h"
#include "text/vocabulary.h"

namespace fulmar {
namespace {

namespace json = boost::json;

class BpeReader {
 public:
  BpeReader(const json::object& root, const std::string& name) : root_(root), name_(name) {}

  BpeVocabulary read() {
    check_kind();
    read_tokens();
    read_merges();
    read_added();
    return std::move(out_);
  }

 private:
  template <typename... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorKind::bad_file, "{}: {}", name_, fmt::format(format, std::forward<Args>(args)...));
  }
  [[noreturn]] void unsupported(std::string_view what) const {
    fail(ErrorKind::unsupported,
         "{}: {} is not supported; vocabularies are byte-level BPE as in GPT-2 (the 20B vocabulary), with no "
         "normalizer or NFC, or World text files",
         name_, what);
  }
  // A message holds no more than the front of a hostile text.
  static std::string shown(std::string_view text) {
    constexpr std::size_t most = 40;
    return text.size() <= most ? std::string(text) : replace_bad_utf8(text.substr(0, most)) + "...";
  }

  // Nothing where it is absent or null.
  static const json::value* get(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value && !value->is_null() ? value : nullptr;
  }
  static std::string_view text_of(const json::object& object, std::string_view key) {
    const json::value* value = get(object, key);
    return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
  }
  static bool flag(const json::object& object, std::string_view key, bool otherwise = false) {
    const json::value* value = get(object, key);
    return value && value->is_bool() ? value->get_bool() : otherwise;
  }
  const json::object& object_at(const json::object& from, std::string_view key, const char* where) const {
    const json::value* value = get(from, key);
    if (!value || !value->is_object()) bad("{} is missing or no object", where);
    return value->get_object();
  }
  Token id_of(const json::value& value, std::string_view text) const {
    if (!value.is_int64() || value.get_int64() < 0) bad("the id of token '{}' is no number", shown(text));
    if (value.get_int64() > max_token_id)
      bad("the id {} of token '{}' is past {}, the largest allowed", value.get_int64(), shown(text),
          max_token_id);
    return static_cast<Token>(value.get_int64());
  }

  void check_kind() {
    const json::object& model = object_at(root_, "model", "\"model\"");
    if (get(model, "type") && text_of(model, "type") != "BPE")
      unsupported(fmt::format("a model of type '{}'", shown(text_of(model, "type"))));
    for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!text_of(model, affix).empty()) unsupported(affix);
    }
    for (const char* option : {"byte_fallback", "ignore_merges"}) {
      if (flag(model, option)) unsupported(option);
    }
    if (const json::value* normalizer = get(root_, "normalizer")) check_normalizer(*normalizer);
    const json::object& words = object_at(root_, "pre_tokenizer", "\"pre_tokenizer\"");
    if (text_of(words, "type") != "ByteLevel" || !flag(words, "use_regex", true))
      unsupported(fmt::format("a pre-tokenizer of type '{}'", shown(text_of(words, "type"))));
    if (flag(words, "add_prefix_space")) unsupported("add_prefix_space");
  }

  void check_normalizer(const json::value& value) {
    const json::object empty, &normalizer = value.is_object() ? value.get_object() : empty;
    const std::string_view type = text_of(normalizer, "type");
    if (type == "NFC") {
      out_.nfc = true;
      return;
    }
    const json::value* steps = get(normalizer, "normalizers");
    if (type != "Sequence" || !steps || !steps->is_array())
      unsupported(fmt::format("a normalizer of type '{}'", shown(type)));
    for (const json::value& step : steps->get_array()) check_normalizer(step);
  }

  void read_tokens() {
    vocab_ = &object_at(object_at(root_, "model", "\"model\""), "vocab", "\"model.vocab\"");
    if (vocab_->empty()) bad("the vocabulary has no tokens");
    Token last = 0;
    for (const auto& [text, id] : *vocab_) last = std::max(last, id_of(id, text));
    out_.tokens.resize(static_cast<std::size_t>(last) + 1);
    out_.single.fill(-1);
    spelled_.resize(out_.tokens.size());
    for (const auto& [text, value] : *vocab_) {
      const auto id = static_cast<std::size_t>(value.get_int64());
      if (text.empty()) bad("token {} has no bytes", id);
      if (!spelled_[id].empty())
        bad("the id {} of token '{}' was already given to '{}'", id, shown(text), shown(spelled_[id]));
      spelled_[id] = text;
      std::string& bytes = out_.tokens[id];
      if (!from_byte_alphabet(text, bytes)) bytes = text;  // an added token's; see read_added
      if (bytes.size() == 1 && byte_level(text))
        out_.single[static_cast<unsigned char>(bytes[0])] = static_cast<Token>(id);
    }
  }

  static bool byte_level(std::string_view text) {
    std::string ignored;
    return from_byte_alphabet(text, ignored);
  }

  Token token_of(std::string_view text, std::size_t merge) const {
    const json::value* id = vocab_->if_contains(text);
    if (!id) bad("merge {} needs '{}', which is no token", merge, shown(text));
    if (!byte_level(text)) bad("merge {} holds '{}', which is not in the byte alphabet", merge, shown(text));
    return static_cast<Token>(id->get_int64());
  }

  void read_merges() {
    const json::value* list = get(root_.at("model").get_object(), "merges");
    if (!list || !list->is_array()) bad("\"model.merges\" is missing or no list");
    out_.merges.reserve(list->get_array().size());
    std::unordered_map<uint64_t, std::size_t> seen;
    std::string joined;
    for (const json::value& value : list->get_array()) {
      const std::size_t number = out_.merges.size();
      const auto [left, right] = parts_of(value, number);
      joined.assign(left).append(right);
      const BpeVocabulary::Merge merge{token_of(left, number), token_of(right, number),
                                       token_of(joined, number)};
      const uint64_t key =
          uint64_t{static_cast<uint32_t>(merge.left)} << 32 | static_cast<uint32_t>(merge.right);
      const auto [first, is_new] = seen.emplace(key, number);
      if (!is_new)
        bad("merge {} of '{}' and '{}' was already given as merge {}", number, shown(left), shown(right),
            first->second);
      out_.merges.push_back(merge);
    }
  }

  // "left right", or in newer files ["left", "right"].
  std::pair<std::string_view, std::string_view> parts_of(const json::value& value, std::size_t number) const {
    if (const json::array* pair = value.if_array();
        pair && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string()) {
      return {(*pair)[0].get_string(), (*pair)[1].get_string()};
    }
    if (const json::string* line = value.if_string()) {
      const std::string_view text = *line;
      const std::size_t space = text.find(' ');
      if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos)
        return {text.substr(0, space), text.substr(space + 1)};
    }
    bad("merge {} is not two tokens with a space between", number);
  }

  void read_added() {
    if (const json::value* list = get(root_, "added_tokens")) {
      if (!list->is_array()) bad("\"added_tokens\" is no list");
      for (const json::value& value : list->get_array()) {
        if (!value.is_object()) bad("an added token is no object");
        add(value.get_object());
      }
    }
    for (std::size_t id = 0; id < spelled_.size(); ++id) {
      if (!spelled_[id].empty() && !byte_level(spelled_[id]))
        unsupported(
            fmt::format("token {}, '{}', which is not in the byte alphabet,", id, shown(spelled_[id])));
    }
    std::ranges::sort(out_.added, {}, &BpeVocabulary::Added::text);
    const auto twin = std::ranges::adjacent_find(out_.added, {}, &BpeVocabulary::Added::text);
    if (twin != out_.added.end()) bad("the added token '{}' is given twice", shown(twin->text));
  }

  void add(const json::object& token) {
    const std::string_view text = text_of(token, "content");
    if (text.empty()) bad("an added token has no content");
    if (text.size() > max_token_bytes)
      bad("an added token has {} bytes, at most {} are read", text.size(), max_token_bytes);
    for (const char* option : {"lstrip", "rstrip", "single_word"}) {
      if (flag(token, option)) unsupported(fmt::format("{} of the added token '{}'", option, shown(text)));
    }
    const json::value* value = get(token, "id");
    const Token id = id_of(value ? *value : json::value(), text);
    const json::value* known = vocab_->if_contains(text);
    if (known && known->get_int64() != id)
      bad("the added token '{}' has id {}, but {} in the vocabulary", shown(text), id, known->get_int64());
    const auto at = static_cast<std::size_t>(id);
    if (at >= out_.tokens.size()) out_.tokens.resize(at + 1);
    if (!known && !out_.tokens[at].empty())
      bad("the id {} of the added token '{}' is another token's", id, shown(text));
    out_.tokens[at] = text;  // as it is written, not in the byte alphabet
    if (at < spelled_.size()) spelled_[at] = {};
    out_.added.push_back({std::string(text), id, flag(token, "normalized"), flag(token, "special")});
    if (text == "<|endoftext|>") out_.end_of_text = id;
  }

  const json::object& root_;
  const std::string& name_;
  const json::object* vocab_ = nullptr;
  std::vector<std::string_view> spelled_;  // the vocabulary's own tokens by id, as the file writes them
  BpeVocabulary out_;
};

}  // namespace

BpeVocabulary read_bpe(const json::object& file, const std::string& name) {
  return BpeReader(file, name).read();
}

BpeVocabulary parse_bpe_json(std::string_view file, const std::string& name) {
  BpeVocabulary vocabulary;
  with_json_object(file, name, [&](const json::object& root) { vocabulary = read_bpe(root, name); });
  return vocabulary;
}

}  // namespace fulmar
