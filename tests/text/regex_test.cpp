// Regular expressions: what they match, wherever ^ and $ stand, and what of them is refused and where.
#include "text/regex.h"

#include <gtest/gtest.h>
#if __has_include(<regex.h>)
#include <regex.h>
#endif

#include <random>

#include "grammar_helpers.h"
#include "helpers.h"

namespace fulmar {
namespace {

using test::accepts;
using test::regex_grammar;
using test::thrown;

struct Row {
  const char* pattern;
  std::vector<std::string> accepted, rejected;
};

void check(const Row& row, bool whole) {
  const Grammar grammar = regex_grammar(row.pattern, whole);
  for (const std::string& one : row.accepted) EXPECT_TRUE(accepts(grammar, one)) << row.pattern << " and '" << one << "'";
  for (const std::string& one : row.rejected) EXPECT_FALSE(accepts(grammar, one)) << row.pattern << " and '" << one << "'";
}

TEST(Regex, MatchesWholeTexts) {
  const Row table[] = {
      {"", {""}, {"a"}},
      {"abc", {"abc"}, {"ab", "abcd"}},
      {"^abc$", {"abc"}, {"ab", "abcd"}},
      {"a|bc|", {"a", "bc", ""}, {"b", "ac"}},
      {"(a|b)*c+?d??", {"c", "abcc", "bcd"}, {"", "d", "ad"}},
      {"[0-9]{4}-\\d{2,3}", {"2024-12", "2024-123"}, {"2024-1", "2024-1234", "20-12"}},
      {"\\w+@\\w+\\.(?:com|org)", {"a_b@c1.com"}, {"@c.com", "a@b.net", "a b@c.com"}},
      {"[^\\d\\s]+", {"ab-\xc3\xa4"}, {"a1", "a b", ""}},
      {".", {"a", "\xe4\xbd\xa0", "\t"}, {"", "\n", "\r", "\xe2\x80\xa8", "ab"}},
      {"\\x41\\u00e4\\u{1F600}\\uD83D\\uDE00\\t\\cA\\0", {std::string("A\xc3\xa4\xf0\x9f\x98\x80\xf0\x9f\x98\x80\t\x01\0", 14)}, {"A"}},
      {"[a-c\\-x]+", {"abc-x"}, {"d", "b]"}},
      {"[-a]+[a-]", {"-a", "a-", "--a"}, {"b", ""}},
      {"a{,x}{y}", {"a{,x}{y}"}, {"a"}},
      {"(?<year>\\d+)(?P<m>x)", {"1x"}, {"x"}},
      {"\\(\\)\\[\\]\\{\\}\\.\\*\\+\\?\\^\\$\\|\\\\\\/", {"()[]{}.*+?^$|\\/"}, {""}},
      {"(a*)*b", {"b", "aab"}, {"a"}},
      {"(a{1,3}){2,5}", {"aa", std::string(15, 'a')}, {"a", std::string(16, 'a')}},
      {"((a|b)(c|d)){2}", {"acbd"}, {"ac", "acbdac"}},
  };
  for (const Row& row : table) check(row, true);
}

TEST(Regex, MatchesAnywhereUnlessItIsBoundToAnEnd) {
  const Row table[] = {
      {"b", {"b", "abc", "bb", "\nb\n"}, {"", "ac"}},
      {"^b", {"b", "bc"}, {"ab"}},
      {"b$", {"b", "ab"}, {"ba"}},
      {"^b$", {"b"}, {"ab", "ba"}},
      {"^a|b$", {"a", "ax", "xb", "b"}, {"xa", "bx"}},
      {"(^a|b)c", {"ac", "acx", "xbcx"}, {"xac", "b"}},
      {"a(b|c$)", {"xabx", "xac"}, {"acx"}},
      {"", {"", "anything"}, {}},
      {"^$", {""}, {"a"}},
      {"^", {"", "a"}, {}},
      {"\\Aab\\z", {"ab"}, {"xab", "abx"}},
      {"aa", {"aa", "baab", "aaa"}, {"aba"}},
  };
  for (const Row& row : table) check(row, false);
}

TEST(Regex, RefusesWhatItCannotDoByPosition) {
  const std::pair<const char*, const char*> table[] = {
      {"ab(?=c)", "at character 3 of the pattern: lookaround"},
      {"(?!a)", "lookaround"},
      {"(?<=a)b", "lookaround"},
      {"(a)\\1", "at character 4 of the pattern: backreferences"},
      {"\\k<a>", "backreferences"},
      {"a\\b", "at character 2 of the pattern: \\b"},
      {"\\p{L}", "\\p{...}"},
      {"(?i)a", "flags"},
      {"(a", "\")\" is missing"},
      {"a)", "at character 2 of the pattern: \")\""},
      {"[a", "the class has no end"},
      {"[]a]", "an empty class"},
      {"[b-a]", "the range's end"},
      {"[a-\\d]", "single characters"},
      {"[[:alpha:]]", "classes by name"},
      {"*a", "nothing before this"},
      {"a**", "needs parentheses"},
      {"a{3,2}", "larger than the second"},
      {"a{,3}", "write {0,n}"},
      {"a^b", "at character 2 of the pattern: ^ may only stand at the beginning"},
      {"\xc3\xa4$b", "at character 2 of the pattern: $ may only stand at the end"},
      {"(^a)*", "cannot be repeated"},
      {"\\ud800", "surrogate"},
      {"\\q", "the escape \\q is not known"},
      {"\\", "ends in an escape"},
      {"a{2000000}", "more than 1000000 times"},
  };
  for (const auto& [pattern, message] : table) {
    const std::string said = thrown(ErrorKind::bad_request, [&] { regex_grammar(pattern); });
    EXPECT_NE(said.find(message), said.npos) << pattern << ": " << said;
  }
  EXPECT_NE(thrown(ErrorKind::bad_request, [] { regex_grammar(std::string(2000, '(')); }).find("nest too deep"), std::string::npos);
}

TEST(Regex, CharactersAreWrittenAsTheAnswerNeedsThem) {
  GrammarBuilder builder;
  RegexOptions options;
  options.write = [](GrammarBuilder& into, const CodePointSet& set) {
    const NodeId plain = into.chars(set.without({{'"', '"'}}));
    return set.has('"') ? into.choice({plain, into.literal("\\\"")}) : plain;
  };
  const NodeId node = add_regex(builder, "a\".", options);
  const Grammar grammar = builder.build(node, "root");
  EXPECT_TRUE(accepts(grammar, "a\\\"x"));
  EXPECT_TRUE(accepts(grammar, "a\\\"\\\""));
  EXPECT_FALSE(accepts(grammar, "a\"x"));
}

#if __has_include(<regex.h>)

// One pattern as it is here, and as POSIX writes it.
struct Spelled {
  std::string ours, posix;
};

Spelled random_pattern(std::mt19937& random, int depth) {
  switch (random() % (depth > 3 ? 5 : 9)) {
    case 0:
    case 1: {
      const std::string letter(1, "abc1"[random() % 4]);
      return {letter, letter};
    }
    case 2: return {"\\d", "[0-9]"};
    case 3: return random() % 2 == 0 ? Spelled{"[^a1]", "[^a1]"} : Spelled{"[a-b2-]", "[a-b2-]"};
    case 4: return {"\\w", "[A-Za-z0-9_]"};
    case 5: {
      const Spelled inner = random_pattern(random, depth + 1);
      const unsigned least = random() % 3;
      const std::string counts = fmt::format("{{{},{}}}", least, least + random() % 3);
      const std::string suffix = std::vector<std::string>{"*", "+", "?", counts}[random() % 4];
      return {"(?:" + inner.ours + ")" + suffix + (random() % 4 == 0 ? "?" : ""), "(" + inner.posix + ")" + suffix};
    }
    case 6: {
      const Spelled one = random_pattern(random, depth + 1), other = random_pattern(random, depth + 1);
      return {"(" + one.ours + "|" + other.ours + ")", "(" + one.posix + "|" + other.posix + ")"};
    }
    default: {
      const Spelled one = random_pattern(random, depth + 1), other = random_pattern(random, depth + 1);
      return {one.ours + other.ours, one.posix + other.posix};
    }
  }
}

TEST(Regex, MatchesWhatTheSystemsLibraryMatches) {
  std::mt19937 random(11);
  std::size_t matched = 0, others = 0;
  for (int round = 0; round < 400; ++round) {
    Spelled pattern = random_pattern(random, 0);
    const bool whole = random() % 2 == 0;
    if (whole) {
      pattern.posix = "^(" + pattern.posix + ")$";
    } else if (random() % 3 == 0) {
      pattern = {"^" + pattern.ours, "^" + pattern.posix};
    } else if (random() % 3 == 0) {
      pattern = {pattern.ours + "$", pattern.posix + "$"};
    }
    regex_t compiled;
    ASSERT_EQ(regcomp(&compiled, pattern.posix.c_str(), REG_EXTENDED | REG_NOSUB), 0) << pattern.posix;
    GrammarMachine machine(std::make_shared<const GrammarProgram>(compile_grammar(regex_grammar(pattern.ours, whole))));
    for (int i = 0; i < 40; ++i) {
      std::string text;
      for (unsigned length = random() % 7; length > 0; --length) text += "abc12-_"[random() % 7];
      GrammarMachine::Place place = machine.start();
      for (const char byte : text) place = machine.step(place, static_cast<unsigned char>(byte));
      const bool expected = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
      ASSERT_EQ(machine.may_end(place), expected) << pattern.ours << " and '" << text << "'";
      ++(expected ? matched : others);
    }
    regfree(&compiled);
  }
  EXPECT_GT(matched, 1000u);
  EXPECT_GT(others, 1000u);
}

#endif

}  // namespace
}  // namespace fulmar
