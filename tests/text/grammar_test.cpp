// Grammars: what they read, what of them is refused, and that the automaton reads what a plain reader by trial does.
#include "text/grammar.h"

#include <gtest/gtest.h>

#include <random>

#include "grammar_helpers.h"
#include "helpers.h"

namespace fulmar {
namespace {

using test::accepts;
using test::begins;
using test::regex_grammar;
using test::thrown;

struct Reading {
  const char* grammar;
  std::vector<std::string> accepted, rejected;
};

TEST(Gbnf, ReadsAllOfItsSyntaxAsLlamaCppDoes) {
  const Reading table[] = {
      {R"(root ::= "a")", {"a"}, {"", "b", "aa"}},
      {R"(root ::= "")", {""}, {"a"}},
      {R"(root ::= "a" | "b" "c" | )", {"a", "bc", ""}, {"ab", "b", "c"}},
      {R"(root ::= "a"? "b"* "c"+)", {"c", "ac", "bbc", "abcc"}, {"", "a", "ab", "aac"}},
      {R"(root ::= "ab"{2})", {"abab"}, {"ab", "ababab", "abb"}},
      {R"(root ::= [0-9]{2,} "-" [a-f]{1,3} "!"{,2})", {"12-a", "123456-abc!!"}, {"1-a", "12-", "12-abcd", "12-a!!!"}},
      {R"(root ::= [^a-c\]\-"]+)", {"d", "xyz", "\xc3\xa4", "\xf0\x9f\x98\x80"}, {"", "a", "]", "-", "\"", "\xc3", "\xff"}},
      {R"(root ::= .)", {"a", "\n", "\xe4\xbd\xa0"}, {"", "ab", "\xe4\xbd", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"}},
      {R"(root ::= "\x41\u00e4\U0001F600\n\t\"\\\[\]")", {"A\xc3\xa4\xf0\x9f\x98\x80\n\t\"\\[]"}, {"A"}},
      {"# nothing\nroot ::= # more\n  (\n \"a\" # in parentheses\n | \"b\"\n )+ other\nother ::= \"c\"\n  | \"d\"", {"ac", "bbad"}, {"a", "c"}},
      {"root ::= list\nlist ::= \"(\" list? \")\" list?", {"()", "(())", "()(())", "((()())())"}, {"", "(", ")(", "(()"}},
      {"root ::= item (\",\" item)*\nitem ::= [a-z] item-more?\nitem-more ::= [0-9]+", {"a", "a1,b,c22"}, {"", "a,", "1"}},
      {"root ::= \"a\" root | \"a\"", {"a", "aaaa"}, {"", "b"}},
      {"root ::= x x x x x\nx ::= \"a\"?", {"", "a", "aaaaa"}, {"aaaaaa"}},
      {"root ::= x{3,5}\nx ::= \"a\"? \"b\"?", {"", "ab", "aaaaa", "ababababab", "ba"}, {"aaaaaa", "ababababababa"}},
      {"root ::= (x y)* \"!\"\nx ::= y | \"a\"\ny ::= \"b\" | \"\"", {"!", "a!", "bb!", "abab!"}, {"", "c!"}},
      {"root ::= [a-z]{2,3} [a-z]{0,2} \"z\"", {"abz", "abcz", "abcdz", "abcdez", "zzz"}, {"az", "abcdefz", "abc"}},
      {"root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"-\"", {"-", "a-b", "aa-cb", "aaa-bcb"}, {"a-", "a-bb", "aa-b"}},
  };
  for (const auto& [text, accepted, rejected] : table) {
    const Grammar grammar = parse_gbnf(text);
    for (const std::string& one : accepted) EXPECT_TRUE(accepts(grammar, one)) << text << " and " << one;
    for (const std::string& one : rejected) EXPECT_FALSE(accepts(grammar, one)) << text << " and " << one;
    for (const std::string& one : accepted) EXPECT_TRUE(test::NaiveGrammar(grammar, one).matches()) << text << " and " << one;
  }
}

