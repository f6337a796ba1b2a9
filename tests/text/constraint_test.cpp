// Masks over the real vocabulary: exactly the tokens that the grammar reads, and texts made of them that it accepts.
#include "text/constraint.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <random>
#include <thread>

#include "grammar_helpers.h"
#include "helpers.h"
#include "text/json_schema.h"

namespace fulmar {
namespace {

constexpr uint32_t V = 65536;

const std::shared_ptr<const Tokenizer>& world() {
  static const auto tokenizer = open_tokenizer(test::shipped_table());
  return tokenizer;
}

const std::shared_ptr<const TokenTrie>& world_trie() {
  static const auto trie = std::make_shared<const TokenTrie>(*world(), V);
  return trie;
}

const char* const grammars[] = {
    test::json_gbnf,
    R"(root ::= "{\"name\": \"" [^"\\\x00-\x1f]{0,40} "\", \"age\": " [0-9]{1,3} "}")",
    R"(root ::= [a-z]+ ("," " "? [a-z]{2,5})*)",
    R"(root ::= "\"" key "\"" 
key ::= | [^n"\\\x00-\x1f] rest | "n" (| [^a"\\\x00-\x1f] rest)
rest ::= [^"\\\x00-\x1f]*)",
    R"(root ::= "yes" | "no" | "Yes, of course" | "never")",
    R"(root ::= [^\n]* "\n" (.{3,7} "\n")*)",
    "root ::= \"a\" root \"b\" | \"a\" root \"c\" | [\xe4\xb8\x80-\xe9\xbf\xbf]{1,4}",
    R"(root ::= [ -~]{1,3} [a-z]{2,9} "!" [\x80-\U0010FFFF]*)",
    // What is counted, with one way to read it and with several, up to what begins alike and up to what does not.
    R"(root ::= "\"" ([^"\\\x00-\x1f] | "\\" [n"]){3,12} "\"")",
    R"(root ::= "\"" [^"\x00-\x1f]{0,9} "\"" | "\"" [^"\x00-\x1f]{2,20} "\"!")",
    R"(root ::= [a-z]{2,5} [a-z0-9]{3} "." | [a-z ]{4,8} "!")",
    R"(root ::= [A-Za-z] [A-Za-z0-9]{0,7} ("," [a-z] [A-Za-z0-9]{4,6})*)",
    R"(root ::= [a-z\u0400-\u04ff]{1,7} "." [\u4e00-\u9fff\u0400-\u04ff]{2,4})",
    // The same, without counting: a rule for each place.
    R"(root ::= [a-z_] a
a ::= "," root | [a-z0-9_] b
b ::= "," root | [a-z0-9_] c
c ::= "," root | [a-z0-9_\u00e0-\u00ff] d
d ::= "," root | [a-z0-9_] "," root | ".")",
};

// Token by token, byte by byte.
TokenSet naive_mask(GrammarMachine& machine, GrammarMachine::Place place) {
  TokenSet set(V / 64);
  for (Token token = 0; token < static_cast<Token>(V); ++token) {
    const std::string_view bytes = world_trie()->bytes(token);
    GrammarMachine::Place at = place;
    for (const char byte : bytes) at = machine.step(at, static_cast<unsigned char>(byte));
    if (!bytes.empty() && at != GrammarMachine::dead) set[static_cast<std::size_t>(token) / 64] |= uint64_t{1} << (token % 64);
  }
  return set;
}

TEST(Constraint, MasksHaveExactlyTheTokensThatTheGrammarReads) {
  std::mt19937 random(3);
  std::vector<std::pair<const char*, Grammar>> all;
  for (const char* text : grammars) all.emplace_back(text, parse_gbnf(text));
  for (const char* schema :
       {R"({"type":"array","items":{"type":"string","minLength":2,"maxLength":18}})",
        R"({"type":"array","items":{"anyOf":[{"type":"string","pattern":"^[a-z_][a-z0-9_]{0,14}$"},{"type":"string","format":"email"}]}})",
        R"({"type":"object","propertyNames":{"pattern":"^[a-z]{1,9}$"},"additionalProperties":{"type":["string","integer"],"maxLength":3}})",
        R"({"type":"object","properties":{"ab":{"type":"number"},"abc":{"enum":["x","xy"]}},"additionalProperties":{"type":"string"}})"})
    all.emplace_back(schema, compile_json_schema(schema));
  for (const auto& [text, grammar] : all) {
    ConstraintRun run(std::make_shared<const Constraint>(grammar, world_trie()));
    GrammarMachine machine(std::make_shared<const GrammarProgram>(compile_grammar(grammar)));
    std::string said;
    GrammarMachine::Place place = machine.start();
    for (int i = 0; i < 25; ++i) {
      const auto mask = run.mask();
      ASSERT_EQ(*mask, naive_mask(machine, place)) << text << "\nbehind: " << said;
      std::vector<Token> allowed = test::listed(*mask);
      if (allowed.empty()) break;
      // Short ones more often: they lead to more places.
      Token token = allowed[random() % allowed.size()];
      for (int j = 0; j < 3; ++j)
        if (const Token other = allowed[random() % allowed.size()]; world()->bytes(other).size() < world()->bytes(token).size())
          token = other;
      const std::string_view bytes = world()->bytes(token);
      ASSERT_TRUE(run.accept(bytes)) << text << "\nbehind: " << said;
      said += bytes;
      for (const char byte : bytes) place = machine.step(place, static_cast<unsigned char>(byte));
    }
  }
}

TEST(Constraint, WalksOverAllowedTokensEndInTextsOfTheGrammar) {
  std::mt19937 random(5);
  int ended = 0;
  for (const char* text : grammars) {
    const Grammar grammar = parse_gbnf(text);
    const auto constraint = std::make_shared<const Constraint>(grammar, world_trie());
    for (int walk = 0; walk < 20; ++walk) {
      ConstraintRun run(constraint);
      std::string said;
      for (int i = 0; i < 60 && !run.is_over() && !(run.may_end() && random() % 4 == 0); ++i) {
        const std::vector<Token> allowed = test::listed(*run.mask());
        ASSERT_FALSE(allowed.empty() && !run.may_end()) << text << " is stuck behind " << said;
        if (allowed.empty()) break;
        const std::string_view bytes = world()->bytes(allowed[random() % allowed.size()]);
        ASSERT_TRUE(run.accept(bytes));
        said += bytes;
      }
      if (!run.may_end()) continue;
      ++ended;
      EXPECT_TRUE(test::NaiveGrammar(grammar, said).matches()) << text << "\nand " << said;
    }
  }
  EXPECT_GT(ended, 40);
}

TEST(Constraint, AllowsTheTokensOfEveryTextOfTheGrammar) {
  const std::pair<const char*, std::vector<std::string>> table[] = {
      {test::json_gbnf,
       {R"({"name": "Ada \"Countess\" L\u00e9", "year": -1815.5e3, "tags": ["a", [], {}, null, true], "\u4f60": {"x": {"y": [[1]]}}})",
        "{}", "{\"\xe4\xbd\xa0\xe5\xa5\xbd\": \"\xf0\x9f\x98\x80\xf0\x9f\xa6\x80 \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\"}"}},
      {grammars[2], {"hello", "one, two,three"}},
      {grammars[4], {"yes", "Yes, of course", "never"}},
      {grammars[5], {"any line \"of\" \\ text\n", "x\nfour5\nabc\n"}},
  };
  for (const auto& [text, samples] : table) {
    const auto constraint = std::make_shared<const Constraint>(parse_gbnf(text), world_trie());
    for (const std::string& sample : samples) {
      ConstraintRun run(constraint);
      for (const Token token : world()->encode_plain(sample)) {
        EXPECT_TRUE(test::has(*run.mask(), token)) << sample << ": " << world()->bytes(token);
        ASSERT_TRUE(run.accept(world()->bytes(token))) << sample;
      }
      EXPECT_TRUE(run.may_end()) << sample;
    }
  }
}

