// The client as an application has it: what it sends, what its handlers are told and when, cancelling and ending it.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include "client/stand_in.h"
#include "client/told.h"

namespace fulmar::test {
namespace {

using client::Calls;
using client::Client;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

client::Options options_for(const StandIn& server, Calls calls = Calls::from_thread) {
  client::Options options;
  options.port = server.port();
  options.calls = calls;
  return options;
}

// What one request came to: its text, or its failure as "word: sentence"; and the bytes that were sent, body last.
struct Result {
  std::string end, sent;
};
template <typename Start>
Result result_of(std::string response, Start start) {
  std::promise<std::string> sent;
  std::atomic<bool> first = true;
  const StandIn server([&](Peer& peer) {
    std::string request = peer.request();
    if (first.exchange(false)) sent.set_value(request);
    peer.send(response);
  });
  const auto told = std::make_shared<Told>();
  Client client(options_for(server));
  start(client, tell(told));
  if (!told->wait()) return {"it hangs", {}};
  std::string end = told->failures.empty() ? told->texts[0] : std::string(client::name_of(told->failures[0].first)) + ": " + told->failures[0].second;
  return {end, sent.get_future().get()};
}

const std::string hello = stream_head() + delta("Hel") + delta("lo") + std::string(finish) + std::string(done);

TEST(Client, AsksWithTheDefaultsOfRwkvSetting) {
  const Result result = result_of(hello, [](Client& client, client::Handlers handlers) {
    client::Settings settings;
    settings.messages = {{"system", "Be \"brief\".\n"}, {"user", "Gr\xc3\xbc\xc3\x9f"}};
    client.ask(settings, std::move(handlers));
  });
  EXPECT_EQ(result.end, "Hello");
  EXPECT_THAT(result.sent, HasSubstr("POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(result.sent, testing::EndsWith("\r\n\r\n{\"model\":\"rwkv\",\"stream\":true,\"temperature\":1.2,\"top_p\":0.9,\"presence_penalty\":0.6,"
                                             "\"frequency_penalty\":0,\"n\":1,\"max_tokens\":2048,\"messages\":["
                                             "{\"role\":\"system\",\"content\":\"Be \\\"brief\\\".\\n\"},{\"role\":\"user\",\"content\":\"Gr\xc3\xbc\xc3\x9f\"}]}"));
  EXPECT_THAT(result.sent, testing::Not(HasSubstr("Authorization")));
}

TEST(Client, SendsWhatElseTheSettingsHave) {
  const Result result = result_of(hello, [](Client& client, client::Handlers handlers) {
    client::Settings settings = say("x");
    settings.session_id = "my talk";
    settings.more = " { \"seed\": 7, \"enable_think\": false } ";
    client.ask(settings, std::move(handlers));
  });
  EXPECT_THAT(result.sent, HasSubstr("\"session_id\":\"my talk\""));
  EXPECT_THAT(result.sent, testing::EndsWith("}], \"seed\": 7, \"enable_think\": false }"));
}

TEST(Client, SwitchesModelsAsTheRunnerIsAsked) {
  const auto switched = [](std::string response, int32_t layers, std::string strategy = "cuda fp16") {
    return result_of(std::move(response), [&](Client& client, client::Handlers handlers) {
      client.switch_model("models/a.pth", strategy, layers, std::move(handlers));
    });
  };
  Result result = switched(json_response(200, "\"success\""), 41);
  EXPECT_EQ(result.end, "success");
  EXPECT_THAT(result.sent, HasSubstr("POST /switch-model HTTP/1.1"));
  EXPECT_THAT(result.sent, testing::EndsWith("{\"model\":\"models/a.pth\",\"strategy\":\"cuda fp16 *41+\"}"));
  result = switched(json_response(200, "\"success\""), 0);
  EXPECT_THAT(result.sent, testing::EndsWith("\"strategy\":\"cuda fp16\"}"));
  EXPECT_EQ(switched(json_response(500, "{\"detail\":\"failed to load: no such file\"}"), 0).end, "refused: 500: failed to load: no such file");
  EXPECT_THAT(switched("HTTP/1.1 304 Not Modified\r\n\r\n", 0).end, HasSubstr("refused: 304: another model is being loaded"));
  EXPECT_THAT(switched(json_response(200, "\"failure\""), 0).end, HasSubstr("malformed: /switch-model answers not \"success\", but \"failure\""));
  Client client("127.0.0.1", "1");
  for (const auto& [strategy, layers, says] : std::vector<std::tuple<const char*, int, const char*>>{
           {"cuda fp16", -1, "must be 0 or more"}, {"", 3, "needs a strategy"}, {"cuda fp16 *20+", 3, "says itself"}}) {
    const auto told = std::make_shared<Told>();
    client.switch_model("m", strategy, layers, tell(told));
    ASSERT_TRUE(told->wait());
    EXPECT_THAT(told->failures[0].second, HasSubstr(says));
  }
}

TEST(Client, TellsTheStatusOfBothKindsOfServers) {
  const auto status = [](std::string response) {
    return result_of(std::move(response), [](Client& client, client::Handlers handlers) { client.status(std::move(handlers)); }).end;
  };
  EXPECT_EQ(status(json_response(200, R"({"status":0,"pid":1})")), "offline");
  EXPECT_EQ(status(json_response(200, R"({"status":2})")), "loading");
  EXPECT_EQ(status(json_response(200, R"({"pid":1,"status":3})")), "working");
  EXPECT_THAT(status(json_response(200, "{}")), HasSubstr("malformed: "));
  const StandIn with_health_alone([](Peer& peer) {
    peer.send(peer.request().find("GET /health ") == 0 ? json_response(200, R"({"status":"ok"})") : json_response(404, "{}"));
  });
  const auto told = std::make_shared<Told>();
  Client client(options_for(with_health_alone));
  client.status(tell(told));
  ASSERT_TRUE(told->wait());
  EXPECT_THAT(told->texts, ElementsAre("working"));
  EXPECT_THAT(told->news, IsEmpty()) << "only an answer streams";
}

TEST(Client, ListsModelsAndClosesServers) {
  const auto models = [](std::string response) {
    return result_of(std::move(response), [](Client& client, client::Handlers handlers) { client.models(std::move(handlers)); });
  };
  const Result listed = models(json_response(200, R"({"object":"list","data":[{"id":"a","meta":{"id":"no"}},{"id":"b"}]})"));
  EXPECT_EQ(listed.end, "a\nb");
  EXPECT_THAT(listed.sent, HasSubstr("GET /v1/models HTTP/1.1"));
  EXPECT_THAT(models(json_response(200, "[]")).end, HasSubstr("malformed: "));
  const auto closed = [](std::string response) {
    return result_of(std::move(response), [](Client& client, client::Handlers handlers) { client.close_server(std::move(handlers)); });
  };
  const Result answered = closed(json_response(200, "null"));
  EXPECT_EQ(answered.end, "");
  EXPECT_THAT(answered.sent, HasSubstr("POST /exit HTTP/1.1"));
  EXPECT_THAT(answered.sent, HasSubstr("Content-Length: 0\r\n"));
  EXPECT_EQ(closed("").end, "") << "a server that ends at once does as it was asked";
  EXPECT_THAT(closed(json_response(403, "{\"detail\":\"no\"}")).end, HasSubstr("refused: 403: no"));
}

TEST(Client, TellsWhatASlowServerSaysAsItComes) {
  std::promise<void> heard;
  const StandIn server([&](Peer& peer) {
    peer.request();
    peer.send(stream_head() + delta("one "));
    heard.get_future().wait();  // nothing more until the client's handler had the first
    for (const char byte : delta("two") + std::string(done)) peer.send({&byte, 1});
  });
  const auto told = std::make_shared<Told>();
  Client client(options_for(server));
  client.ask(say("x"), tell(told));
  ASSERT_TRUE(told->wait_until([&] { return !told->news.empty(); }));
  heard.set_value();
  ASSERT_TRUE(told->wait());
  EXPECT_THAT(told->texts, ElementsAre("one two"));
  EXPECT_EQ(told->heard(), "one two");
}

TEST(Client, CancelsAtOnceAndTheServerNotices) {
  std::promise<void> gone;
  const StandIn streaming([&](Peer& peer) {
    peer.request();
    peer.send(stream_head());
    while (peer.send(delta("x"))) std::this_thread::sleep_for(milliseconds(1));
    gone.set_value();
  });
  const auto told = std::make_shared<Told>();
  Client client(options_for(streaming));
  const client::Request request = client.ask(say("x"), tell(told));
  ASSERT_TRUE(told->wait_until([&] { return told->news.size() > 2; }));
  client.cancel(request);
  client.cancel(request);
  client.cancel(request + 1);
  ASSERT_TRUE(told->wait());
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  const std::lock_guard lock(told->mutex);
  EXPECT_THAT(told->failures, SizeIs(1));
  EXPECT_EQ(told->failures[0].first, FULMAR_CLIENT_CANCELLED);
  EXPECT_THAT(told->texts, IsEmpty());
}

TEST(Client, FromPollCallsNobodyUntilAskedTo) {
  const StandIn server([](Peer& peer) {
    peer.request();
    peer.send(hello);
  });
  Client client(options_for(server, Calls::from_poll));
  const auto told = std::make_shared<Told>();
  client::Handlers handlers = tell(told);
  size_t inside = 99;
  handlers.on_stream = [&, stream = handlers.on_stream](std::string_view text) {
    inside = client.poll(milliseconds(1));
    stream(text);
  };
  client.ask(say("x"), handlers);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_THAT(told->news, IsEmpty());
  size_t calls = 0;
  for (int i = 0; i < 1000 && !told->ended(); ++i) calls += client.poll(milliseconds(30));
  EXPECT_THAT(told->texts, ElementsAre("Hello"));
  EXPECT_EQ(told->heard(), "Hello");
  EXPECT_EQ(calls, told->news.size() + 1);
  EXPECT_EQ(inside, 0u) << "poll() inside a handler does nothing";
  EXPECT_EQ(client.poll(), 0u);
}

TEST(Client, FromPollForgetsWhatWasNotToldWhenCancelled) {
  const StandIn server([](Peer& peer) {
    peer.request();
    peer.send(hello);
  });
  Client client(options_for(server, Calls::from_poll));
  const auto told = std::make_shared<Told>();
  const client::Request request = client.ask(say("x"), tell(told));
  std::this_thread::sleep_for(milliseconds(100));  // most likely the whole answer is there
  client.cancel(request);
  while (!told->ended()) client.poll(milliseconds(10));
  EXPECT_THAT(told->news, IsEmpty());
  ASSERT_THAT(told->failures, SizeIs(1));
  EXPECT_EQ(told->failures[0].first, FULMAR_CLIENT_CANCELLED);
}

TEST(Client, MayBeAskedAndCancelledFromItsOwnHandlers) {
  const StandIn server([](Peer& peer) {
    peer.request();
    peer.send(hello);
  });
  for (const Calls calls : {Calls::from_thread, Calls::from_poll}) {
    Client client(options_for(server, calls));
    const auto last = std::make_shared<Told>(), cancelled = std::make_shared<Told>();
    client::Handlers first;
    first.on_succeeded = [&](std::string_view) { client.ask(say("again"), tell(last)); };
    client.ask(say("x"), first);
    client::Handlers cancels = tell(cancelled);
    client::Request id = 0;
    std::promise<void> known;
    cancels.on_stream = [&, ready = known.get_future().share()](std::string_view) {
      ready.wait();
      client.cancel(id);
    };
    id = client.ask(say("y"), cancels);
    known.set_value();
    const auto waits = [&](Told& told) {
      if (calls == Calls::from_thread) return told.wait();
      for (int i = 0; i < 1000 && !told.ended(); ++i) client.poll(milliseconds(30));
      return told.ended();
    };
    ASSERT_TRUE(waits(*last));
    ASSERT_TRUE(waits(*cancelled));
    EXPECT_THAT(last->texts, ElementsAre("Hello"));
    ASSERT_THAT(cancelled->failures, SizeIs(1));
    EXPECT_EQ(cancelled->failures[0].first, FULMAR_CLIENT_CANCELLED);
  }
}

// A server that streams without end.
StandIn endless() {
  return StandIn([](Peer& peer) {
    peer.request();
    peer.send(stream_head());
    while (peer.send(delta("x"))) std::this_thread::sleep_for(milliseconds(1));
  });
}

TEST(Client, EndsWithRequestsUnderWayAndReleasesTheirHandlers) {
  const StandIn server = endless();
  for (const Calls calls : {Calls::from_thread, Calls::from_poll}) {
    const auto told = std::make_shared<Told>();
    {
      Client client(options_for(server, calls));
      for (int i = 0; i < 8; ++i) client.ask(say("x"), tell(told));
      client.models(tell(told));
      if (calls == Calls::from_thread) {
        ASSERT_TRUE(told->wait_until([&] { return !told->news.empty(); }));
      } else {
        while (told->news.empty()) client.poll(milliseconds(10));
      }
    }
    const size_t before = told->news.size();
    std::this_thread::sleep_for(milliseconds(20));
    EXPECT_EQ(told->news.size(), before) << "nobody is told anything any more";
    EXPECT_FALSE(told->ended());
    EXPECT_EQ(told.use_count(), 1) << "no handler is kept";
  }
}

TEST(Client, MayBeDestroyedFromInsideAHandler) {
  const StandIn server = endless();
  for (const Calls calls : {Calls::from_thread, Calls::from_poll}) {
    std::optional<Client> client(options_for(server, calls));
    std::promise<void> destroyed;
    const auto kept = std::make_shared<int>(0);
    client::Handlers handlers;
    handlers.on_stream = [&, kept](std::string_view) {
      ASSERT_EQ((*kept)++, 0) << "it is told nothing more";
      client.reset();
      destroyed.set_value();
    };
    client::Handlers other;
    other.on_failed = [kept](client::Failure, std::string_view) { ADD_FAILURE() << "nobody is told of the client's end"; };
    client->status(other);
    client->ask(say("x"), handlers);
    handlers = other = {};
    auto ready = destroyed.get_future();
    for (int i = 0; i < 1000 && ready.wait_for(milliseconds(calls == Calls::from_poll ? 0 : 30)) != std::future_status::ready; ++i)
      if (calls == Calls::from_poll) client->poll(milliseconds(30));
    ASSERT_EQ(ready.wait_for(milliseconds(0)), std::future_status::ready);
    for (int i = 0; i < 1000 && kept.use_count() > 1; ++i) std::this_thread::sleep_for(milliseconds(10));
    EXPECT_EQ(kept.use_count(), 1) << "its handlers are released";
  }
}

TEST(Client, FindsServersByName) {
  const StandIn server([](Peer& peer) {
    peer.request();
    peer.send(hello);
  });
  client::Options options = options_for(server);
  options.host = "localhost";
  Client client(options);
  std::vector<std::shared_ptr<Told>> all;
  for (int i = 0; i < 4; ++i) client.ask(say("x"), tell(all.emplace_back(std::make_shared<Told>())));
  for (const auto& told : all) {
    ASSERT_TRUE(told->wait());
    EXPECT_THAT(told->texts, ElementsAre("Hello"));
  }
}

}  // namespace
}  // namespace fulmar::test
