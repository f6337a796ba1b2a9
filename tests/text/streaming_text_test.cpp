// Text as it streams: no half characters, no bad bytes, no part of a stop string, however it was cut.
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "helpers.h"
#include "text/tokenizer.h"

namespace fulmar {
namespace {

using test::random_bytes;

TEST(Detokenizer, ACharacterInPiecesAppearsWhole) {
  Detokenizer detokenizer(open_tokenizer("bytes"));
  EXPECT_EQ(detokenizer.push('a'), "a");
  EXPECT_EQ(detokenizer.push(0xf0), "");
  EXPECT_EQ(detokenizer.push(0x9f), "");
  EXPECT_EQ(detokenizer.push(0x98), "");
  EXPECT_EQ(detokenizer.push(0x80), "\xf0\x9f\x98\x80");
  EXPECT_EQ(detokenizer.push(0xe4), "");
  EXPECT_EQ(detokenizer.push('b'),
            "\xef\xbf\xbd"
            "b");
  EXPECT_EQ(detokenizer.push(0xff), "\xef\xbf\xbd");
  EXPECT_EQ(detokenizer.push(0xe4), "");
  EXPECT_EQ(detokenizer.finish(), "\xef\xbf\xbd");
  EXPECT_EQ(detokenizer.finish(), "");
}

TEST(Detokenizer, StreamedTextEqualsTheWholeTextRepairedAtOnce) {
  std::mt19937 random(3);
  const auto world = open_tokenizer(test::shipped_table());
  for (int round = 0; round < 300; ++round) {
    std::vector<Token> tokens(random() % 60);
    // Half the rounds draw from the single bytes, so that characters fall apart; ids without text are drawn
    // too.
    for (Token& token : tokens) token = static_cast<Token>(random() % (round % 2 ? 257 : 65540));
    Detokenizer detokenizer(world);
    std::string streamed;
    for (const Token token : tokens) {
      const std::string piece = detokenizer.push(token);
      EXPECT_TRUE(is_utf8(piece));
      streamed += piece;
    }
    streamed += detokenizer.finish();
    EXPECT_EQ(streamed, replace_bad_utf8(world->decode(tokens)));
  }
}

// Everything before the first stop string of the whole text.
std::pair<std::string, bool> naive_stop(const std::string& text, const std::vector<std::string>& stops) {
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops) first = std::min(first, stop.empty() ? first : text.find(stop));
  return {text.substr(0, first), first != std::string::npos};
}

TEST(StopMatcher, AnyCutOfTheTextGivesTheSameAsTheWhole) {
  std::mt19937 random(4);
  int found = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::string> stops(random() % 4);
    for (std::string& stop : stops) {
      for (unsigned length = random() % 6; length > 0; --length) stop += "ab"[random() % 2];
    }
    std::string text;
    for (unsigned length = random() % 30; length > 0; --length) text += "abc"[random() % (round % 2 ? 2 : 3)];
    const auto [expected, stopped] = naive_stop(text, stops);
    StopMatcher matcher(stops);
    std::string shown;
    for (std::size_t at = 0; at < text.size() && !matcher.stopped();) {
      const std::size_t length = random() % 4;
      shown += matcher.push(std::string_view(text).substr(at, length));
      ASSERT_TRUE(expected.starts_with(shown)) << "part of a stop string was shown";
      at += length;
    }
    shown += matcher.finish();
    EXPECT_EQ(shown, expected) << text;
    EXPECT_EQ(matcher.stopped(), stopped) << text;
    found += stopped;
  }
  EXPECT_GT(found, 5000);
}

TEST(StopMatcher, NothingIsHeldBackThatCannotBecomeAStop) {
  StopMatcher matcher({"\n\nUser:", "#"});
  EXPECT_EQ(matcher.push("Hi\n"), "Hi");
  EXPECT_EQ(matcher.push("\nUse"), "");
  EXPECT_EQ(matcher.push("s\n\n\nUser"), "\n\nUses\n");
  EXPECT_FALSE(matcher.stopped());
  EXPECT_EQ(matcher.push(": x"), "");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.push("more"), "");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, AMatchWaitsForOneThatBeganBeforeIt) {
  StopMatcher longer({"bc", "abcd"}), shorter({"bc", "abcd"});
  EXPECT_EQ(longer.push("xabc"), "x");
  EXPECT_FALSE(longer.stopped());
  EXPECT_EQ(longer.push("d"), "");
  EXPECT_TRUE(longer.stopped());
  EXPECT_EQ(longer.which(), 1u) << "the one that began first";
  EXPECT_EQ(shorter.push("xabc"), "x");
  EXPECT_EQ(shorter.finish(), "a");
  EXPECT_TRUE(shorter.stopped());
  EXPECT_EQ(shorter.which(), 0u);
}

TEST(StopMatcher, AMegabyteOfAlmostMatchesPassesThrough) {
  // Work quadratic in the stop string or the text would not end within a test's patience.
  const std::string almost(10000, 'a');
  StopMatcher matcher({almost + "b", almost + "c"});
  std::size_t shown = 0;
  for (int i = 0; i < 1 << 20; ++i) shown += matcher.push("a").size();
  EXPECT_EQ(shown, (1u << 20) - 10000u);
  EXPECT_EQ(matcher.finish().size(), 10000u);
  EXPECT_FALSE(matcher.stopped());
}

}  // namespace
}  // namespace fulmar
