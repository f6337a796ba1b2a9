// Connections: reuse, pipelining, limits, and an end that loses no answer.
#include <fmt/format.h>

#include <future>

#include "server/harness.h"

namespace fulmar::test {
namespace {

TEST(Connection, IsReusedForManyRequests) {
  Harness harness;
  Client client = harness.client();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.get("/health").status, 200);
    EXPECT_EQ(
        client.post("/v1/completions", R"({"prompt":"a","max_tokens":3,"stream":true})").events().back(),
        "[DONE]");
    EXPECT_EQ(client.post("/v1/completions", R"({"prompt":"a","max_tokens":3})").status, 200);
    EXPECT_EQ(client.post("/v1/completions", "{").status, 400);
  }
  EXPECT_EQ(harness.server->connections(), 1u);
  client.send("GET", "/health", {}, "Connection: close\r\n");
  EXPECT_EQ(client.receive().headers.at("connection"), "close");
  EXPECT_TRUE(client.closed_by_server());
}

TEST(Connection, PipelinedRequestsAreAnsweredInOrder) {
  FakeOptions options;
  options.step = std::chrono::milliseconds(1);
  Harness harness(options);
  Client client = harness.client();
  for (int i = 1; i <= 20; ++i)
    client.send("POST", "/v1/completions",
                fmt::format(R"({{"prompt":"a","max_tokens":{},"padding":"{}"}})", i, std::string(5000, 'u')));
  for (uint64_t i = 1; i <= 20; ++i) {
    const Answer answer = client.receive();
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(json::parse(answer.body).at("choices").at(0).at("text").as_string(), fake_text("a", 0, i));
  }
}

TEST(Connection, BytesMayComeOneByOneAndInChunks) {
  Harness harness;
  Client client = harness.client();
  for (const char c : std::string("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"))
    client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.receive().status, 200);
  client.send("POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char c : std::string(R"({"prompt":"a","max_tokens":2})"))
    client.send(fmt::format("1\r\n{}\r\n", c));
  client.send("0\r\n\r\n");
  EXPECT_EQ(json::parse(client.receive().body).at("choices").at(0).at("text").as_string(),
            fake_text("a", 0, 2));
  EXPECT_EQ(client.get("http://host:1/health?x").status, 200);
}

TEST(Connection, BodyIsAskedForWhenTheClientWaits) {
  Harness harness;
  Client client = harness.client();
  const std::string body = R"({"prompt":"a"})";
  client.send(fmt::format(
      "POST /v1/completions HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: {}\r\n\r\n", body.size()));
  EXPECT_EQ(client.receive().status, 100);
  client.send(body);
  EXPECT_EQ(client.receive().status, 200);
}

TEST(Connection, HeadHasTheLengthButNoBody) {
  Harness harness;
  Client client = harness.client();
  client.send("HEAD", "/health");
  const Answer head = client.receive(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_GT(std::stoi(head.headers.at("content-length")), 10);
  EXPECT_EQ(client.get("/v1/models").status, 200);  // no body came in between
}

// `nc -N` and simple probes end their side as soon as they have asked.
TEST(Connection, WhoEndsItsSideAfterAskingForTheStateIsAnswered) {
  Harness harness;
  for (const char* path : {"/health", "/v1/models"})
    for (int i = 0; i < 50; ++i) {
      Client client = harness.client();
      client.send("GET", path);
      client.end_sending();
      const Answer answer = client.receive();
      ASSERT_EQ(answer.status, 200) << path;
      ASSERT_TRUE(answer.complete) << path;
      ASSERT_TRUE(client.closed_by_server());
    }
}

TEST(Connection, BaseAddressesMayHaveASlashTooManyOrLackTheV1) {
  Harness harness;
  Client client = harness.client();
  for (const char* path : {"/v1/models", "//v1/models", "/v1//models", "/v1/models/", "//v1///models//", "/models",
                           "/health/", "//health", "/v1/models/fake-rwkv/"})
    EXPECT_EQ(client.get(path).status, 200) << path;
  for (const char* path : {"/v1//completions", "/completions", "/completions/"})
    EXPECT_EQ(client.post(path, R"({"prompt":"a","max_tokens":1})").status, 200) << path;
  for (const char* path : {"//v1/chat/completions", "/chat/completions"})
    EXPECT_EQ(client.post(path, R"({"messages":[{"role":"user","content":"a"}],"max_tokens":1})").status, 200)
        << path;
}

TEST(Connection, OneTooManyIsToldSo) {
  http::ServerOptions options;
  options.limits.connections = 3;
  Harness harness({}, options);
  {
    std::vector<Client> clients;
    for (int i = 0; i < 3; ++i) {
      clients.push_back(harness.client());
      EXPECT_EQ(clients.back().get("/health").status, 200);
    }
    Client more = harness.client();
    const Answer answer = more.receive();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.headers.contains("retry-after"));
    error_of(answer);
    EXPECT_EQ(clients[0].get("/health").status, 200);
  }
  EXPECT_TRUE(eventually([&] { return harness.client().get("/health").status == 200; }));
}

