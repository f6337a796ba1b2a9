// A state is a value: all that a model remembers of a text, with what is needed to know whom it fits.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/sampling.h"

namespace fulmar {

// Sixteen bytes, as 32 digits of hexadecimal where people see them.
struct Bytes16 {
  std::array<uint8_t, 16> bytes{};

  bool operator==(const Bytes16&) const = default;
  std::string hex() const {
    std::string text;
    for (const uint8_t byte : bytes)
      for (const int digit : {byte >> 4, byte & 15}) text += "0123456789abcdef"[digit];
    return text;
  }
  // Nothing where that is not 32 digits of hexadecimal.
  static std::optional<Bytes16> from_hex(std::string_view text) {
    Bytes16 made;
    if (text.size() != 2 * made.bytes.size()) return std::nullopt;
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) return std::nullopt;
      made.bytes[i / 2] = static_cast<uint8_t>(made.bytes[i / 2] << 4 | digit);
    }
    return made;
  }
};

// Of weights, adapters, layout and vocabulary: of what they hold, not of files' names. States of equal fingerprints can
// take each other's place.
using Fingerprint = Bytes16;

// A running hash of tokens, 128 bits wide: FNV-1a over the four bytes of each, the lowest first
// (http://www.isthe.com/chongo/tech/comp/fnv). It tells texts apart that nobody made to collide; where that matters the
// tokens themselves are compared.
class TokenHash {
 public:
  void add(Token token) {
    for (int shift = 0; shift < 32; shift += 8) {
      low_ ^= static_cast<uint32_t>(token) >> shift & 0xff;
      multiply();
    }
  }
  void add(std::span<const Token> tokens) {
    for (const Token token : tokens) add(token);
  }
  bool operator==(const TokenHash&) const = default;

  Bytes16 value() const {
    Bytes16 made;
    for (size_t i = 0; i < 8; ++i) {
      made.bytes[i] = static_cast<uint8_t>(high_ >> (56 - 8 * i));
      made.bytes[8 + i] = static_cast<uint8_t>(low_ >> (56 - 8 * i));
    }
    return made;
  }
  // Goes on from there.
  static TokenHash from(const Bytes16& value) {
    TokenHash made;
    made.high_ = made.low_ = 0;
    for (size_t i = 0; i < 8; ++i) {
      made.high_ = made.high_ << 8 | value.bytes[i];
      made.low_ = made.low_ << 8 | value.bytes[8 + i];
    }
    return made;
  }

 private:
  // Times 2^88 + 0x13b, modulo 2^128.
  void multiply() {
    const uint64_t below = (low_ & 0xffffffff) * 0x13b, above = (low_ >> 32) * 0x13b + (below >> 32);
    high_ = high_ * 0x13b + (above >> 32) + (low_ << 24);
    low_ = above << 32 | (below & 0xffffffff);
  }

  uint64_t high_ = 0x6c62272e07bb0142, low_ = 0x62b821756295c58d;  // the start that FNV gives for 128 bits
};

// Immutable once it is shared. The text it stands for is `fed` tokens and then `unfed`; whoever goes on feeds these
// before anything else.
struct State {
  Fingerprint model;
  std::vector<float> floats;  // of a slot, in the order of rwkv/state.h; empty: what the model starts from
  std::vector<Token> unfed;   // usually the one that was drawn last
  uint64_t fed = 0;           // tokens that `floats` have seen
  TokenHash hash;             // of those tokens
  mutable std::atomic<bool> on_device{false};  // a slot that is free still has it; for listings only

  State() = default;
  State(const State& other)
      : model(other.model), floats(other.floats), unfed(other.unfed), fed(other.fed), hash(other.hash) {}
  State& operator=(const State&) = delete;

  uint64_t tokens() const { return fed + unfed.size(); }
  uint64_t bytes() const { return floats.size() * sizeof(float) + unfed.size() * sizeof(Token) + sizeof(State); }
};

using StatePtr = std::shared_ptr<const State>;

}  // namespace fulmar