TEST(Gbnf, RefusesByLineAndColumn) {
  const std::pair<const char*, const char*> table[] = {
      {"", "no rule \"root\""},
      {"a ::= \"b\"", "no rule \"root\""},
      {"root ::= \"a", "line 1, column 12: the literal has no end"},
      {"root ::= [a", "the class has no end"},
      {"root ::= (\"a\"", "\")\" is expected"},
      {"root ::= \"a\")", "line 1, column 13: a rule, \"|\" or the end is expected"},
      {"root ::= * \"a\"", "nothing before this"},
      {"root ::= \"a\"{3,2}", "the first of these numbers is larger"},
      {"root ::= \"a\"{x}", "{m}, {m,}"},
      {"root ::= \"\\q\"", "this escape is none"},
      {"root ::= \"\\ud800\"", "no character of Unicode"},
      {"root ::= [z-a]", "the range's end"},
      {"root ::= other", "\"other\", which it does not define"},
      {"root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: the rule \"root\" is defined twice"},
      {"root = \"a\"", "\"::=\" is expected"},
      {"root ::= <think>", "grammars of tokens are not supported"},
      {"root ::= \"a\"{2000000}", "more than 1000000 times"},
      {"root ::= \"\xff\"", "no UTF-8"},
  };
  for (const auto& [text, message] : table) {
    const std::string said = thrown(ErrorKind::bad_request, [&] { parse_gbnf(text); });
    EXPECT_NE(said.find(message), said.npos) << text << ": " << said;
  }
  std::string deep = "root ::= ";
  for (int i = 0; i < 1000; ++i) deep += "(";
  EXPECT_NE(thrown(ErrorKind::bad_request, [&] { parse_gbnf(deep); }).find("nest deeper"), std::string::npos);
  EXPECT_NE(thrown(ErrorKind::bad_request, [&] { parse_gbnf(std::string(max_gbnf_bytes + 1, ' ')); }).find("bytes"),
            std::string::npos);
}

TEST(Grammar, RefusesWhatNeverEndsOrCallsItselfFirst) {
  const std::pair<const char*, const char*> table[] = {
      {"root ::= root \"a\" | \"b\"", "\"root\" is left recursive"},
      {"root ::= a\na ::= b \"x\" | \"y\"\nb ::= \"z\"? a | \"q\"", "is left recursive"},
      {"root ::= \"a\" root", "matches no text that ends"},
      {"root ::= [^\\x00-\\U0010FFFF]", "matches no text that ends"},
  };
  for (const auto& [text, message] : table) {
    const Grammar grammar = parse_gbnf(text);
    const std::string said = thrown(ErrorKind::bad_request, [&] { compile_grammar(grammar); });
    EXPECT_NE(said.find(message), said.npos) << text << ": " << said;
  }
  // Ways that lead nowhere are no ways.
  const Grammar grammar = parse_gbnf("root ::= \"a\" dead | \"b\"\ndead ::= \"c\" dead");
  EXPECT_FALSE(begins(grammar, "a"));
  EXPECT_TRUE(accepts(grammar, "b"));
}

TEST(Grammar, RefusesWhatBecomesTooLarge) {
  GrammarBuilder twice;
  NodeId node = twice.literal("ab");
  for (int i = 0; i < 40; ++i) node = twice.sequence({node, node});
  const Grammar grammar = twice.build(node, "root");
  EXPECT_NE(thrown(ErrorKind::bad_request, [&] { compile_grammar(grammar); }).find("larger than"), std::string::npos);
  EXPECT_NE(thrown(ErrorKind::bad_request,
                   [] {
                     GrammarBuilder many;
                     for (std::size_t i = 0; i <= max_grammar_nodes; ++i) many.empty();
                   }).find("more than"),
            std::string::npos);
  std::string optional = "root ::= ";
  for (int i = 0; i < 6000; ++i) optional += fmt::format("\"{}\"? ", i);
  const Grammar many = parse_gbnf(optional);
  EXPECT_NE(thrown(ErrorKind::bad_request, [&] { compile_grammar(many); }).find("left out"), std::string::npos);
}

TEST(Grammar, AChainOfRulesMayBeDeep) {
  std::string chain = "root ::= r0\n";
  for (int i = 0; i < 400; ++i) chain += fmt::format("r{} ::= \"(\" r{} \")\" | r{} \"x\"\n", i, i + 1, i + 1);
  chain += "r400 ::= \"!\"\n";
  const Grammar grammar = parse_gbnf(chain);
  EXPECT_TRUE(accepts(grammar, "(((!" + std::string(397, 'x') + ")))"));
  EXPECT_FALSE(accepts(grammar, "(!" + std::string(400, 'x')));
}

// A grammar whose ways to read a text are as many as 2^its length stays cheap: what agrees on top is one.
TEST(Grammar, AmbiguityCostsNoMoreThanTheTextIsLong) {
  const Grammar grammar = parse_gbnf("root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"a\" root | \"-\"");
  GrammarMachine machine(std::make_shared<const GrammarProgram>(compile_grammar(grammar)));
  GrammarMachine::Place place = machine.start();
  for (int i = 0; i < 300; ++i) place = machine.step(place, 'a');
  place = machine.step(place, '-');
  EXPECT_TRUE(machine.may_end(place));
  for (int i = 0; i < 300; ++i) place = machine.step(place, "bc"[i % 2]);
  EXPECT_TRUE(machine.may_end(place));
  EXPECT_EQ(machine.step(place, 'b'), GrammarMachine::dead);
  EXPECT_LT(machine.work(), 1'000'000u);
}