TEST(Connection, IdleOnesEnd) {
  http::ServerOptions options;
  options.limits.idle_time = std::chrono::milliseconds(100);
  Harness harness({}, options);
  Client client = harness.client();
  EXPECT_EQ(client.get("/health").status, 200);
  EXPECT_TRUE(client.closed_by_server());
}

TEST(Connection, DrainLetsAnswersEndAndIdleOnesGo) {
  FakeOptions options;
  options.step = std::chrono::milliseconds(2);
  Harness harness(options);
  Client idle = harness.client(), busy = harness.client();
  EXPECT_EQ(idle.get("/health").status, 200);
  busy.send("POST", "/v1/completions", R"({"prompt":"a","max_tokens":200,"stream":true})");
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().live == 1; }));
  auto drained = std::async(std::launch::async, [&] { return harness.server->drain(20); });
  EXPECT_TRUE(idle.closed_by_server());
  EXPECT_TRUE(eventually([&] {  // nobody listens any more
    try {
      return harness.client().get("/health").status == 0;
    } catch (const std::exception&) {
      return true;
    }
  }));
  const Answer answer = busy.receive();
  EXPECT_TRUE(answer.complete);
  const auto events = answer.events();  // tokens that came while nobody read share one
  ASSERT_GE(events.size(), 2u);
  EXPECT_NE(events[events.size() - 2].find("\"finish_reason\":\"length\""), std::string::npos);
  EXPECT_EQ(events.back(), "[DONE]");
  EXPECT_TRUE(busy.closed_by_server());
  EXPECT_TRUE(drained.get());
}

TEST(Connection, DrainWithoutEndCutsNothingOff) {
  FakeOptions options;
  options.step = std::chrono::milliseconds(2);
  Harness harness(options);
  Client busy = harness.client();
  busy.send("POST", "/v1/completions", R"({"prompt":"a","max_tokens":50,"stream":true})");
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().live == 1; }));
  auto drained = std::async(std::launch::async, [&] { return harness.server->drain(1e12); });
  const Answer answer = busy.receive();
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.body.ends_with("data: [DONE]\n\n")) << answer.body;
  busy.close();
  EXPECT_TRUE(drained.get());
}

TEST(Connection, StopEndsWhatRunsAndFreesTheEngine) {
  FakeOptions options;
  options.step = std::chrono::milliseconds(1);
  Harness harness(options);
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(harness.client());
    clients.back().send("POST", "/v1/completions",
                        fmt::format(R"({{"prompt":"a","max_tokens":1000000,"stream":{}}})", i % 2 == 0));
  }
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().live == 20; }));
  EXPECT_FALSE(harness.server->drain(0.05));
  harness.server->stop();
  for (Client& client : clients) EXPECT_TRUE(client.closed_by_server());
  EXPECT_TRUE(eventually([&] { return harness.idle(); }));
}

TEST(Connection, TakenPortIsASentence) {
  Harness harness;
  http::ServerOptions options;
  options.port = harness.server->port();
  http::Server second(options, http::Router({}));
  try {
    second.start();
    FAIL() << "two servers share a port";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(fmt::format("cannot listen on 127.0.0.1:{}", options.port)),
              std::string::npos);
  }
}

}  // namespace
}  // namespace fulmar::test
