// A vocabulary as a tree of bytes in the order in which it is walked, for finding all tokens that may come next.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/grammar.h"
#include "text/tokenizer.h"

namespace fulmar {

// A bit for each token of the model.
using TokenSet = std::vector<uint64_t>;

struct TrieNode {
  uint32_t end;    // one past the last node of its subtree, which follows it
  Token token;     // -1: none ends here
  uint16_t depth;  // bytes
  unsigned char label;
};

// The tokens that are texts of characters of one class, by how many they have.
struct TokenSlice {
  static constexpr uint8_t other = 255;  // more characters, or not of this class alone
  static constexpr std::array<uint8_t, 21> steps{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 32, 48, 64, other - 1};
  static constexpr uint8_t far = 32;             // characters: few tokens have more
  static constexpr std::size_t most_rest = 8192;  // nodes

  CodePointSet chars;
  std::vector<uint8_t> most;          // by node: characters of the longest token in its subtree, or other where one is
  std::vector<uint8_t> path;          // by node: characters that begin on the way to it, or other
  std::array<TokenSet, steps.size()> sets;  // those of at most steps[i] characters
  std::array<std::vector<std::pair<uint8_t, Token>>, steps.size()> between;  // of more than steps[i - 1], with how many
  ByteSet first;                // bytes that the class's characters begin with
  // The tree of what begins with those and is of other characters too, or of more than `far`; none: it has more than
  // most_rest nodes.
  std::vector<TrieNode> rest;
  std::size_t count = 0;       // tokens in the last set

  // The last step of at most so many characters; -1: none.
  static int step_within(uint32_t chars);
  // Those of at most so many characters.
  void copy_to(std::span<uint64_t> set, uint32_t chars) const;
};

class TokenTrie {
 public:
  using Node = TrieNode;

  // `vocab`: tokens of the model. The end of text is no token here, nor is one without bytes.
  TokenTrie(const Tokenizer& tokenizer, uint32_t vocab);

  std::span<const Node> nodes() const { return nodes_; }  // 0: the root
  uint32_t vocab() const { return vocab_; }
  uint32_t depth() const { return depth_; }  // of the deepest node
  std::string_view bytes(Token token) const;
  // Adds the tokens that have the same bytes as one of the set.
  void add_twins(std::span<uint64_t> set) const;
  // Whether a token is longer than this text and begins with it.
  bool goes_on(std::string_view text) const;

  // Kept for the next who ask, the last few. Any thread may ask.
  std::shared_ptr<const TokenSlice> slice(const CodePointSet& chars) const;

 private:
  std::shared_ptr<const TokenSlice> make_slice(const CodePointSet& chars) const;
  void fill_rest(TokenSlice& slice) const;

  uint32_t vocab_, depth_ = 0;
  std::vector<Node> nodes_;
  std::vector<std::pair<Token, Token>> twins_;
  std::string text_;
  std::vector<uint32_t> begin_;  // by token, in text_
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const TokenSlice>> slices_;  // the newest last
};

constexpr std::size_t max_kept_slices = 32;  // of 450 KiB each for a vocabulary of 65,536

}  // namespace fulmar
