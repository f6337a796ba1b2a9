// Values of small JSON files by their paths, and files that ask for too much.
#include "text/json_fields.h"

#include <gmock/gmock.h>

#include "helpers.h"

namespace fulmar {
namespace {

using test::thrown;
using testing::HasSubstr;

TEST(JsonFields, ValuesAreFoundByTheirPathAndType) {
  const JsonFields fields(
      R"({"a": 3, "b": {"c": [true, "x", {"d": 0.5}]}, "e": null, "big": 18446744073709551615})", "f.json");
  EXPECT_EQ(fields.number("a"), 3.0);
  EXPECT_EQ(fields.flag("b.c.0"), true);
  EXPECT_EQ(fields.text("b.c.1"), "x");
  EXPECT_EQ(fields.number("b.c.2.d"), 0.5);
  EXPECT_EQ(fields.number("big"), 18446744073709551615.0);
  EXPECT_EQ(fields.text("a"), std::nullopt);
  EXPECT_EQ(fields.number("b"), std::nullopt);
  EXPECT_EQ(fields.number("e"), std::nullopt);
  EXPECT_EQ(fields.number(""), std::nullopt);
  for (const char* path : {"a", "b", "b.c", "b.c.0", "b.c.2"}) EXPECT_TRUE(fields.has(path)) << path;
  for (const char* path : {"", "e", "c", "b.c.3"}) EXPECT_FALSE(fields.has(path)) << path;
}

TEST(JsonFields, FilesThatAskForTooMuchAreRefused) {
  const auto refusal = [](const std::string& file) {
    return thrown(ErrorKind::bad_file, [&] { JsonFields(file, "f.json"); });
  };
  EXPECT_THAT(refusal("[1]"), HasSubstr("f.json: the JSON is no object"));
  EXPECT_THAT(refusal("{\"a\": 1"), HasSubstr("f.json: is not valid JSON"));
  EXPECT_THAT(refusal("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"),
              HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal(std::string((1 << 20) + 1, ' ')), HasSubstr("larger than 1 MiB"));
  std::string many = "{\"a\":[0";
  for (int i = 0; i < 70'000; ++i) many += ",0";
  EXPECT_THAT(refusal(many + "]}"), HasSubstr("more than 65536 values"));
  // What stands below a name longer than any is not kept, however often.
  std::string deep = "{\"" + std::string(300, 'k') + "\":[0";
  for (int i = 0; i < 70'000; ++i) deep += ",0";
  EXPECT_EQ(refusal(deep + "]}"), "nothing was thrown");
}

}  // namespace
}  // namespace fulmar
