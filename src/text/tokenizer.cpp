// Longest match over a vocabulary, plain bytes, and which tokenizer a file asks for.
#include "text/tokenizer.h"

#include <algorithm>

#include "base/data_file.h"
#include "base/fail.h"
#include "text/byte_trie.h"
#include "text/json_tokenizer.h"
#include "text/vocabulary.h"

namespace fulmar {
namespace {

class TrieTokenizer final : public Tokenizer {
 public:
  explicit TrieTokenizer(Vocabulary vocabulary)
      : trie_(vocabulary), text_(std::move(vocabulary.text)), spans_(spans_of(vocabulary.entries)) {
    if (spans_[0].length == 0) end_of_text_ = 0;
  }
  // With a table by id where several tokens may have the same bytes, of which the trie finds one.
  TrieTokenizer(Vocabulary vocabulary, std::span<const Vocabulary::Entry> by_id, Token end_of_text)
      : trie_(vocabulary),
        text_(std::move(vocabulary.text)),
        spans_(spans_of(by_id)),
        end_of_text_(end_of_text) {}

  std::vector<Token> encode(std::string_view text) const override {
    std::vector<Token> tokens;
    tokens.reserve(text.size() / 3 + 1);  // English text has about four bytes a token
    for (std::size_t at = 0; at < text.size();) {
      const ByteTrie::Match match = trie_.longest(text.substr(at));
      if (match.length == 0) {
        fail(ErrorKind::bad_request,
             "byte 0x{:02x} at position {} of the text is in no token of this vocabulary; leave it out or "
             "choose another vocabulary",
             static_cast<unsigned char>(text[at]), at);
      }
      tokens.push_back(match.token);
      at += match.length;
    }
    return tokens;
  }

  std::string_view bytes(Token token) const override {
    if (token < 0 || token >= size()) return {};
    const Span span = spans_[static_cast<std::size_t>(token)];
    return {text_.data() + span.begin, span.length};
  }
  Token size() const override { return static_cast<Token>(spans_.size()); }
  Token end_of_text() const override { return end_of_text_; }
  std::string_view kind() const override { return "longest match"; }

 private:
  struct Span {
    uint32_t begin = 0, length = 0;
  };
  static std::vector<Span> spans_of(std::span<const Vocabulary::Entry> entries) {
    Token last = 0;
    for (const Vocabulary::Entry& entry : entries) last = std::max(last, entry.token);
    std::vector<Span> spans(static_cast<std::size_t>(last) + 1);
    for (const Vocabulary::Entry& entry : entries) {
      spans[static_cast<std::size_t>(entry.token)] = {entry.begin, entry.length};
    }
    return spans;
  }

  ByteTrie trie_;
  std::string text_;
  std::vector<Span> spans_;  // by id; empty where the vocabulary has a gap
  Token end_of_text_ = -1;
};

class ByteTokenizer final : public Tokenizer {
 public:
  ByteTokenizer() {
    for (int i = 0; i < 256; ++i) all_[static_cast<std::size_t>(i)] = static_cast<char>(i);
  }
  std::vector<Token> encode(std::string_view text) const override {
    std::vector<Token> tokens(text.size());
    std::ranges::transform(text, tokens.begin(), [](char c) { return Token{static_cast<unsigned char>(c)}; });
    return tokens;
  }
  std::string_view bytes(Token token) const override {
    if (token < 0 || token > 255) return {};
    return {all_ + token, 1};
  }
  Token size() const override { return 256; }
  Token end_of_text() const override { return -1; }
  std::string_view kind() const override { return "bytes"; }

 private:
  char all_[256];
};

}  // namespace

std::string Tokenizer::decode(std::span<const Token> tokens) const {
  std::string text;
  for (const Token token : tokens) text.append(bytes(token));
  return text;
}

std::shared_ptr<const Tokenizer> open_tokenizer(const std::string& vocab) {
  if (vocab == "bytes") return std::make_shared<ByteTokenizer>();
  const std::filesystem::path path = vocab.empty()
                                         ? find_data_file("rwkv-world.vocab")
                                         : std::filesystem::path(std::u8string(vocab.begin(), vocab.end()));
  return parse_tokenizer(read_vocabulary_file(path), path.string());
}

std::shared_ptr<const Tokenizer> parse_tokenizer(std::string_view file, const std::string& name) {
  if (file.starts_with(byte_order_mark)) file.remove_prefix(byte_order_mark.size());
  const std::size_t first = file.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && file[first] == '{') return parse_json_tokenizer(file, name);
  return std::make_shared<TrieTokenizer>(parse_vocabulary(file, name));
}

std::shared_ptr<const Tokenizer> make_tokenizer(const std::vector<std::string>& tokens, Token end_of_text,
                                                const std::string& name) {
  if (tokens.size() > static_cast<std::size_t>(max_token_id) + 1)
    fail(ErrorKind::bad_file, "{}: a vocabulary of {} tokens is too large: at most {} are read", name,
         tokens.size(), max_token_id + 1);
  if (end_of_text >= static_cast<int64_t>(tokens.size()))
    fail(ErrorKind::bad_file, "{}: the token that ends a text is {}, but there are {} tokens", name,
         end_of_text, tokens.size());
  std::size_t bytes = 0;
  for (const std::string& token : tokens) {
    bytes += token.size();
    if (token.size() > max_token_bytes)
      fail(ErrorKind::bad_file, "{}: token {} has {} bytes, at most {} are read", name, &token - tokens.data(),
           token.size(), max_token_bytes);
  }
  if (bytes > max_token_bytes_together)
    fail(ErrorKind::bad_file, "{}: the vocabulary's tokens may have at most {} MiB", name,
         max_token_bytes_together >> 20);
  Vocabulary vocabulary;
  std::vector<Vocabulary::Entry> by_id;
  vocabulary.text.reserve(bytes);
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const bool silent = static_cast<Token>(id) == end_of_text;
    by_id.push_back({static_cast<Token>(id), static_cast<uint32_t>(vocabulary.text.size()),
                     silent ? 0 : static_cast<uint32_t>(tokens[id].size())});
    if (!silent) vocabulary.text += tokens[id];
  }
  vocabulary.entries = by_id;
  std::erase_if(vocabulary.entries, [](const Vocabulary::Entry& entry) { return entry.length == 0; });
  if (vocabulary.entries.empty()) fail(ErrorKind::bad_file, "{}: the vocabulary has no tokens", name);
  const auto text_of = [&](const Vocabulary::Entry& entry) { return vocabulary.bytes(entry); };
  std::ranges::stable_sort(vocabulary.entries, {}, text_of);
  const auto twins = std::unique(vocabulary.entries.begin(), vocabulary.entries.end(),
                                 [&](const auto& a, const auto& b) { return text_of(a) == text_of(b); });
  vocabulary.entries.erase(twins, vocabulary.entries.end());
  return std::make_shared<TrieTokenizer>(std::move(vocabulary), by_id, end_of_text);
}

}  // namespace fulmar
