// Handlers that take long hold up neither connections nor the server's health, and those that wait are bounded.
#include <atomic>
#include <future>

#include "server/echo.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

// A route whose handler waits until it may go on.
struct Gate {
  std::promise<void> open;
  std::shared_future<void> opened = open.get_future().share();
  std::atomic<int> entered{0};

  http::Route route() {
    return {"POST", "/slow", [this](const http::Request& request, const std::shared_ptr<http::Reply>& reply) {
              ++entered;
              opened.wait();
              http::Response response;
              response.body = request.body;
              reply->note({12, 34});
              reply->respond(std::move(response));
            }};
  }
};

http::ServerOptions one_worker() {
  http::ServerOptions options;
  options.workers = options.threads = 1;
  options.limits.waiting = 2;
  return options;
}

TEST(Workers, QuickRoutesAnswerWhateverTheWorkersDo) {
  Gate gate;
  Echo echo(one_worker(), {gate.route()});
  Client slow = echo.client(), quick = echo.client();
  slow.send("POST", "/slow", "a");
  ASSERT_TRUE(eventually([&] { return gate.entered == 1; }));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(quick.get("/quick").status, 200);
  gate.open.set_value();
  EXPECT_EQ(slow.receive().body, "a");
}

// With the routes that there are: a prompt of megabytes takes long to be read and made into tokens.
TEST(Workers, HealthAnswersWhileLargeRequestsKeepAllOfThemBusy) {
  std::promise<void> open;
  FakeOptions fake;
  fake.prepare_after = open.get_future().share();
  http::ServerOptions options;
  Harness harness(fake, options);
  const std::string body = R"({"max_tokens":1,"prompt":")" + std::string(4 << 20, 'a') + "\"}";
  std::vector<Client> large;
  for (unsigned i = 0; i < options.workers + 2; ++i) {
    large.push_back(harness.client());
    large.back().send("POST", "/v1/completions", body);
  }
  ASSERT_TRUE(eventually([&] { return harness.engine.preparing() == static_cast<int>(options.workers); }));
  Client kept = harness.client();
  for (const char* path : {"/health", "/v1/models", "/v1/models/fake-rwkv", "/health"}) {
    EXPECT_EQ(kept.get(path).status, 200) << path;
    EXPECT_EQ(harness.client().get(path).status, 200) << path;
  }
  open.set_value();
  for (Client& client : large) EXPECT_EQ(client.receive().status, 200);
}

TEST(Workers, OneTooManyIsToldSoAndThoseWhoLeftCostNothing) {
  Gate gate;
  Echo echo(one_worker(), {gate.route()});
  Client first = echo.client(), leaving = echo.client(), staying = echo.client(), late = echo.client();
  for (Client* client : {&leaving, &staying}) EXPECT_EQ(client->get("/quick").status, 200);
  first.send("POST", "/slow", "a");
  ASSERT_TRUE(eventually([&] { return gate.entered == 1; }));
  leaving.send("POST", "/slow", "b");
  staying.send("POST", "/slow", "c");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(late.get("/quick").status, 200);  // by then those two were read
  const Answer answer = late.post("/slow", "d");
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.headers.contains("retry-after"));
  const size_t open = echo.server->connections();
  leaving.close();
  ASSERT_TRUE(eventually([&] { return echo.server->connections() < open; }));
  gate.open.set_value();
  EXPECT_EQ(staying.receive().body, "c");
  EXPECT_EQ(first.receive().body, "a");
  EXPECT_EQ(late.post("/slow", "e").body, "e");
  EXPECT_EQ(gate.entered, 3);  // not for the one that left
}

TEST(Workers, StoppingWaitsForWhatRunsAndDropsWhatWaits) {
  Gate gate;
  Echo echo(one_worker(), {gate.route()});
  Client first = echo.client(), second = echo.client();
  first.send("POST", "/slow", "a");
  ASSERT_TRUE(eventually([&] { return gate.entered == 1; }));
  second.send("POST", "/slow", "b");
  auto stopped = std::async(std::launch::async, [&] { echo.server->stop(); });
  EXPECT_TRUE(first.closed_by_server());
  EXPECT_TRUE(second.closed_by_server());
  EXPECT_TRUE(eventually([&] { return echo.server->connections() == 0; }));
  gate.open.set_value();
  stopped.get();
  EXPECT_EQ(gate.entered, 1);
}

// What an operator sees of a request.
TEST(Workers, OneLineTellsOfARequestWithoutItsContent) {
  Gate gate;
  gate.open.set_value();
  set_log_level("info");
  testing::internal::CaptureStderr();
  {
    Echo echo({}, {gate.route()});
    Client client = echo.client();
    EXPECT_EQ(client.post("/slow?key=secret", "the body").status, 200);
    client.send("PUT", "/a%ff%20b" + std::string(1000, 'c'));
    EXPECT_EQ(client.receive().status, 405);
    Client wrong = echo.client();
    wrong.send("no http\r\n\r\n");
    EXPECT_EQ(wrong.receive().status, 400);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  set_log_level("warning");
  EXPECT_NE(log.find("POST /slow 200 12+34 tokens "), std::string::npos) << log;
  EXPECT_NE(log.find("PUT /a\\xff\\x20bccc"), std::string::npos) << log;
  EXPECT_NE(log.find("... 405 "), std::string::npos) << log;
  EXPECT_NE(log.find("- - 400 "), std::string::npos) << log;
  EXPECT_EQ(log.find("secret"), std::string::npos);
  EXPECT_EQ(log.find("the body"), std::string::npos);
}

}  // namespace
}  // namespace fulmar::test
