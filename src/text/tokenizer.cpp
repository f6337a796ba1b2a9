// The tokenizers: longest match over a vocabulary, and plain bytes.
#include "text/tokenizer.h"

#include <algorithm>

#include "base/data_file.h"
#include "base/fail.h"
#include "text/byte_trie.h"
#include "text/vocabulary.h"

namespace fulmar {
namespace {

class TrieTokenizer final : public Tokenizer {
 public:
  explicit TrieTokenizer(Vocabulary vocabulary) : trie_(vocabulary), text_(std::move(vocabulary.text)) {
    Token last = 0;
    for (const Vocabulary::Entry& entry : vocabulary.entries) last = std::max(last, entry.token);
    spans_.resize(static_cast<std::size_t>(last) + 1);
    for (const Vocabulary::Entry& entry : vocabulary.entries) {
      spans_[static_cast<std::size_t>(entry.token)] = {entry.begin, entry.length};
    }
  }

  std::vector<Token> encode(std::string_view text) const override {
    std::vector<Token> tokens;
    tokens.reserve(text.size() / 3 + 1);  // English text has about four bytes a token
    for (std::size_t at = 0; at < text.size();) {
      const ByteTrie::Match match = trie_.longest(text.substr(at));
      if (match.length == 0) {
        fail(ErrorKind::bad_request,
             "byte 0x{:02x} at position {} of the text is in no token of this vocabulary; leave it out or "
             "choose "
             "another vocabulary",
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
  Token end_of_text() const override { return spans_[0].length == 0 ? 0 : -1; }

 private:
  struct Span {
    uint32_t begin = 0, length = 0;
  };
  ByteTrie trie_;
  std::string text_;
  std::vector<Span> spans_;  // by id; empty where the vocabulary has a gap
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
  return std::make_shared<TrieTokenizer>(read_vocabulary(path));
}

}  // namespace fulmar