TEST(Constraint, KnowsTheBytesThatAloneMayFollow) {
  const auto constraint = std::make_shared<const Constraint>(
      parse_gbnf(R"(root ::= "{\"answer\": " ("true" | "talse") "}" " "?)"), world_trie());
  ConstraintRun run(constraint);
  EXPECT_EQ(run.forced(100), "{\"answer\": t");
  EXPECT_EQ(run.forced(3), "{\"a");
  ASSERT_TRUE(run.accept("{\"answer\": tr"));
  EXPECT_EQ(run.forced(100), "ue}");
  ASSERT_TRUE(run.accept("ue}"));
  EXPECT_EQ(run.forced(100), "");  // the text may end here
  EXPECT_TRUE(run.may_end());
  EXPECT_FALSE(run.is_over());
  EXPECT_FALSE(run.accept("x"));
  ASSERT_TRUE(run.accept(" "));
  EXPECT_TRUE(run.is_over());
  EXPECT_TRUE(test::listed(*run.mask()).empty());
}

// Far past what one keeps: places are taken along into a new room.
TEST(Constraint, LongAnswersTakeBoundedMemory) {
  const Grammar grammar = parse_gbnf("root ::= \"[\" (item \",\" )* \"]\"\nitem ::= [a-z]{0,200000} | root");
  const auto constraint = std::make_shared<const Constraint>(grammar, world_trie());
  ConstraintRun run(constraint), other(constraint);
  std::string said;
  const auto say = [&](std::string_view bytes) {
    static_cast<void>(run.mask());
    ASSERT_TRUE(run.accept(bytes)) << said.size();
    said += bytes;
  };
  for (int i = 0; i < 2000; ++i) say("[abcdefg,");
  for (int i = 0; i < 20000; ++i) say("abcd");
  for (int i = 0; i < 2000; ++i) {
    say(",");
    say("]");
  }
  EXPECT_TRUE(run.is_over());
  EXPECT_TRUE(other.accept("[[abc,],]"));
  EXPECT_TRUE(other.is_over());
}

std::string in_each_other(int rules) {
  std::string text = "root ::= r0\n";
  for (int i = 0; i < rules; ++i) text += fmt::format("r{} ::= r{} r{}\n", i, i + 1, i + 1);
  return text + fmt::format("r{} ::= [a-z]?", rules);
}

std::vector<Grammar> costly_grammars() {
  std::string counters;
  for (int i = 0; i < 200; ++i) counters += fmt::format("{}.{{{},500}}{}", i == 0 ? "(" : "|", i, static_cast<char>('a' + i % 26));
  return {parse_gbnf(in_each_other(150)), test::regex_grammar("(((.{0,1000}){0,1000}){0,1000}b){0,1000}"), test::regex_grammar(counters + ")*")};
}

std::size_t allocated() {
  const auto info = mallinfo2();  // all zero under a sanitizer
  return info.uordblks + info.hblkhd;
}

// Four answers held to one form each: what is counted is what the C library has given out, and all of it comes back.
TEST(Constraint, CostlyFormsTakeNoMoreThanTheirBounds) {
  std::mt19937 random(11);
  static_cast<void>(world_trie());
  for (const Grammar& grammar : costly_grammars()) {
    const auto memory = std::make_shared<ConstraintMemory>(0);
    auto constraint = std::make_shared<const Constraint>(grammar, world_trie(), memory);
    const std::size_t before = allocated(), counted_before = *memory;
    std::vector<ConstraintRun> runs(4, ConstraintRun(constraint));
    for (int i = 0; i < 40; ++i) {
      constraint->allow(1 << 18);
      for (ConstraintRun& run : runs) {
        const std::vector<Token> allowed = test::listed(*run.mask());
        if (allowed.empty()) continue;
        try {
          EXPECT_TRUE(run.accept(world()->bytes(allowed[random() % allowed.size()])) || run.is_cut());
        } catch (const Error& error) {
          EXPECT_EQ(error.kind(), ErrorKind::bad_request);
        }
      }
      ASSERT_LT(*memory, std::size_t{40} << 20);
    }
    EXPECT_LT(allocated(), before + 2 * (*memory - counted_before) + (std::size_t{2} << 20));
    runs.clear();
    constraint.reset();
    EXPECT_EQ(*memory, 0u);
  }
}

// The same set but for the longer tokens; and where there is work again, all of it.
TEST(Constraint, BeyondItsShareOfAStepOnlySingleBytesMayCome) {
  for (const char* text : grammars) {
    const Grammar grammar = parse_gbnf(text);
    const auto constraint = std::make_shared<const Constraint>(grammar, world_trie());
    GrammarMachine machine(std::make_shared<const GrammarProgram>(compile_grammar(grammar)));
    TokenSet whole = naive_mask(machine, machine.start()), bytes = whole;
    for (const Token token : test::listed(whole))
      if (world()->bytes(token).size() > 1) bytes[static_cast<std::size_t>(token) / 64] &= ~(uint64_t{1} << (token % 64));
    ConstraintRun run(constraint);
    constraint->allow(0);
    EXPECT_EQ(*run.mask(), bytes) << text;
    constraint->allow(max_mask_work);
    EXPECT_EQ(*run.mask(), whole) << text;
  }
}

TEST(Constraint, ManyThreadsMayUseOne) {
  const auto constraint = std::make_shared<const Constraint>(parse_gbnf(test::json_gbnf), world_trie());
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      ConstraintRun run(constraint);
      for (int i = 0; i < 60 && !run.is_over(); ++i) {
        const std::vector<Token> allowed = test::listed(*run.mask());
        ASSERT_FALSE(allowed.empty());
        ASSERT_TRUE(run.accept(world()->bytes(allowed[random() % allowed.size()])));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(TokenTrie, SaysWhetherALongerTokenMayCome) {
  EXPECT_TRUE(world_trie()->goes_on("hel"));
  EXPECT_FALSE(world_trie()->goes_on("hel\x01"));
  EXPECT_TRUE(world_trie()->goes_on(""));
}

}  // namespace
}  // namespace fulmar
