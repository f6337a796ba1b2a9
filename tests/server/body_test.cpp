// Bodies that are not quite JSON or not quite UTF-8: taken where the meaning is plain, else refused by their
// place.
#include <fmt/format.h>

#include "answer/body.h"
#include "answer/json.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

// Empty where the body was taken, else what is wrong with it.
std::string complaint(std::string_view body) {
  try {
    api::parse_object(body);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    return error.what();
  }
  return {};
}

std::string text_of(std::string_view body) {
  return std::string(api::parse_object(body).at("prompt").as_string());
}

// The kinds that public JSON tests list as valid, in a field that nobody reads.
TEST(Bodies, AnyValidJsonMayStandInAnIgnoredField) {
  for (const std::string& value : std::vector<std::string>{"[[]]",
                                                           "[]",
                                                           "[\"\"]",
                                                           "{}",
                                                           "{\"\":0}",
                                                           "{\"a\":1,\"a\":2}",
                                                           "[1,null,\"1\",{}]",
                                                           " [1] ",
                                                           "[\t\n\r 1]",
                                                           "-0",
                                                           "-0.0",
                                                           "0e1",
                                                           "0E+1",
                                                           "20e1",
                                                           "1E-2",
                                                           "123.456e78",
                                                           "0.1",
                                                           "-1",
                                                           "123e65",
                                                           "-0.0000000000000000000000000001",
                                                           "9223372036854775808",
                                                           "-9223372036854775809",
                                                           "100000000000000000000000000000",
                                                           "1e400",
                                                           "true",
                                                           "false",
                                                           "null",
                                                           R"("\"\\\/\b\f\n\r\t")",
                                                           R"("\u0000")",
                                                           R"("\uD801\udc37")",
                                                           R"("\ud83d\ude39\ud83d\udc8d")",
                                                           R"("\u2028\u2029")",
                                                           R"("\\u0000 \\ud83d")",
                                                           R"("\uFFFE \uFDD0 \uDBFF\uDFFE")",
                                                           "\"\x7f\"",
                                                           "\"\xf4\x8f\xbf\xbf\"",
                                                           "\"\xe2\x80\xa8\"",
                                                           std::string(100, '[') + std::string(100, ']'),
                                                           '"' + std::string(100'000, 'a') + '"'})
    for (const char* frame : {R"({{"prompt":"a","ignored":{}}})", R"({{"ignored":{},"prompt":"a"}})"}) {
      const std::string body = fmt::format(fmt::runtime(frame), value);
      EXPECT_EQ(complaint(body), "") << body.substr(0, 200);
    }
}

TEST(Bodies, WhatIsNoJsonIsRefusedWhereverItStands) {
  for (const std::string& value : std::vector<std::string>{"",
                                                           "1 true",
                                                           "[1,]",
                                                           "[,1]",
                                                           "[1,,2]",
                                                           "[1",
                                                           "1]",
                                                           "[",
                                                           "]",
                                                           "{",
                                                           "{\"a\":1,}",
                                                           "{\"a\"}",
                                                           "{\"a\" 1}",
                                                           "{a:1}",
                                                           "{1:1}",
                                                           "{'a':1}",
                                                           "{\"a\":1 \"b\":2}",
                                                           "{,}",
                                                           "01",
                                                           "-01",
                                                           "+1",
                                                           ".1",
                                                           "1.",
                                                           "-.1",
                                                           "1.e1",
                                                           "1e",
                                                           "1e+",
                                                           "0x1",
                                                           "--1",
                                                           "-",
                                                           "1a",
                                                           "Inf",
                                                           "-Infinity",
                                                           "NaN",
                                                           "nan",
                                                           "True",
                                                           "nul",
                                                           "tru",
                                                           "undefined",
                                                           "'a'",
                                                           "\"a",
                                                           "\"\\x00\"",
                                                           "\"\\u12\"",
                                                           "\"\\u12g4\"",
                                                           "\"\\ud83d\\u12\"",
                                                           "\"\\\"",
                                                           "\"\\a\"",
                                                           "\"a\nb\"",
                                                           "\"\t\"",
                                                           std::string("\"\0\"", 3),
                                                           "\\u0020",
                                                           "/* a */ 1",
                                                           "1 // a",
                                                           "\"a\"x",
                                                           "\xef\xbb\xbf"
                                                           "1",
                                                           "\xe2\x81\xa0",
                                                           "*",
                                                           "<a>",
                                                           "[1]]",
                                                           "{}}",
                                                           "\f1",
                                                           std::string("1\0", 2),
                                                           "\"\xff\"",
                                                           "\"\xc3\"",
                                                           "\"\xed\xa0\x80\"",
                                                           "\"\xf4\x90\x80\x80\"",
                                                           "\"\xc0\xaf\"",
                                                           "\xe5"}) {
    for (const std::string& body : {"{\"prompt\":\"a\",\"ignored\":" + value + "}",
                                    "{\"ignored\":" + value + ",\"prompt\":\"a\"}", value})
      EXPECT_NE(complaint(body), "") << body;
  }
  for (const char* value : {"[]", "1", "\"a\"", "null", "true", " "})
    EXPECT_NE(complaint(value), "") << value;
}

TEST(Bodies, HalfAnEmojiIsAReplacementCharacter) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(text_of(R"({"prompt":"a\ud83d"})"), "a" + bad);
  EXPECT_EQ(text_of(R"({"prompt":"\ude39b"})"), bad + "b");
  EXPECT_EQ(text_of(R"({"prompt":"\ud83dx\ude39"})"), bad + "x" + bad);
  EXPECT_EQ(text_of(R"({"prompt":"\ud83d\ud83d\ude39"})"), bad + "\xf0\x9f\x98\xb9");
  EXPECT_EQ(text_of(R"({"prompt":"\uD83D\n\udE39\u0041"})"), bad + "\n" + bad + "A");
  EXPECT_EQ(text_of(R"({"prompt":"\\ud83d"})"), "\\ud83d");  // a backslash and a text
  EXPECT_EQ(text_of(R"({"prompt":"\\\ud83d"})"), "\\" + bad);
}

TEST(Bodies, AByteOrderMarkIsSkipped) {
  EXPECT_EQ(text_of("\xef\xbb\xbf{\"prompt\":\"a\"}"), "a");
  EXPECT_NE(complaint("\xef\xbb\xbf").find("empty"), std::string::npos);
}

TEST(Bodies, OtherEncodingsAreNamedWithTheirPlace) {
  // "鸟" in GBK
  const std::string gbk = complaint("{\n \"prompt\":\"\xc4\xf1\"}");
  EXPECT_NE(gbk.find("not UTF-8 at byte 13 (line 2, column 12): 0xc4"), std::string::npos) << gbk;
  for (const std::string& body :
       {std::string("\xff\xfe{\0\"\0", 6), std::string("\xfe\xff\0{\0\"", 6), std::string("{\0\"\0a\0", 6),
        std::string("\0{\0\"", 4), std::string("{\0\0\0", 4), std::string("\0\0\0{", 4)})
    EXPECT_NE(complaint(body).find("UTF-16"), std::string::npos) << complaint(body);
}

TEST(Bodies, SyntaxErrorsSayWhere) {
  const auto says = [](std::string_view body, std::string_view place) {
    const std::string what = complaint(body);
    EXPECT_NE(what.find(place), std::string::npos) << what << "\n" << body;
  };
  says("{\"a\":1,\n\"b\":x}", "byte 12 (line 2, column 5)");
  says("{\"é\":x}", "byte 6 (line 1, column 6)");
  says("\xef\xbb\xbf{x", "byte 4");
  says("{\"a\":1", "ends too early, at byte 6");
  says("{\"a\":1}}", "byte 7");
  says("{\"a\":\"\\ud83d\",\"b\":x}", "byte 18");  // the mended half does not move it
  says("", "empty");
  says("[1]", "an array");
}

TEST(Bodies, DepthAndNumberOfValuesAreBounded) {
  const auto nested = [](size_t depth) {
    return "{\"prompt\":\"a\",\"x\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(complaint(nested(api::kBodyDepth)), "");
  EXPECT_NE(complaint(nested(api::kBodyDepth + 1)).find("deeper than 128 levels"), std::string::npos);
  EXPECT_NE(complaint("{\"x\":" + std::string(1'000'000, '[')), "");
  const auto long_list = [](size_t values) {
    std::string body = "{\"x\":[0";
    for (size_t i = 1; i < values; ++i) body += ",0";
    return body + "]}";
  };
  EXPECT_EQ(complaint(long_list(api::kBodyValues - 2)), "");  // the object and the list count too
  EXPECT_NE(complaint(long_list(api::kBodyValues)).find("more than 1048576 values"), std::string::npos);
  EXPECT_EQ(complaint("{\"prompt\":\"" + std::string(2 * api::kBodyValues, ',') + "\"}"),
            "");  // commas of a text
}

// Their hashes can be made to agree by whoever knows the library: then each name is compared with all before it.
TEST(Bodies, MembersOfObjectsAreBounded) {
  const auto object = [](size_t members) {
    std::string text = "{\"0\":[0,0,{}]";
    for (size_t i = 1; i < members; ++i) text += fmt::format(",\"{}\":0", i);
    return text + "}";
  };
  EXPECT_EQ(complaint(object(api::kBodyMembers - 1)), "");
  EXPECT_NE(complaint(object(api::kBodyMembers + 1)).find("object of more than 8192 members"), std::string::npos);
  const auto list = [](size_t count, const std::string& of) {
    std::string text = "{\"x\":[" + of;
    for (size_t i = 1; i < count; ++i) text += "," + of;
    return text + "]}";
  };
  EXPECT_EQ(complaint(list(3, object(api::kBodyMembers / 2))), "");
  EXPECT_NE(complaint(list(5, object(api::kBodyMembers / 2))).find("several nearly as large"), std::string::npos);
  EXPECT_EQ(complaint(list(25'000, object(20))), "");  // a conversation's messages
  EXPECT_EQ(complaint("{\"x\":\"" + std::string(2 * api::kBodyMembers, ',') + "\"}"), "");
}

TEST(Bodies, EveryEndpointSaysWhereABodyIsWrong) {
  Harness harness;
  Client client = harness.client();
  for (const char* path : {"/v1/completions", "/v1/chat/completions"}) {
    const Answer answer = client.post(path, "{\"a\":\xb5}");
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(std::string(error_of(answer).at("message").as_string()).find("byte 5"), std::string::npos)
        << answer.body;
  }
  const Answer mended = client.post("/v1/completions", R"({"prompt":"say \ud83d"})");
  EXPECT_EQ(json::parse(mended.body).at("choices").at(0).at("text"), "\xef\xbf\xbd");
}

}  // namespace
}  // namespace fulmar::test
