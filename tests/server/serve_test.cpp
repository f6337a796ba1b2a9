// run_server: what operators and process managers rely on.
#include "api/serve.h"

#include <csignal>
#include <future>

#include "base/fail.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

// A port that was free a moment ago.
uint16_t free_port() {
  http::ServerOptions options;
  options.port = 0;
  http::Server server(options, http::Router({}));
  server.start();
  return server.port();
}

// With a first model, which is made so.
api::ServeOptions loading(api::ServeOptions options, std::function<std::unique_ptr<Engine>()> make) {
  options.host.engine.model.file = "first.pth";
  options.host.make = [make = std::move(make)](const EngineOptions&) { return make(); };
  return options;
}

TEST(Serve, LoadsBehindA503ThenAnswersThenDrainsOnSigterm) {
  api::ServeOptions options;
  options.http.port = free_port();
  options.drain_seconds = 20;
  std::promise<void> may_load;
  testing::internal::CaptureStdout();
  auto served = std::async(std::launch::async, [&] {
    return api::run_server(loading(options, [&]() -> std::unique_ptr<Engine> {
      may_load.get_future().wait();
      FakeOptions fake;
      fake.step = std::chrono::milliseconds(2);
      return std::make_unique<FakeEngine>(fake);
    }));
  });
  const auto health = [&] {
    try {
      return Client(options.http.port).get("/health").status;
    } catch (const std::exception&) {
      return 0;
    }
  };
  EXPECT_TRUE(eventually([&] { return health() == 503; }));
  may_load.set_value();
  EXPECT_TRUE(eventually([&] { return health() == 200; }));

  Client client(options.http.port);
  client.send("POST", "/v1/completions", R"({"prompt":"a","max_tokens":1000,"stream":true})");
  client.receive_bytes(300);
  std::raise(SIGTERM);
  EXPECT_TRUE(eventually([&] { return health() == 503; })) << "a load balancer is not told that it drains";
  EXPECT_EQ(Client(options.http.port).post("/v1/completions", R"({"prompt":"a","max_tokens":1})").status, 503);
  const Answer answer = client.receive();
  const std::vector<std::string> events = answer.events();
  ASSERT_GE(events.size(), 2u);
  EXPECT_EQ(events.back(), "[DONE]");
  EXPECT_EQ(json::parse(events[events.size() - 2]).at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(served.get(), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "listening on http://127.0.0.1:" + std::to_string(options.http.port) + "\n");
}

TEST(ServeDeathTest, ASignalWhileTheModelLoadsEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  api::ServeOptions options;
  options.http.port = 0;
  const auto load = []() -> std::unique_ptr<Engine> {
    std::raise(SIGTERM);
    std::promise<void>().get_future().wait();  // for ever, as a load from a dead network mount
    return nullptr;
  };
  EXPECT_EXIT(api::run_server(loading(options, load)), testing::ExitedWithCode(0), "");
}

TEST(Serve, FailureToLoadReachesTheCaller) {
  api::ServeOptions options;
  options.http.port = 0;
  EXPECT_THROW(
      api::run_server(loading(options, []() -> std::unique_ptr<Engine> { fail(ErrorKind::bad_file, "no model"); })),
      Error);
}

}  // namespace
}  // namespace fulmar::test
