// Sets of texts and of numbers hold what they say, counted against lists and against doubles.
#include "text/text_automaton.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "fulmar/error.h"
#include "text/schema_numbers.h"

namespace fulmar {
namespace {

// Every text of up to three of these letters.
std::vector<std::string> all_texts() {
  std::vector<std::string> texts{""};
  for (std::size_t i = 0; i < texts.size(); ++i)
    for (const char* letter : {"a", "b", "\xC3\xA9"})
      if (texts[i].size() < 5) texts.push_back(texts[i] + letter);
  return texts;
}

TEST(TextAutomaton, SetsCombineAsSetsDo) {
  const std::vector<std::string> all = all_texts();
  for (std::size_t seed = 0; seed < 40; ++seed) {
    std::vector<std::string> a, b;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((i * 7919 + seed * 31) % 5 < 2) a.push_back(all[i]);
      if ((i * 104729 + seed * 17) % 7 < 3) b.push_back(all[i]);
    }
    const std::set<std::string> in_a(a.begin(), a.end()), in_b(b.begin(), b.end());
    const TextAutomaton one = TextAutomaton::one_of(a), other = TextAutomaton::one_of(b);
    const TextAutomaton both = one & other, either = one | other, less = one - other;
    for (const std::string& text : all) {
      EXPECT_EQ(both.has(text), in_a.contains(text) && in_b.contains(text));
      EXPECT_EQ(either.has(text), in_a.contains(text) || in_b.contains(text));
      EXPECT_EQ(less.has(text), in_a.contains(text) && !in_b.contains(text));
    }
    EXPECT_EQ((one - other) | (one & other), one) << "equal sets compare equal";
    EXPECT_TRUE((both - other).empty());
    const TextAutomaton outside = TextAutomaton::anything() - one;
    EXPECT_EQ(TextAutomaton::anything() - outside, one);
  }
}

TEST(TextAutomaton, LengthsCountCharacters) {
  const TextAutomaton two = TextAutomaton::of_length(2, 3);
  EXPECT_TRUE(two.has("\xC3\xA9\xF0\x9F\x98\x80"));
  EXPECT_FALSE(two.has("\xF0\x9F\x98\x80"));
  EXPECT_FALSE(two.has("abcd"));
  EXPECT_EQ(TextAutomaton::of_length(2, unbounded) & TextAutomaton::of_length(0, 3), two);
  EXPECT_THROW(TextAutomaton::of_length(0, 10'000), Error);
}

TEST(SchemaNumbers, RangesAndMultiplesAreThoseOfTheNumbers) {
  std::vector<std::string> spellings;
  for (int quarters = -520; quarters <= 520; ++quarters) {
    spellings.push_back(fmt::format("{}", quarters / 4.0));
    spellings.push_back(fmt::format("{:.3f}", quarters / 4.0));
  }
  for (const char* bound : {"-100", "-12.5", "-1", "0", "0.25", "7", "10", "99.75", "1e2", "125e-2"}) {
    const double value = std::stod(bound);
    const Decimal decimal = Decimal::of(bound);
    const TextAutomaton below = numbers_beside(decimal, Side::below),
                        above = numbers_beside(decimal, Side::above),
                        equal = numbers_beside(decimal, Side::equal),
                        not_below = numbers_beside(decimal, Side::not_below),
                        not_above = numbers_beside(decimal, Side::not_above);
    for (const std::string& spelling : spellings) {
      const double number = std::stod(spelling);
      SCOPED_TRACE(fmt::format("{} and {}", spelling, bound));
      EXPECT_EQ(below.has(spelling), number < value);
      EXPECT_EQ(above.has(spelling), number > value);
      EXPECT_EQ(equal.has(spelling), number == value);
      EXPECT_EQ(not_below.has(spelling), number >= value);
      EXPECT_EQ(not_above.has(spelling), number <= value);
    }
  }
  for (const char* divisor : {"1", "3", "0.25", "0.5", "2.5", "10", "20", "60", "100"}) {
    TextAutomaton multiples;
    ASSERT_TRUE(multiples_of(Decimal::of(divisor), multiples));
    for (const std::string& spelling : spellings) {
      const double times = std::stod(spelling) / std::stod(divisor);
      EXPECT_EQ(multiples.has(spelling), times == std::floor(times)) << spelling << " and " << divisor;
    }
  }
  TextAutomaton multiples;
  ASSERT_TRUE(multiples_of(Decimal::of("1"), multiples));
  EXPECT_EQ(multiples, whole_numbers());
  ASSERT_TRUE(multiples_of(Decimal::of("86400000"), multiples));
  for (int64_t times = -1000; times <= 1000; ++times)
    for (const int64_t more : {0, 1, 10, 100'000, 400'000})
      EXPECT_EQ(multiples.has(std::to_string(times * 86'400'000 + more)), more == 0) << times << " and " << more;
  EXPECT_FALSE(multiples_of(Decimal::of("0.123456789"), multiples));
  for (const char* divisor : {"0.123456789", "1234567", "98.7654321"}) {
    const TextAutomaton some = some_multiples_of(Decimal::of(divisor));
    for (const int times : {0, 1, -1, 7, 99, 1000, -50000})
      EXPECT_TRUE(some.has(fmt::format("{:.12g}", times * std::stod(divisor)))) << times << " times " << divisor;
    EXPECT_FALSE(some.has(fmt::format("{:.12g}", 1.01 * std::stod(divisor)))) << divisor;
  }
}

}  // namespace
}  // namespace fulmar
