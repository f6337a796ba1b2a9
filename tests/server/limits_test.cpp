// What a client may cost: each bound of server/http/limits.h holds, and nobody else suffers.
#include <fmt/format.h>

#include <future>
#include <thread>

#include "server/echo.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

using std::chrono::milliseconds;

TEST(Limits, OversizedHeadersAndBodiesAreRefused) {
  http::ServerOptions options;
  options.limits.body_bytes = 10'000;
  Harness harness({}, options);
  Client wide = harness.client();
  wide.send("GET", "/health", {}, "x: " + std::string(20'000, 'x') + "\r\n");
  const Answer headers = wide.receive();
  EXPECT_EQ(headers.status, 431);
  error_of(headers);

  Client large = harness.client();
  large.send("POST", "/v1/completions", std::string(10'001, ' '));
  const Answer body = large.receive();
  EXPECT_EQ(body.status, 413);
  error_of(body);

  Client promising = harness.client();  // the answer comes before the body does
  promising.send("POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999\r\n\r\n");
  EXPECT_EQ(promising.receive().status, 413);

  Client chunked = harness.client();
  chunked.send("POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 11; ++i) chunked.send("3e8\r\n" + std::string(1000, ' ') + "\r\n");
  EXPECT_EQ(chunked.receive().status, 413);
  EXPECT_TRUE(chunked.closed_by_server());
}

TEST(Limits, SlowAndTruncatedRequestsEnd) {
  http::ServerOptions options;
  options.limits.header_time = std::chrono::milliseconds(200);
  options.limits.body_time = std::chrono::milliseconds(200);
  Harness harness({}, options);
  Client slow_head = harness.client();
  slow_head.send("GET /health HTTP/1.1\r\nHost: a\r\nx: ");
  const Answer head = slow_head.receive();
  EXPECT_EQ(head.status, 408);
  error_of(head);
  EXPECT_TRUE(slow_head.closed_by_server());

  Client slow_body = harness.client();
  slow_body.send("POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_EQ(slow_body.receive().status, 408);

  Client silent = harness.client();
  EXPECT_TRUE(silent.closed_by_server());

  for (const char* part :
       {"GET /health HT", "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"}) {
    Client truncated = harness.client();
    truncated.send(part);
    truncated.end_sending();
    const Answer answer = truncated.receive();
    EXPECT_EQ(answer.status, 400) << part;
    error_of(answer);
  }
  EXPECT_TRUE(eventually([&] { return harness.server->connections() == 0; }));
}

TEST(Limits, ChunkExtensionsTrailersAndManyFieldsAreRefused) {
  Echo echo;
  const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string short_ones;  // each is small
  for (int i = 0; i < 300; ++i) short_ones += "1;a=" + std::string(100, 'a') + "\r\nx\r\n";
  for (const std::string& endless : {"1;a=" + std::string(20'000, 'a'), "0\r\nX: " + std::string(20'000, 'a'), short_ones,
                                     "1;a=" + std::string(20'000, 'a') + "\r\n"}) {
    Client client = echo.client();
    client.send(chunked + endless);
    EXPECT_EQ(client.receive().status, 431) << endless.substr(0, 10);
    EXPECT_TRUE(client.closed_by_server());
  }
  Client many = echo.client();
  std::string fields;
  for (int i = 0; i < 129; ++i) fields += "x: y\r\n";
  many.send("GET", "/", {}, fields);
  EXPECT_EQ(many.receive().status, 431);
}

// A byte every other millisecond: the deadline falls into a moment in which a read is complete.
TEST(Limits, HeadersThatTrickleEndInTime) {
  http::ServerOptions options;
  options.limits.header_time = milliseconds(100);
  Echo echo(options);
  std::vector<std::future<int>> statuses;
  for (int i = 0; i < 20; ++i)
    statuses.push_back(std::async(std::launch::async, [&] {
      Client client = echo.client();
      client.send("GET / HTTP/1.1\r\nHost: a\r\n");
      for (int sent = 0; sent < 100 && client.send("x: y\r\n"); ++sent)
        std::this_thread::sleep_for(milliseconds(2));
      return client.receive().status;
    }));
  for (auto& status : statuses) EXPECT_EQ(status.get(), 408);
  EXPECT_TRUE(eventually([&] { return echo.server->connections() == 0; }));
}

// The same for bodies, with a length and in chunks. These come whole in the end, so that one whose time is counted anew
// with every byte is answered 200.
TEST(Limits, BodiesThatTrickleEndInTime) {
  http::ServerOptions options;
  options.limits.body_time = milliseconds(100);
  Echo echo(options);
  std::vector<std::future<int>> statuses;
  for (int i = 0; i < 20; ++i)
    statuses.push_back(std::async(std::launch::async, [&echo, chunked = i % 2 == 0] {
      Client client = echo.client();
      client.send(std::string("POST / HTTP/1.1\r\nHost: a\r\n") +
                  (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: 150\r\n\r\n"));
      for (int sent = 0; sent < 150 && client.send(chunked ? "1\r\nx\r\n" : "x"); ++sent)
        std::this_thread::sleep_for(milliseconds(2));
      if (chunked) client.send("0\r\n\r\n");
      return client.receive().status;
    }));
  for (auto& status : statuses) EXPECT_EQ(status.get(), 408);
  EXPECT_TRUE(eventually([&] { return echo.server->connections() == 0; }));
}

TEST(Limits, AnAnsweredClientThatSendsOnIsHeardOnlyForAWhile) {
  for (const bool by_bytes : {false, true}) {
    http::ServerOptions options;
    options.limits.linger_time = by_bytes ? milliseconds(60'000) : milliseconds(100);
    options.limits.linger_bytes = by_bytes ? 1 << 20 : size_t{1} << 60;
    Echo echo(options);
    Client client = echo.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n");
    EXPECT_EQ(client.receive().status, 413);
    const std::string more(64 << 10, 'x');
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (client.send(more) && std::chrono::steady_clock::now() < end) {
    }
    EXPECT_FALSE(client.send(more)) << "it is still read";
  }
}

TEST(Limits, LargeBodiesTogetherHaveABoundAndSmallOnesAlwaysFit) {
  http::ServerOptions options;
  options.limits.bodies_bytes = 1 << 20;
  options.limits.free_body_bytes = 1 << 10;
  options.limits.progress_time = std::chrono::minutes(10);
  Echo echo(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n";
  std::vector<Client> promising;  // a length alone takes nothing
  for (int i = 0; i < 20; ++i) {
    promising.push_back(echo.client());
    promising.back().send(head);
  }
  const std::string body(900'000, 'x');
  Client first = echo.client();
  first.send(head + body.substr(1));
  std::this_thread::sleep_for(milliseconds(500));  // it has the room before another asks for it
  Client small = echo.client();
  const auto refused = [&] {
    Client other = echo.client();
    const Answer answer = other.post("/", body);
    return answer.status == 503 && answer.headers.contains("retry-after");
  };
  EXPECT_TRUE(eventually(refused));
  EXPECT_EQ(small.post("/", "hello").body, "hello");
  first.send("x");
  EXPECT_EQ(first.receive().body.size(), body.size());
  EXPECT_TRUE(eventually([&] { return echo.client().post("/", body).status == 200; }));
}

TEST(Limits, SlowBodiesKeepMemoryFromOthersOnlyWhileThereIsEnough) {
  http::ServerOptions options;
  options.limits.bodies_bytes = 1 << 20;
  options.limits.free_body_bytes = 1 << 10;
  options.limits.progress_bytes = 64 << 10;
  options.limits.progress_time = milliseconds(200);
  Echo echo(options);
  const auto head = [](int length) {
    return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  };
  Client alone = echo.client();
  alone.send(head(100'000) + std::string(99'999, 'x'));
  std::this_thread::sleep_for(milliseconds(700));  // more than three of those times
  alone.send("x");
  EXPECT_EQ(alone.receive().status, 200);

  Client hoarding = echo.client(), tiny = echo.client();
  tiny.send(head(1000) + std::string(999, 'x'));
  hoarding.send(head(900'000) + std::string(899'999, 'x'));
  EXPECT_EQ(hoarding.receive().status, 408);
  tiny.send("x");  // it takes nothing from anybody
  EXPECT_EQ(tiny.receive().status, 200);
}

TEST(Limits, WhoLeavesWithMuchSentAheadIsNoticed) {
  FakeOptions fake;
  fake.step = milliseconds(1);
  Harness harness(fake);
  Client client = harness.client();
  client.send("POST", "/v1/completions", R"({"prompt":"a","max_tokens":1000000})");
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().live == 1; }));
  for (int i = 0; i < 2000; ++i) client.send("GET", "/health");  // some 80 KB
  client.end_sending();
  EXPECT_TRUE(eventually([&] { return harness.idle(); }));
}

TEST(Limits, WhoReadsATrickleIsDropped) {
  FakeOptions fake;
  fake.piece_bytes = 100'000;
  fake.step = milliseconds(1);
  http::ServerOptions options;
  options.limits.write_time = milliseconds(300);
  Harness harness(fake, options);
  Client client = harness.client();
  client.shrink_receive_buffer();
  client.send("POST", "/v1/completions", R"({"prompt":"a","max_tokens":1000000,"stream":true})");
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().live == 1; }));
  size_t i = 1;
  for (; i < 200 && harness.server->connections() > 0; ++i) {  // 40 KB a second, 218 are wanted
    client.receive_bytes(2000 * i);
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_LT(i, 200u) << "it is still served";
  EXPECT_TRUE(eventually([&] { return harness.idle(); }));
}

}  // namespace
}  // namespace fulmar::test
