// The client's readers of JSON, HTTP and events, given whatever a server may send, cut wherever a network may cut it.
#include <gmock/gmock.h>

#include "client/answer.h"
#include "client/failed.h"
#include "client/json_reader.h"
#include "client/response.h"
#include "client/stand_in.h"

namespace fulmar::client::impl {
namespace {

using testing::HasSubstr;

bool well_formed(std::string_view json) {
  JsonReader reader(json);
  reader.skip();
  return reader.whole();
}

TEST(JsonReader, TakesWhatRfc8259Takes) {
  for (const char* json : {"0", "-1.5e+3", " true ", "null", "\"\\u00e4\\n\"", "[]", "[1,[2,{}],\"\"]", "{\"a\":{\"b\":[null]}}", "1E2"})
    EXPECT_TRUE(well_formed(json)) << json;
  for (const char* json : {"", "01", "1.", "-", "+1", "tru", "[1,]", "[1 2]", "{\"a\"}", "{a:1}", "{\"a\":1,}", "\"", "\"\\x\"", "\"\\u12\"",
                           "\"\n\"", "[", "{\"a\":", "1 2", "nullx", "\"\\ud83d\\u\"", "[1}"})
    EXPECT_FALSE(well_formed(json)) << json;
  EXPECT_TRUE(well_formed(std::string(60, '[') + std::string(60, ']')));
  EXPECT_FALSE(well_formed(std::string(1'000'000, '['))) << "depth is bounded";
}

TEST(JsonReader, ReadsTextsAndSkipsWhatIsNotAsked) {
  JsonReader reader(R"({"skip": [1, {"x": "\""}], "text": "a\u00e4\ud83d\ude00\ud83d!\/\t", "n": 12, "f": 1.5})");
  std::string text, none = "as it was";
  int64_t n = 0, fraction = 7;
  EXPECT_TRUE(reader.object([&](std::string_view name) {
    if (name == "text") reader.text(text);
    if (name == "n") {
      EXPECT_FALSE(reader.array([] {})) << "a number is no array";
      reader.integer(n);
    }
    if (name == "f") {
      EXPECT_FALSE(reader.integer(fraction));
    }
  }));
  EXPECT_TRUE(reader.whole());
  EXPECT_EQ(text, "a\u00e4\U0001F600\ufffd!/\t");
  EXPECT_EQ(n, 12);
  EXPECT_EQ(fraction, 7);
}

// What an answer to an ask comes to when its bytes arrive cut at `cut`: its text, or its failure.
struct End {
  std::string text, failure;
  int kind = 0;
};
End read(const std::string& bytes, size_t cut, bool to_its_end = true) {
  ResponseReader response;
  Answer answer(Call::Kind::ask);
  End end;
  const auto say = [&](std::string_view text) { end.text += text; };
  const auto body = [&](std::string_view piece) { answer.take(response, piece, say); };
  try {
    response.take(std::string_view(bytes).substr(0, cut), body);
    response.take(std::string_view(bytes).substr(cut), body);
    if (to_its_end && !answer.done()) response.end();
    answer.end(response, say);
  } catch (const Failed& failed) {
    end.failure = failed.message;
    end.kind = failed.kind;
  }
  return end;
}

using test::chunk;
using test::delta;
using test::done;
using test::finish;
using test::stream_head;

TEST(ClientAnswer, IsTheSameWhereverTheNetworkCutsIt) {
  const std::string text = "Gr\xc3\xbc\xc3\x9f" "e, \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80";
  std::string chunked = "HTTP/1.1 100 Continue\r\n\r\n" + stream_head(true);
  const std::string events = ": ping\r\n\r\n" + delta(text.substr(0, 3)) + delta(text.substr(3)) + std::string(finish) + std::string(done);
  for (size_t at = 0, size = 1; at < events.size(); at += size++) chunked += chunk(events.substr(at, size));
  chunked += "0;ext=1\r\nTrailer: x\r\n\r\n";
  const std::string until_end = stream_head() + events;
  for (const std::string& bytes : {chunked, until_end}) {
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
      const End end = read(bytes, cut);
      ASSERT_EQ(end.text + end.failure, text) << "cut at " << cut;
    }
  }
}

TEST(ClientAnswer, PutsCharactersTogetherThatEventsCutApart) {
  ResponseReader response;
  Answer answer(Call::Kind::ask);
  std::vector<std::string> news;
  const auto say = [&](std::string_view text) { news.emplace_back(text); };
  response.take(stream_head() + delta("a\xf0\x9f") + delta("\x98") + delta("\x80z\xe4\xb8") + delta("!\xe4") + std::string(done),
                [&](std::string_view piece) { answer.take(response, piece, say); });
  answer.end(response, say);
  EXPECT_THAT(news, testing::ElementsAre("a", "\xf0\x9f\x98\x80z", "\xef\xbf\xbd!", "\xef\xbf\xbd"))
      << "whole characters, and U+FFFD for what never becomes one";
}

TEST(ClientAnswer, UnderstandsEveryWayToEndLinesAndAnAnswerInOnePiece) {
  for (const char* line_end : {"\n", "\r\n", "\r"}) {
    std::string events = "event: message\n" + delta("x") + "id: 1\ndata:[DONE]\n\n";
    for (size_t at = 0; (at = events.find('\n', at)) != events.npos; at += std::string_view(line_end).size()) events.replace(at, 1, line_end);
    for (size_t cut = 0; cut <= events.size(); ++cut) EXPECT_EQ(read(stream_head() + events, stream_head().size() + cut).text, "x");
  }
  const std::string whole = R"({"choices":[{"index":0,"message":{"role":"assistant","content":"all"},"finish_reason":"stop"}]})";
  EXPECT_EQ(read(test::json_response(200, whole), 60).text, "all");
  EXPECT_EQ(read(stream_head() + "data: {\"choices\": [\ndata: {\"delta\": {\"content\": \"two lines\"}}]}\n\n" + std::string(done), 9).text, "two lines");
  EXPECT_EQ(read(stream_head() + delta("no done") + std::string(finish), 9).text, "no done");
  EXPECT_EQ(read(stream_head() + delta("a") + "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\n\n" + std::string(done), 9).text, "a");
}

