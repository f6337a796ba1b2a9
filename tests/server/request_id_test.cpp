// A request's id: in its answer, whatever that is, and in its line of the log.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "base/sha256.h"
#include "http/request_id.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string id_of(const Answer& answer) {
  EXPECT_EQ(answer.headers.count("x-request-id"), 1u) << answer.body;
  EXPECT_EQ(answer.headers.count("request-id"), 1u) << answer.body;
  if (!answer.headers.contains("x-request-id")) return {};
  EXPECT_EQ(answer.headers.at("x-request-id"), answer.headers.at("request-id"));
  return answer.headers.at("x-request-id");
}

TEST(RequestId, EveryAnswerHasOneOfItsOwn) {
  const Harness harness;
  Client client = harness.client();
  std::set<std::string> ids;
  for (const char* body : {R"({"prompt":"a","max_tokens":2})", R"({"prompt":"a","max_tokens":2,"stream":true})", "{", R"({"prompt":3})"})
    ids.insert(id_of(client.post("/v1/completions", body)));
  for (const char* path : {"/health", "/nowhere", "/v1/models"}) ids.insert(id_of(client.get(path)));
  client.send("no http\r\n\r\n");
  ids.insert(id_of(client.receive()));
  EXPECT_EQ(ids.size(), 8u);
  for (const std::string& id : ids) EXPECT_THAT(id, StartsWith("req_"));
}

TEST(RequestId, TheClientsOwnIsTakenWhereItIsShortAndVisible) {
  const Harness harness;
  Client client = harness.client();
  const auto answered = [&](const std::string& given) {
    client.send("GET", "/health", {}, fmt::format("X-Request-Id: {}\r\n", given));
    return id_of(client.receive());
  };
  for (const std::string& given : {std::string("a"), std::string("trace/7f:{}~!"), std::string(http::kRequestId, 'x')}) EXPECT_EQ(answered(given), given);
  for (const std::string& given : {std::string(), std::string("two words"), std::string("\xc3\xa9"), std::string(http::kRequestId + 1, 'x')})
    EXPECT_THAT(answered(given), StartsWith("req_")) << given;
  EXPECT_THAT(id_of(client.get("/health")), StartsWith("req_")) << "the one of the request before";
}

TEST(RequestId, TheLogHasTheAnswersAndWhoseKeyItWas) {
  const auto ring = std::make_shared<http::Keys>("sesame");
  http::Key key;
  key.name = "alice";
  key.digest = sha256("alices-long-key-1");
  ring->set({key});
  http::ServerOptions options;
  options.keys = ring;
  Harness harness({}, options);
  harness.context.password = "sesame";
  harness.context.keys = ring;
  std::vector<std::string> lines;
  set_log_level("info");
  testing::internal::CaptureStderr();
  const auto ask = [&](std::string_view path, std::string_view body, std::string_view headers, std::string_view said) {
    Client client = harness.client();
    client.send("POST", path, body, headers);
    lines.push_back(fmt::format("{} id {}\n", said, id_of(client.receive())));
  };
  const std::string_view body = R"({"prompt": "a", "max_tokens": 1})";
  ask("/v1/completions", body, "x-api-key: alices-long-key-1\r\n", " ms key alice");
  ask("/v1/completions", body, "Authorization: Bearer sesame\r\nX-Request-Id: mine\r\n", " ms");
  ask("/v1/completions", body, "", " ms");
  ask("/v1/chat/completions", R"({"contents": ["a"], "max_tokens": 1, "password": "alices-long-key-1"})", "", " ms key alice");
  const bool idle = eventually([&] { return harness.server->connections() == 0; });  // each line is written then
  const std::string log = testing::internal::GetCapturedStderr();
  set_log_level("warning");
  EXPECT_TRUE(idle);
  for (const std::string& line : lines) EXPECT_THAT(log, HasSubstr(line));
  EXPECT_THAT(log, HasSubstr(" ms id mine\n"));
}

}  // namespace
}  // namespace fulmar::test