// Each rule is the next one twice, and the last one is a sign or nothing: 2^rules ways to read nothing.
std::string doubled(int rules) {
  std::string text = "root ::= r0\n";
  for (int i = 0; i < rules; ++i) text += fmt::format("r{} ::= r{} r{}\n", i, i + 1, i + 1);
  return text + fmt::format("r{} ::= \"x\"?", rules);
}

TEST(Grammar, AStepHasABoundWhereWaysDoubleWithEachRule) {
  for (const int rules : {4, 6}) {
    const Grammar grammar = parse_gbnf(doubled(rules));
    for (const std::size_t count : {0, 1, 15, 16, 17, 63, 64, 65})
      EXPECT_EQ(accepts(grammar, std::string(count, 'x')), count <= std::size_t{1} << rules) << count;
  }
  for (const int rules : {50, 150, 300}) {
    GrammarMachine machine(std::make_shared<const GrammarProgram>(compile_grammar(parse_gbnf(doubled(rules)))));
    GrammarMachine::Place place = machine.start();
    for (int i = 0; i < 20; ++i) {
      const uint64_t before = machine.work();
      place = machine.step(place, 'x');
      EXPECT_LT(machine.work() - before, 3 * GrammarMachine::most_step_work) << rules;
      EXPECT_NE(place, GrammarMachine::dead);
    }
    EXPECT_LT(machine.bytes(), std::size_t{32} << 20);
  }
}

// Nodes of all kinds at random; rules only read on after a byte, so that none is left recursive.
Grammar random_grammar(std::mt19937& random) {
  GrammarBuilder builder;
  std::vector<RuleId> rules;
  for (int i = 0; i < 3; ++i) rules.push_back(builder.rule(fmt::format("r{}", i)));
  const auto make = [&](auto&& self, int depth, bool read) -> NodeId {
    const unsigned kind = random() % (depth > 3 ? 3 : 8);
    switch (kind) {
      case 0: return builder.literal(std::string(1 + random() % 2, "ab"[random() % 2]));
      case 1: {
        ByteSet set;
        set.add('a', static_cast<unsigned char>('a' + random() % 3));
        return builder.bytes(set);
      }
      case 2: return builder.chars({{'b', 'c'}, {0xE4, 0xE4 + static_cast<uint32_t>(random() % 3)}});
      case 3: return builder.choice({self(self, depth + 1, read), self(self, depth + 1, read), self(self, depth + 1, read)});
      case 4: {
        const uint32_t min = random() % 3;
        return builder.repeat(self(self, depth + 1, read), min, random() % 3 == 0 ? unbounded : min + random() % 6);
      }
      case 5: return read ? builder.reference(rules[random() % rules.size()]) : builder.empty();
      default: return builder.sequence({self(self, depth + 1, read), builder.literal("a"), self(self, depth + 1, true)});
    }
  };
  for (const RuleId rule : rules) builder.define(rule, builder.choice({builder.literal("c"), make(make, 0, false)}));
  return builder.build(rules[0]);
}

TEST(Grammar, ReadsWhatAPlainReaderByTrialReads) {
  std::mt19937 random(7);
  std::size_t accepted = 0, rejected = 0;
  for (int round = 0; round < 300; ++round) {
    const Grammar grammar = random_grammar(random);
    GrammarMachine machine(std::make_shared<const GrammarProgram>(compile_grammar(grammar)));
    for (int i = 0; i < 60; ++i) {
      // Along bytes that are allowed, with a wrong one now and then.
      GrammarMachine::Place place = machine.start();
      std::string text;
      const std::size_t length = random() % 12;
      while (text.size() < length && place != GrammarMachine::dead) {
        const char byte = "abc\xc3\xa4\xa5"[random() % 6];
        const GrammarMachine::Place next = machine.step(place, static_cast<unsigned char>(byte));
        if (next == GrammarMachine::dead && random() % 16 != 0 && machine.width(place) > 0) continue;
        text += byte;
        place = next;
      }
      const bool expected = test::NaiveGrammar(grammar, text).matches();
      ASSERT_EQ(machine.may_end(place), expected) << "round " << round << ": " << text;
      ++(expected ? accepted : rejected);
    }
  }
  EXPECT_GT(accepted, 1000u);
  EXPECT_GT(rejected, 1000u);
}

}  // namespace
}  // namespace fulmar
