// Answers as an engine makes them, with a model to which every token is as likely: of those that the mask allows, any.
#pragma once
#include <bit>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "text/constraint.h"
#include "text/tokenizer.h"

namespace fulmar {

class TokenDraws {
 public:
  // `words`: what a tired model writes where it may neither close nor end, such as names of members that are missing.
  TokenDraws(const Grammar& grammar, const Tokenizer& tokenizer, std::shared_ptr<const TokenTrie> trie, std::vector<std::string> words)
      : constraint_(std::make_shared<const Constraint>(grammar, std::move(trie))), tokenizer_(tokenizer), words_(std::move(words)) {}

  // Whether each of the text's tokens is allowed where it comes, and the text may end behind them.
  bool takes(std::string_view text) const {
    ConstraintRun run(constraint_);
    return read(run, text) && run.may_end();
  }

  // After `patience` tokens the end, or what closes something, is mostly taken where it may come. None where that
  // leads to no end in `most` tokens: some schemas nest in themselves.
  std::optional<std::string> draw(std::mt19937_64& random, std::size_t patience, std::size_t most = 500) {
    ConstraintRun run(constraint_);
    std::string text;
    for (std::size_t count = 0; count < patience + most; ++count, ++tokens_) {
      const bool tired = count >= patience;
      if (run.may_end() && (run.is_over() || tired || random() % 4 == 0)) return text;
      const std::shared_ptr<const TokenSet> mask = run.mask();
      std::optional<Token> token;
      if (tired && random() % 8 != 0) {
        token = closing(*mask);
        if (!words_.empty() && token == token_of(*mask, "\"") && !token_of(*mask, "Q")) {
          const std::string& word = words_[random() % words_.size()];
          if (ConstraintRun behind = run; read(behind, word)) {
            run = std::move(behind);
            text += word;
            continue;
          }
        }
      }
      if (!token && tired) token = any_of(*mask, random, 1);
      if (!token) token = any_of(*mask, random, SIZE_MAX);
      if (!token) throw std::runtime_error("no token is allowed behind " + text);
      const std::string_view bytes = tokenizer_.bytes(*token);
      text += bytes;
      if (!run.accept(bytes)) throw std::runtime_error("the mask allows what is not of the form: " + text);
    }
    return std::nullopt;
  }

  std::size_t tokens() const { return tokens_; }  // drawn so far

 private:
  static bool has(const TokenSet& set, Token token) {
    const auto at = static_cast<std::size_t>(token);
    return (set[at >> 6] >> (at & 63) & 1) != 0;
  }

  // Its tokens, as long as each of them is allowed.
  bool read(ConstraintRun& run, std::string_view text) const {
    for (const Token token : tokenizer_.encode_plain(text)) {
      if (!has(*run.mask(), token)) return false;
      if (!run.accept(tokenizer_.bytes(token))) throw std::runtime_error("the mask allows what is not of the form");
    }
    return true;
  }

  // Of up to so many bytes.
  std::optional<Token> any_of(const TokenSet& set, std::mt19937_64& random, std::size_t longest) const {
    std::vector<Token> allowed;
    for (std::size_t word = 0; word < set.size(); ++word) {
      for (uint64_t bits = set[word]; bits != 0; bits &= bits - 1) {
        const auto token = static_cast<Token>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
        if (tokenizer_.bytes(token).size() <= longest) allowed.push_back(token);
      }
    }
    if (allowed.empty()) return std::nullopt;
    return allowed[random() % allowed.size()];
  }

  // Of a string its quote; else a bracket, or the null that ends a list.
  std::optional<Token> closing(const TokenSet& set) const {
    if (token_of(set, "Q")) return token_of(set, "\"");
    for (const std::string_view text : {"}", "]", "\"", "null"})
      if (const std::optional<Token> token = token_of(set, text)) return token;
    return std::nullopt;
  }

  // The text's token, where it is allowed.
  std::optional<Token> token_of(const TokenSet& set, std::string_view text) const {
    const std::vector<Token> tokens = tokenizer_.encode_plain(text);
    if (tokens.size() != 1 || !has(set, tokens[0])) return std::nullopt;
    return tokens[0];
  }

  std::shared_ptr<const Constraint> constraint_;
  const Tokenizer& tokenizer_;
  std::vector<std::string> words_;
  std::size_t tokens_ = 0;
};

}  // namespace fulmar
