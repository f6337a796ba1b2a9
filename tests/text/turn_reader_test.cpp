// An answer is what the model said, without the characters that close what the template opened, and apart from
// what it thought.
#include "text/turn_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace fulmar {
namespace {

Turn turn_of(TurnOpening opening, std::string begun = {}, bool together = false) {
  Turn turn;
  turn.opening = opening;
  turn.begun = std::move(begun);
  turn.together = together;
  return turn;
}

const Turn named = turn_of(TurnOpening::name), thinks = turn_of(TurnOpening::thought, "<think"),
           faked = turn_of(TurnOpening::faked, "<think></think");

// "[thought]text"
std::string read(const Turn& turn, const std::vector<std::string>& pieces) {
  TurnReader reader(turn);
  TurnText all;
  const auto add = [&all](const TurnText& news) {
    all.thought += news.thought;
    all.text += news.text;
  };
  for (const std::string& piece : pieces) add(reader.push(piece));
  add(reader.finish());
  return all.thought.empty() ? all.text : "[" + all.thought + "]" + all.text;
}

TEST(TurnReader, TheSpaceAfterTheNameIsNotTheAnswers) {
  EXPECT_EQ(read(named, {"", " ", " a", " b"}), " a b");
  EXPECT_EQ(read(named, {" a", " b"}), "a b");
  EXPECT_EQ(read(named, {"a", " b"}), "a b");
  EXPECT_EQ(read(turn_of(TurnOpening::raw), {" <think>a</think>"}), " <think>a</think>");
  EXPECT_EQ(read(turn_of(TurnOpening::continued, "one"), {" two"}), " two");
  EXPECT_EQ(read(turn_of(TurnOpening::spaced, "one"), {" two"}), "two");
}

TEST(TurnReader, AFakedThoughtsEndIsTakenOffHoweverTheTextIsCut) {
  for (const bool together : {false, true}) {
    const Turn turn = turn_of(TurnOpening::faked, "<think>\n</think", together);
    EXPECT_EQ(read(turn, {">", "", "\n", "\n a", "\n b"}), "a\n b");
    EXPECT_EQ(read(turn, {">\na>"}), "a>");
    EXPECT_EQ(read(turn, {"a"}), "a");
  }
}

TEST(TurnReader, AQuotationsMarkStays) {
  EXPECT_EQ(read(faked, {">\n> quoted"}), "> quoted");
  EXPECT_EQ(read(faked, {">", "\n", ">", " quoted"}), "> quoted");
  EXPECT_EQ(read(named, {" > quoted"}), "> quoted");
}

TEST(TurnReader, TogetherAThoughtIsAWholeElement) {
  EXPECT_EQ(read(turn_of(TurnOpening::thought, "<think", true), {"", ">", "\nwhy</think> b"}),
            "<think>\nwhy</think> b");
  EXPECT_EQ(read(turn_of(TurnOpening::thought, "<think", true), {"\nwhy</think> b"}), "<think>\nwhy</think> b");
  EXPECT_EQ(read(turn_of(TurnOpening::name, "", true), {" <think>why</think> b"}), "<think>why</think> b");
}

// What each turn is, whatever its text's pieces are.
TEST(TurnReader, EveryCutOfATurnReadsTheSame) {
  const struct {
    Turn turn;
    std::string said, expected;
  } cases[] = {
      {thinks, ">\nBecause.\n</think>\n\nYes.\n", "[Because.]Yes.\n"},
      {thinks, ">a<b </thin </thinking> c </think>d</think>e", "[a<b </thin </thinking> c]d</think>e"},
      {thinks, "no bracket</think>x", "[no bracket]x"},
      {thinks, "></think>x", "x"},
      {thinks, "> never ends </thi", "[never ends </thi]"},
      {thinks, "> ends so </think", "[ends so]"},
      {thinks, ">  \n", ""},
      {turn_of(TurnOpening::thought, "<think>嗯"), "，好\n</think>\n是", "[嗯，好]是"},
      {named, " <think>\nmine\n</think>\nYes", "[mine]Yes"},
      {named, " <thin air>", "<thin air>"},
      {named, " <think", "<think"},
      {named, " a <think>b</think>c", "a <think>b</think>c"},
      {faked, ">\n\n <think>b</think>c", "<think>b</think>c"},
      {turn_of(TurnOpening::continued, "<think>\nLet me"), " see.</think> Yes", "[ see.]Yes"},
      {turn_of(TurnOpening::continued, "<think>a</think>b"), " c</think>", " c</think>"},
      {turn_of(TurnOpening::continued, "<think"), ">why</think>b", "[why]b"},
      {turn_of(TurnOpening::continued, "<think"), "why</think>b", "[why]b"},
      {turn_of(TurnOpening::continued, "<th"), "ink>why</think>b", "[why]b"},
      {turn_of(TurnOpening::continued, "<th"), "in air>", "in air>"},
      {turn_of(TurnOpening::continued, "<th"), "", ""},
      {turn_of(TurnOpening::spaced, "<th"), " in", "in"},
      {turn_of(TurnOpening::continued, "<think>x</think"), ">b", "b"},
      {turn_of(TurnOpening::continued, "<think>x</think"), "\nb", "b"},
      {turn_of(TurnOpening::continued, "<think>x</thi"), "nk>b", "b"},
      {turn_of(TurnOpening::continued, "<think>x</thi"), "n</think>b", "[n]b"},
      {turn_of(TurnOpening::continued, "<think>x</thi"), "", ""},
      {turn_of(TurnOpening::continued, "<think>x</thi"), "nking> y", "[nking> y]"},
      {turn_of(TurnOpening::continued, "<think>x\n\n"), "y</think>b", "[y]b"},
  };
  std::mt19937 random(7);
  for (const auto& [turn, said, expected] : cases) {
    EXPECT_EQ(read(turn, {said}), expected);
    for (size_t cut = 1; cut < said.size(); ++cut)
      EXPECT_EQ(read(turn, {said.substr(0, cut), said.substr(cut)}), expected) << cut;
    for (int round = 0; round < 50; ++round) {
      std::vector<std::string> pieces;
      for (size_t at = 0; at < said.size();) {
        const size_t length = 1 + random() % 3;
        pieces.push_back(said.substr(at, length));
        at += length;
      }
      EXPECT_EQ(read(turn, pieces), expected);
    }
  }
}

TEST(TurnReader, AThoughtThatIsClosedForTheModelNeedsNoBracket) {
  TurnReader reader(thinks);
  EXPECT_EQ(reader.push(">Long").thought, "Long");
  EXPECT_TRUE(reader.thinking());
  reader.expect_end();
  EXPECT_EQ(reader.push("\n</think").thought, "");
  EXPECT_FALSE(reader.thinking());
  EXPECT_EQ(reader.push(">\n").text, "");
  EXPECT_EQ(reader.push("Yes").text, "Yes");
}

TEST(TurnReader, TogetherTheMarkThatIsFedIsWhole) {
  const std::string after[] = {">\nYes <a>", "\nYes <a>"};
  for (const std::string& said : after) {
    TurnReader reader(turn_of(TurnOpening::thought, "<think", true));
    std::string text = reader.push("Long </thi").text;
    reader.expect_end();
    for (const char* piece : {"\n", "</", "think"}) text += reader.push(piece).text;
    for (const char c : said) text += reader.push(std::string(1, c)).text;
    text += reader.finish().text;
    EXPECT_EQ(text, "<think>Long </thi\n</think>\nYes <a>");
  }
}

TEST(TurnReader, NothingIsHeldBackThatIsClear) {
  TurnReader reader(thinks);
  EXPECT_EQ(reader.push("> a b").thought, "a b");
  EXPECT_EQ(reader.push(" <").thought, "");
  EXPECT_EQ(reader.push("c").thought, " <c");
}

// A model may write blanks for ever: what is held back of them has an end.
TEST(TurnReader, WhiteSpaceIsNotHeldBackForEver) {
  const std::string blanks(100, ' ');
  TurnReader start(named), thought(thinks);
  EXPECT_EQ(thought.push("> a").thought, "a");
  std::string text, thoughts;
  for (int i = 0; i < 10; ++i) {
    text += start.push(blanks).text;
    thoughts += thought.push(blanks).thought;
  }
  EXPECT_GE(text.size(), 600u);
  EXPECT_GE(thoughts.size(), 600u);
  EXPECT_EQ(start.push("<think>b").text, "<think>b") << "so late it is no thought";
  EXPECT_EQ(thought.push("</think>c").text, "c");
}

TEST(TurnReader, SaysWhetherAThoughtMayBeEnding) {
  TurnReader reader(thinks);
  reader.push("> a");
  EXPECT_FALSE(reader.ending());
  reader.push(" </thi");
  EXPECT_TRUE(reader.ending());
  reader.push("nk");
  EXPECT_TRUE(reader.ending());
  reader.push("ing");
  EXPECT_FALSE(reader.ending());
  reader.push("</think");
  EXPECT_EQ(reader.push(">b").text, "b");
  EXPECT_FALSE(reader.ending());
}

}  // namespace
}  // namespace fulmar
