// Tokenizing: greedy longest match as in RWKV's World vocabulary, byte-pair encoding, plain bytes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/model.h"

namespace fulmar {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Every byte string can be encoded when all 256 single bytes are tokens; a byte without a token throws
  // Error(bad_request) naming it. What decode() makes of the tokens is the text again, in Unicode's form C
  // where the vocabulary asks for that.
  virtual std::vector<Token> encode(std::string_view text) const = 0;
  // The same, but special tokens that are spelled in `text`, such as "<|endoftext|>", are text like any
  // other: for what people wrote.
  virtual std::vector<Token> encode_plain(std::string_view text) const { return encode(text); }
  // The bytes of one token; empty for ids outside the vocabulary and where a token has no text, as World's
  // end of text.
  virtual std::string_view bytes(Token token) const = 0;
  // One past the highest id.
  virtual Token size() const = 0;
  // The id that ends a text, or -1. World syntax: 0 where it has no text for id 0. JSON: "<|endoftext|>".
  virtual Token end_of_text() const = 0;
  // "longest match", "byte pairs", "bytes".
  virtual std::string_view kind() const = 0;
  std::string decode(std::span<const Token> tokens) const;
};

// `vocab` is "bytes" (byte b has id b), a path to a file, or empty for the World vocabulary that ships with
// Fulmar. The content says what a file is: World syntax (lines `ID PYTHON_LITERAL BYTELEN`), the compact
// table under models/, tokenizer.json of a RwkvTrie (World once more) or of a byte-level BPE (the 20B
// vocabulary of RWKV-4 Pile), or ai00's JSON. Throws Error(bad_file) naming file, line and reason;
// Error(not_found), Error(unsupported).
std::shared_ptr<const Tokenizer> open_tokenizer(const std::string& vocab);

// Longest match over a vocabulary that a model file carries: the bytes of each token by id, empty where there
// is none. Of tokens with the same bytes the first is the one that texts get. `end_of_text` (-1: none) has no
// text, whatever `tokens` says. `name` is for messages. Throws Error(bad_file).
std::shared_ptr<const Tokenizer> make_tokenizer(const std::vector<std::string>& tokens, Token end_of_text,
                                                const std::string& name);

// Turns a stream of tokens into text that never splits a UTF-8 character: incomplete tails are held back,
// bytes that can never become a character turn into U+FFFD.
class Detokenizer {
 public:
  explicit Detokenizer(std::shared_ptr<const Tokenizer> tokenizer) : tokenizer_(std::move(tokenizer)) {}
  // Text completed by this token, possibly empty.
  std::string push(Token token);
  // What was held back, at the end of the text: incomplete bytes become U+FFFD.
  std::string finish();

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string pending_;
};

// Finds stop strings across token borders without ever showing a prefix of one. The text shown depends on the
// text alone, not on how it was cut into pieces. Empty stop strings are ignored.
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops);
  // Text that is safe to show. After a match, stopped() is true and everything from the stop string on is
  // dropped; with several matches the one that begins first wins, so a match waits while a longer one that
  // began before it may come.
  std::string push(std::string_view text);
  // What was held back, when generation ended. A match that still waited stands now: see stopped().
  std::string finish();
  bool stopped() const { return stopped_; }
  // Once stopped: which of the stop strings it was, as they were given.
  std::size_t which() const { return which_; }

 private:
  struct Stop {
    std::string text;
    std::vector<std::size_t> border;
    std::size_t matched;  // how many of its bytes the text read so far ends with
    std::size_t number;   // as it was given
  };
  std::string show_until(std::size_t end);

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::vector<Stop> stops_;
  std::string pending_;  // its first hidden_ bytes were shown already
  // Positions in the text, but for hidden_.
  std::size_t hidden_ = 0, shown_ = 0, read_ = 0, held_from_ = 0;
  std::size_t match_ = none;  // where the first stop string found so far begins
  std::size_t which_ = none;  // and which it is
  bool stopped_ = false;
};

}  // namespace fulmar