TEST(ClientAnswer, FailsWithASentenceAboutWhatIsWrong) {
  const std::string head = stream_head();
  const struct {
    std::string bytes;
    int kind;
    const char* says;
  } rows[] = {
      {"", FULMAR_CLIENT_DISCONNECTED, "without an answer"},
      {"HTTP/1.1 200 O", FULMAR_CLIENT_DISCONNECTED, "in the middle"},
      {"SSH-2.0-OpenSSH_9\r\n", FULMAR_CLIENT_MALFORMED, "it begins with \"SSH-2.0"},
      {"HTTP/2 200\r\n", FULMAR_CLIENT_MALFORMED, "not HTTP"},
      {"HTTP/1.1 2xx\r\n", FULMAR_CLIENT_MALFORMED, "not HTTP"},
      {"HTTP/1.1 200 OK\r\nno colon\r\n", FULMAR_CLIENT_MALFORMED, "without a colon"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", FULMAR_CLIENT_MALFORMED, "gzip"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", FULMAR_CLIENT_MALFORMED, "length"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", FULMAR_CLIENT_MALFORMED, "length"},
      {"HTTP/1.1 200 OK\r\n" + std::string(20'000, 'x'), FULMAR_CLIENT_MALFORMED, "longer than 16 KiB"},
      {stream_head(true) + "xyz\r\n", FULMAR_CLIENT_MALFORMED, "size of a chunk"},
      {stream_head(true) + "ffffffffffffffff\r\n", FULMAR_CLIENT_MALFORMED, "size of a chunk"},
      {stream_head(true) + "1\r\nxy\r\n", FULMAR_CLIENT_MALFORMED, "longer than it says"},
      {stream_head(true) + chunk(delta("a")), FULMAR_CLIENT_DISCONNECTED, "in the middle"},
      {stream_head(true) + chunk(delta("a")) + "0\r\n\r\n", FULMAR_CLIENT_DISCONNECTED, "before its text did"},
      {head + delta("a"), FULMAR_CLIENT_DISCONNECTED, "before its text did"},
      {head + "data: <html>\n\n", FULMAR_CLIENT_MALFORMED, "no JSON object: <html>"},
      {head + "data: [1]\n\n", FULMAR_CLIENT_MALFORMED, "no JSON object"},
      {head + "data: {\"choices\": [}\n\n", FULMAR_CLIENT_MALFORMED, "no JSON object"},
      {head + delta("a") + "data: {\"error\":{\"message\":\"device lost\"}}\n\n" + std::string(done), FULMAR_CLIENT_REFUSED, "device lost"},
      {head + "data: {\"error\": \"plain\"}\n\n", FULMAR_CLIENT_REFUSED, "plain"},
      {head + "data: {\"error\": true}\n\n", FULMAR_CLIENT_REFUSED, "broke off"},
      {test::json_response(401, R"({"error":{"message":"the key is wrong"}})"), FULMAR_CLIENT_REFUSED, "401: the key is wrong"},
      {test::json_response(500, R"({"detail":"failed to load: x"})"), FULMAR_CLIENT_REFUSED, "500: failed to load: x"},
      {test::json_response(422, R"({"detail":[{"loc":["body"]}]})"), FULMAR_CLIENT_REFUSED, "422: {\"detail\":[{"},
      {test::json_response(404, "gone\x1b[2J\xff"), FULMAR_CLIENT_REFUSED, "404: gone\\x1b[2J\xef\xbf\xbd"},
      {test::json_response(500, ""), FULMAR_CLIENT_REFUSED, "does not say why"},
      {"HTTP/1.1 304 Not Modified\r\n\r\n", FULMAR_CLIENT_REFUSED, "another model is being loaded"},
      {test::json_response(200, "{}"), FULMAR_CLIENT_MALFORMED, "no choices"},
  };
  for (const auto& row : rows) {
    for (const size_t cut : {size_t{0}, row.bytes.size() / 2}) {
      const End end = read(row.bytes, cut);
      EXPECT_EQ(end.kind, row.kind) << row.bytes.substr(0, 200) << ": " << end.failure;
      EXPECT_THAT(end.failure, HasSubstr(row.says));
    }
  }
}

TEST(ClientAnswer, IsBoundedInWhatItHolds) {
  ResponseReader response;
  Answer answer(Call::Kind::ask);
  const auto body = [&](std::string_view piece) { answer.take(response, piece, [](std::string_view) {}); };
  response.take(stream_head() + "data: ", body);
  const std::string piece(1 << 20, 'x');
  size_t taken = 0;
  try {
    for (; taken < 1000; ++taken) response.take(piece, body);  // a line of 1 GB
  } catch (const Failed& failed) {
    EXPECT_EQ(failed.kind, FULMAR_CLIENT_TOO_LARGE);
    EXPECT_THAT(failed.message, HasSubstr("8 MiB"));
  }
  EXPECT_LT(taken, 9u);
}

}  // namespace
}  // namespace fulmar::client::impl
