// Reads JSON byte by byte: whether what came so far can be a value's beginning, and where the value ends.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fulmar {

// One object or list, white space before it allowed. RFC 8259, nested at most max_json_depth deep; bytes from 0x80 on may
// stand in strings only and are not looked at.
class JsonScanner {
 public:
  enum class Found : uint8_t { more, whole, wrong };

  // After `whole` and `wrong` nothing else comes.
  Found push(char byte);

 private:
  enum class At : uint8_t {
    value,           // one must come
    first_entry,     // or the list's end
    first_key,       // or the object's end
    key,
    colon,
    after,           // a value: a comma or an end
    text,            // in a string
    escape,
    hex,
    word,            // true, false, null
    minus,           // in a number, whose digits must come
    zero,
    digits,
    point,
    fraction,
    exponent,
    exponent_sign,
    exponent_digits
  };
  bool step(char byte);  // false: wrong
  bool begin_value(char byte);
  bool begin_number(char byte);
  bool in_number(char byte);
  bool open(bool object);
  bool close(bool object);
  bool in_object() const { return depth_ > 0 && (kinds_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0; }

  At at_ = At::value;
  bool is_key_ = false;
  uint32_t hex_left_ = 0;
  std::string_view word_left_;
  size_t depth_ = 0;
  std::array<uint64_t, 2> kinds_{};  // a bit for each level: an object
  bool whole_ = false;
};

constexpr size_t max_json_depth = 128;

// Whether the text is one object, with white space around it at most.
bool is_json_object(std::string_view text);

}  // namespace fulmar
