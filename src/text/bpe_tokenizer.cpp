// The tokenizer of a byte-pair vocabulary: added tokens, normalization, words, merges.
#include <algorithm>

#include "base/fail.h"
#include "text/bpe.h"
#include "text/byte_trie.h"
#include "text/unicode.h"

namespace fulmar {
namespace {

ByteTrie added_trie(const BpeVocabulary& from, bool normalized, bool special) {
  std::vector<std::pair<std::string, Token>> wanted;
  for (const BpeVocabulary::Added& added : from.added) {
    if (added.normalized != normalized || (added.special && !special)) continue;
    wanted.emplace_back(normalized && from.nfc ? compose_nfc(added.text) : added.text, added.token);
  }
  std::ranges::sort(wanted);
  Vocabulary vocabulary;
  for (const auto& [text, token] : wanted) {
    if (!vocabulary.entries.empty() && vocabulary.bytes(vocabulary.entries.back()) == text) continue;
    vocabulary.entries.push_back(
        {token, static_cast<uint32_t>(vocabulary.text.size()), static_cast<uint32_t>(text.size())});
    vocabulary.text += text;
  }
  return ByteTrie(vocabulary);
}

// Calls found(token) for the texts in `trie`, leftmost first and the longest of those, and between(part) for
// what lies between them, which may be empty.
template <typename Found, typename Between>
void split_at(const ByteTrie& trie, std::string_view text, Found&& found, Between&& between) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const ByteTrie::Match match = trie.longest(text.substr(at));
    if (match.length == 0) {
      ++at;
      continue;
    }
    between(text.substr(begin, at - begin));
    found(match.token);
    begin = at += match.length;
  }
  between(text.substr(begin));
}

class BpeTokenizer final : public Tokenizer {
 public:
  explicit BpeTokenizer(BpeVocabulary vocabulary)
      : merger_(vocabulary.merges),
        added_(vocabulary, true),
        added_plain_(vocabulary, false),
        tokens_(std::move(vocabulary.tokens)),
        single_(vocabulary.single),
        nfc_(vocabulary.nfc),
        end_of_text_(vocabulary.end_of_text) {}

  std::vector<Token> encode(std::string_view text) const override { return encode(text, added_); }
  std::vector<Token> encode_plain(std::string_view text) const override {
    return encode(text, added_plain_);
  }

  std::string_view bytes(Token token) const override {
    if (token < 0 || token >= size()) return {};
    return tokens_[static_cast<std::size_t>(token)];
  }
  Token size() const override { return static_cast<Token>(tokens_.size()); }
  Token end_of_text() const override { return end_of_text_; }
  std::string_view kind() const override { return "byte pairs"; }

 private:
  static constexpr std::size_t max_text = std::size_t{1} << 30;  // positions have 32 bits, form C may grow

  struct AddedTries {
    AddedTries(const BpeVocabulary& from, bool special)
        : as_it_came(added_trie(from, false, special)), normalized(added_trie(from, true, special)) {}
    ByteTrie as_it_came, normalized;
  };

  std::vector<Token> encode(std::string_view text, const AddedTries& added) const {
    if (text.size() > max_text)
      fail(ErrorKind::bad_request, "a text of {} bytes is too long: at most {} can be encoded at once",
           text.size(), max_text);
    std::vector<Token> tokens;
    tokens.reserve(text.size() / 3 + 1);
    const auto keep = [&](Token token) { tokens.push_back(token); };
    BpeMerger::Scratch scratch;
    std::vector<Token> word;
    const auto words = [&](std::string_view part) {
      while (!part.empty()) {
        const std::size_t length = first_word(part);
        word.clear();
        for (const char c : part.substr(0, length)) word.push_back(token_of(c));
        merger_.merge(word, scratch);
        tokens.insert(tokens.end(), word.begin(), word.end());
        part.remove_prefix(length);
      }
    };
    split_at(added.as_it_came, text, keep, [&](std::string_view part) {
      if (!nfc_) return split_at(added.normalized, part, keep, words);
      split_at(added.normalized, compose_nfc(part), keep, words);
    });
    return tokens;
  }

  Token token_of(char c) const {
    const Token token = single_[static_cast<unsigned char>(c)];
    if (token < 0)
      fail(ErrorKind::bad_request,
           "byte 0x{:02x} of the text is in no token of this vocabulary; leave it out or choose another "
           "vocabulary",
           static_cast<unsigned char>(c));
    return token;
  }

  BpeMerger merger_;
  AddedTries added_, added_plain_;
  std::vector<std::string> tokens_;
  std::array<Token, 256> single_;
  bool nfc_;
  Token end_of_text_;
};

}  // namespace

std::shared_ptr<const Tokenizer> make_bpe_tokenizer(BpeVocabulary vocabulary) {
  return std::make_shared<BpeTokenizer>(std::move(vocabulary));
}

}  // namespace fulmar
