// JSON's end is found byte by byte, and what is none is told at its first wrong byte.
#include "base/json_scanner.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json_text.h"

namespace fulmar {
namespace {

using Found = JsonScanner::Found;

// Where it ended, or -1 - the place of the byte that is wrong; its size: more could come.
int read(std::string_view text) {
  JsonScanner scanner;
  for (size_t at = 0; at < text.size(); ++at) {
    const Found found = scanner.push(text[at]);
    if (found == Found::whole) return static_cast<int>(at) + 1;
    if (found == Found::wrong) return -1 - static_cast<int>(at);
  }
  return static_cast<int>(text.size());
}

TEST(JsonScanner, AValueEndsWithItsBracket) {
  for (const std::string_view json :
       {"{}", "[]", " {\"a\":1}", R"({"a":[1,-2.5e+3,0,0.1,1E9,"x\"\\\/\b\f\n\r\t\u00Ff",true,false,null,{},[[]]],"b":{"c":[]}})",
        "[ 1 , 2 ]", "{ \"a\" : \"}\" }", "[\"\xC3\xBC\"]"}) {
    EXPECT_EQ(read(std::string(json) + "x"), static_cast<int>(json.size())) << json;
    for (size_t cut = 0; cut < json.size(); ++cut) EXPECT_EQ(read(json.substr(0, cut)), static_cast<int>(cut)) << json << cut;
  }
}

TEST(JsonScanner, TheFirstWrongByteTells) {
  const std::pair<std::string_view, int> rows[] = {
      {"x", 0}, {"\"a\"", 0}, {"1", 0}, {"{a", 1}, {"{,", 1}, {"{]", 1}, {"[}", 1}, {"[,", 1}, {"{\"a\"}", 4}, {"{\"a\":}", 5},
      {"{\"a\":1,}", 7}, {"[1,]", 3}, {"[1 2", 3}, {"[01", 2}, {"[-a", 2}, {"[1.]", 3}, {"[1.e", 3}, {"[1e]", 3}, {"[1e+]", 4}, {"[.5", 1},
      {"[+1", 1}, {"[1.5.", 4}, {"[1e5e", 4}, {"[1e5.", 4}, {"[tru]", 4}, {"[nul1", 4}, {"[\"\n", 2}, {"[\"\\x", 3}, {"[\"\\u00g", 6}, {"['", 1},
      {"{\"a\" 1", 5}, {"[--1", 2}, {"{\"a\":1;", 6}};
  for (const auto& [text, place] : rows) EXPECT_EQ(read(text), -1 - place) << text;
}

TEST(JsonScanner, NestingHasABound) {
  const std::string open(max_json_depth, '['), close(max_json_depth, ']');
  EXPECT_EQ(read(open + close), static_cast<int>(2 * max_json_depth));
  EXPECT_EQ(read(open + "["), -1 - static_cast<int>(max_json_depth));
  std::string mixed;
  for (size_t i = 0; i < max_json_depth / 2; ++i) mixed += "[{\"a\":";
  EXPECT_EQ(read(mixed + "1" + "]"), -1 - static_cast<int>(mixed.size() + 1));
}

TEST(JsonScanner, AnObjectIsWholeAndAlone) {
  for (const std::string_view json : {"{}", " {\"a\": [1]} \n"}) EXPECT_TRUE(is_json_object(json)) << json;
  for (const std::string_view json : {"", " ", "[]", "{", "{}{}", "{} x", "\"{}\"", "1"}) EXPECT_FALSE(is_json_object(json)) << json;
}

TEST(JsonText, EscapesAreReadBack) {
  const std::string all = "a\"\\/\b\f\n\r\t\x01 \xC3\xA9 \xF0\x9F\x90\xA6";
  const std::string quoted = json_quoted(all);
  EXPECT_EQ(json_unescaped(quoted.substr(1, quoted.size() - 2)), all);
  EXPECT_EQ(json_unescaped(R"(\u0041\u00e9\u6d77\ud83d\udc26\/)"), "A\xC3\xA9\xE6\xB5\xB7\xF0\x9F\x90\xA6/");
  EXPECT_EQ(json_unescaped(R"(\ud83d \udc26 \ud83d\u0041)"), "\xEF\xBF\xBD \xEF\xBF\xBD \xEF\xBF\xBD" "A");
  EXPECT_EQ(json_unescaped(R"(\x \u00 \)"), R"(\x \u00 \)");
}

}  // namespace
}  // namespace fulmar
