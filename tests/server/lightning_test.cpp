// What clients of rwkv_lightning ask for.
#include "server/harness.h"

namespace fulmar::test {
namespace {

TEST(Lightning, TheStatusTellsOfTheWorkUnderWayWithoutAPassword) {
  http::ServerOptions options;
  options.password = "secret";
  FakeOptions slow;
  slow.slots = 1;
  slow.step = std::chrono::milliseconds(5);
  Harness harness(slow, options);
  Client one = harness.client(), two = harness.client();
  for (Client* client : {&one, &two})
    client->send("POST", "/v1/completions", R"({"prompt": "go on", "max_tokens": 100000})",
                 "Authorization: Bearer secret\r\n");
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().live == 1 && harness.engine.stats().queued == 1; }));
  const Answer answer = harness.client().get("/v1/server/status");
  ASSERT_EQ(answer.status, 200);
  const json::value status = json::parse(answer.body);
  EXPECT_EQ(status.at("status"), "ok");
  EXPECT_EQ(status.at("model"), "fake-rwkv");
  EXPECT_EQ(status.at("active_requests"), 1);
  EXPECT_EQ(status.at("prefill_queue").at("queued_requests"), 1);
}

TEST(Lightning, ErrorsAreOneSentence) {
  Harness harness;
  harness.context.draining = true;
  const Answer answer = harness.client().get("/v1/server/status");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(json::parse(answer.body), json::value({{"error", "the server is shutting down"}}));
}

}  // namespace
}  // namespace fulmar::test
