// A value is found in JSON text wherever it stands, and keeps its spelling.
#include "base/json_source.h"

#include <gtest/gtest.h>

namespace fulmar {
namespace {

TEST(JsonSource, FindsMembersAsTheParserDoes) {
  const JsonSource object(R"( {"a":[1,{"b":2}],"c}":"]\"","\u0062" : 3 , "b":4.50 } )");
  EXPECT_EQ(object.member("b").compact(), "4.50");  // the last one
  EXPECT_EQ(object.member("c}").compact(), R"("]\"")");
  EXPECT_EQ(object.member("a").entries().size(), 2u);
  EXPECT_EQ(object.member("a").entries()[1].member("b").compact(), "2");
  EXPECT_EQ(JsonSource(R"({"\u0062":1})").member("b").compact(), "1");
  EXPECT_EQ(object.member("none").compact(), "");
  EXPECT_TRUE(object.member("b").entries().empty());
  EXPECT_TRUE(object.member("b").member("b").entries().empty());
}

TEST(JsonSource, ReadsEntriesWhateverStandsBetween) {
  const auto entries = JsonSource("[ 1 ,\n\"a,b\", [ ] ,{ }, null ]").entries();
  ASSERT_EQ(entries.size(), 5u);
  const char* const expected[] = {"1", R"("a,b")", "[]", "{}", "null"};
  for (size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(entries[i].compact(), expected[i]);
  EXPECT_TRUE(JsonSource("[ ]").entries().empty());
}

TEST(JsonSource, NeverReadsPastTheText) {
  for (const char* cut : {"", " ", "{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"\\", "[", "[1", "[1,", "[\"\\"}) {
    const JsonSource source{std::string_view(cut)};
    source.member("a");
    source.entries();
  }
}

}  // namespace
}  // namespace fulmar
