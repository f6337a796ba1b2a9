// An answer is what the model said, without the characters that close what the template opened.
#include "text/turn_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace fulmar {
namespace {

std::string read(TurnOpening opening, const std::vector<std::string>& pieces) {
  TurnReader reader(opening);
  std::string all;
  for (const std::string& piece : pieces) all += reader.push(piece);
  return all;
}

TEST(TurnReader, TheSpaceAfterTheNameIsNotTheAnswers) {
  EXPECT_EQ(read(TurnOpening::name, {"", " ", " a", " b"}), " a b");
  EXPECT_EQ(read(TurnOpening::name, {" a", " b"}), "a b");
  EXPECT_EQ(read(TurnOpening::name, {"a", " b"}), "a b");
  EXPECT_EQ(read(TurnOpening::none, {" a"}), " a");
}

TEST(TurnReader, AFakedThoughtsEndIsTakenOffHoweverTheTextIsCut) {
  EXPECT_EQ(read(TurnOpening::faked, {">", "", "\n", "\n a", "\n b"}), "a\n b");
  EXPECT_EQ(read(TurnOpening::faked, {">\na>"}), "a>");
  EXPECT_EQ(read(TurnOpening::faked, {"a"}), "a");
}

TEST(TurnReader, AQuotationsMarkStays) {
  EXPECT_EQ(read(TurnOpening::faked, {">\n> quoted"}), "> quoted");
  EXPECT_EQ(read(TurnOpening::faked, {">", "\n", ">", " quoted"}), "> quoted");
  EXPECT_EQ(read(TurnOpening::name, {" > quoted"}), "> quoted");
}

TEST(TurnReader, AThoughtIsAWholeElement) {
  EXPECT_EQ(read(TurnOpening::thought, {"", ">", "\nwhy</think> b"}), "<think>\nwhy</think> b");
}

}  // namespace
}  // namespace fulmar
