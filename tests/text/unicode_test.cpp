// Unicode for tokenizers: canonical composition and the classes that patterns name.
#include "text/unicode.h"

#include "helpers.h"

namespace fulmar {
namespace {

TEST(Unicode, TextsAreComposedAsTheStandardSays) {
  const struct {
    std::string from, to;
  } cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"e\u0301", "\u00e9"},
      {"\u00e9", "\u00e9"},
      {"\u212b", "\u00c5"},                    // angstrom: a singleton
      {"\u0344", "\u0308\u0301"},              // never composed
      {"\u0958", "\u0915\u093c"},              // excluded from composition
      {"q\u0307\u0323", "q\u0323\u0307"},      // marks in the order of their classes
      {"e\u0323\u0301", "\u1eb9\u0301"},       // the lower mark joins first
      {"s\u0307\u0323", "\u1e69"},             // and here both join
      {"\u1112\u1161\u11ab", "\ud55c"},        // Hangul
      {"\ud55c\u1112\u1161", "\ud55c\ud558"},  //
      {"e\u0301\u0301", "\u00e9\u0301"},
      {"a\xff\u0301", "a\xff\u0301"},  // nothing joins across a byte that is no character
      {"\xc3", "\xc3"},
      {"e\u0301\xcc", "\u00e9\xcc"},
      {"\xed\xa0\x80", "\xed\xa0\x80"},
      {"\u2460\ufb01", "\u2460\ufb01"},  // compatibility characters stay
  };
  for (const auto& [from, to] : cases) EXPECT_EQ(compose_nfc(from), to) << from;
}

TEST(Unicode, AMegabyteOfMarksOutOfOrderTakesNoQuadraticTime) {
  std::string marks = "a";
  for (int i = 0; i < 150000; ++i) marks += "\u0301\u0323\u0327";
  const std::string composed = compose_nfc(marks);
  EXPECT_EQ(composed.substr(0, 7), "\u1ea1\u0327\u0327");
  EXPECT_EQ(composed.size(), marks.size());
}

TEST(Unicode, ClassesAreThoseOfPatterns) {
  const struct {
    const char* text;
    CharClass kind;
    std::size_t length;
  } cases[] = {
      {"a", CharClass::letter, 1},       {"Z", CharClass::letter, 1},
      {"\u00e9", CharClass::letter, 2},  {"\u4e2d", CharClass::letter, 3},
      {"\u02b0", CharClass::letter, 2},  {"\U00020000", CharClass::letter, 4},
      {"7", CharClass::number, 1},       {"\u0663", CharClass::number, 2},
      {"\u00bd", CharClass::number, 2},  {"\u2167", CharClass::number, 3},
      {" ", CharClass::space, 1},        {"\t", CharClass::space, 1},
      {"\v", CharClass::space, 1},       {"\u0085", CharClass::space, 2},
      {"\u00a0", CharClass::space, 2},   {"\u2028", CharClass::space, 3},
      {"\u3000", CharClass::space, 3},   {"\x1c", CharClass::other, 1},
      {"\u200b", CharClass::other, 3},   {"\u0301", CharClass::other, 2},
      {"_", CharClass::other, 1},        {"\U0001f600", CharClass::other, 4},
      {"\xff", CharClass::other, 1},     {"\xe4\xb8", CharClass::other, 1},
      {"\xc0\x80", CharClass::other, 1},
  };
  for (const auto& [text, kind, length] : cases) {
    const Character found = front_character(text);
    EXPECT_EQ(found.kind, kind) << text;
    EXPECT_EQ(found.length, length) << text;
  }
}

}  // namespace
}  // namespace fulmar
