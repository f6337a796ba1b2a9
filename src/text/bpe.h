// Byte-pair encoding over bytes, as GPT-2 brought it and RWKV-4's Pile models use it (the 20B vocabulary).
#pragma once
#include <array>
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace fulmar {

struct BpeVocabulary {
  struct Merge {
    Token left, right, result;
  };
  // A text that is one token wherever it stands, found before anything else.
  struct Added {
    std::string text;
    Token token;
    bool normalized;       // looked for in the normalized text, else in the text as it came
    bool special = false;  // says something about the text, as its end
  };
  std::vector<std::string> tokens;  // each token's bytes by id; empty where there is none
  std::array<Token, 256> single{};  // the token of each single byte; -1: none
  std::vector<Merge> merges;  // the first is applied first; no pair twice, every result longer than its parts
  std::vector<Added> added;   // no text twice
  bool nfc = false;           // texts are brought to Unicode's form C first
  Token end_of_text = -1;
};

// Reads a tokenizer.json of Hugging Face's tokenizers: a byte-level BPE model with GPT-2's pre-tokenizer and
// no normalizer or NFC. Throws Error(bad_file) naming what is damaged, Error(unsupported) for other kinds.
BpeVocabulary parse_bpe_json(std::string_view file, const std::string& name);
BpeVocabulary read_bpe(const boost::json::object& file, const std::string& name);

// Encoding takes O(n log n) for any text of n bytes. Bytes outside UTF-8 pass unchanged; a byte without a
// token (the 20B vocabulary lacks the 13 that UTF-8 never uses) throws Error(bad_request).
std::shared_ptr<const Tokenizer> make_bpe_tokenizer(BpeVocabulary vocabulary);

// How many bytes of `text` (not empty) GPT-2's pattern takes as one word:
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t first_word(std::string_view text);

// Merges pairs of neighbours, the one whose merge comes first in the list first, the leftmost among equals.
class BpeMerger {
 public:
  explicit BpeMerger(const std::vector<BpeVocabulary::Merge>& merges);
  // `word` holds single bytes' tokens and is replaced by what remains. O(n log n). `scratch` spares
  // allocations from word to word.
  struct Scratch {
    std::vector<uint32_t> previous, next;
    std::vector<uint64_t> heap;
  };
  void merge(std::vector<Token>& word, Scratch& scratch) const;

 private:
  static constexpr uint32_t none = 0xffffffffu;
  uint32_t rank(Token left, Token right) const;  // none: they do not merge

  std::vector<BpeVocabulary::Merge> merges_;  // by rank
  std::vector<uint32_t> first_;               // by left token: where its pairs begin; one past the last left
  struct Pair {
    Token right;
    uint32_t rank;
  };
  std::vector<Pair> pairs_;  // by left token, then ascending by right
};

}  // namespace fulmar
