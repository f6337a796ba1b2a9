// UTF-8: characters arrive whole, and bytes that are none never reach a client.
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace fulmar {
namespace {

// A slow formula of its own: decode by the bit patterns, then ask whether the number is a character of that
// length.
bool is_character(const std::string& bytes) {
  const auto at = [&](std::size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])); };
  const std::size_t length = at(0) < 0x80       ? 1
                             : at(0) >> 5 == 6  ? 2
                             : at(0) >> 4 == 14 ? 3
                             : at(0) >> 3 == 30 ? 4
                                                : 0;
  if (length != bytes.size()) return false;
  uint32_t code = length == 1 ? at(0) : at(0) & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (at(i) >> 6 != 2) return false;
    code = code << 6 | (at(i) & 63);
  }
  const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  return code >= least[length] && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
}

std::string encode(uint32_t code) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 63)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xc0 | code >> 6), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xe0 | code >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | code >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8, EveryCharacterIsTakenAndEveryPrefixOfOneIsHeldBack) {
  for (uint32_t code = 0; code <= 0x10ffff; code += code < 0x3000 ? 1 : 97) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const std::string text = encode(code);
    ASSERT_TRUE(is_utf8(text)) << code;
    ASSERT_EQ(replace_bad_utf8(text), text);
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      const Utf8Scan scan = scan_utf8("ab" + text.substr(0, cut));
      ASSERT_EQ(scan.valid, 2u) << code;
      ASSERT_TRUE(scan.incomplete) << code;
      std::string pending = "ab" + text.substr(0, cut);
      ASSERT_EQ(take_utf8(pending), "ab");
      ASSERT_EQ(pending, text.substr(0, cut));
      ASSERT_EQ(take_utf8(pending += text.substr(cut)), text);
    }
  }
}

TEST(Utf8, AllStringsOfTwoBytesAndTheBordersOfLongerOnesAreJudgedRight) {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const std::string one{static_cast<char>(a)}, other{static_cast<char>(b)}, both = one + other;
      ASSERT_EQ(is_utf8(both), is_character(both) || (is_character(one) && is_character(other)))
          << a << " " << b;
      for (const char c : {'\x7f', '\x80', '\xbf', '\xc0'}) {
        const std::string three = both + c, four = three + "\x80";
        if (a >= 0xe0) {
          ASSERT_EQ(is_utf8(three), is_character(three)) << a << " " << b;
        }
        if (a >= 0xf0) {
          ASSERT_EQ(is_utf8(four), is_character(four)) << a << " " << b;
        }
        ASSERT_TRUE(is_utf8(replace_bad_utf8(four)));
      }
    }
}

TEST(Utf8, BadBytesBecomeOneReplacementForEachPrefixOfACharacter) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(replace_bad_utf8("a\xffz"), "a" + bad + "z");
  EXPECT_EQ(replace_bad_utf8("\xf0\x9f\x98z"), bad + "z");  // three bytes of an emoji, then another character
  EXPECT_EQ(replace_bad_utf8("\xed\xa0\x80"), bad + bad + bad);  // a surrogate
  EXPECT_EQ(replace_bad_utf8("\xc0\xaf"), bad + bad);            // overlong
  EXPECT_EQ(replace_bad_utf8("a\xe2\x82"), "a" + bad);           // cut at the end
  std::string pending = "a\x80\xe2\x82";
  EXPECT_EQ(take_utf8(pending), "a" + bad);
  EXPECT_EQ(pending, "\xe2\x82");
  EXPECT_EQ(take_utf8(pending += 'z'), bad + "z");
  EXPECT_EQ(pending, "");
}

TEST(Utf8, ControlCharactersAreShownAndNotObeyed) {
  EXPECT_EQ(escape_controls(std::string_view("a\x1b[2J\r\n\0b\x7f", 10)), "a\\x1b[2J\\x0d\\x0a\\x00b\\x7f");
  EXPECT_EQ(escape_controls("blk.0 ü \xff"), "blk.0 ü \xff");
}

TEST(Utf8, AHostileTextTakesNoMoreThanItsFrontOfASentence) {
  EXPECT_EQ(shown("short\n"), "short\\x0a");
  EXPECT_EQ(shown("b\xff"), "b\xef\xbf\xbd");
  EXPECT_EQ(shown(std::string(100'000, 'a')), std::string(200, 'a') + "...");
  EXPECT_EQ(shown("aü", 2), "a...") << "no half of a character";
}

}  // namespace
}  // namespace fulmar
