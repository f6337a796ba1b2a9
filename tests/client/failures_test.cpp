// Servers that die, stall, lie or are not there: each request ends once, with a sentence that says which it was.
#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <limits>
#include <thread>

#include "client/stand_in.h"
#include "client/told.h"

namespace fulmar::test {
namespace {

using client::Client;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::SizeIs;

// The one failure of an ask, as "word: sentence"; what was streamed before stands in `heard`.
std::string failure_of(client::Options options, std::string* heard = nullptr) {
  const auto told = std::make_shared<Told>();
  {
    Client asked(options);
    asked.ask(say("Hi"), tell(told));
    if (!told->wait()) return "it hangs";
  }
  if (heard) *heard = told->heard();
  if (told->failures.size() != 1 || !told->texts.empty()) return "it did not fail once";
  return std::string(client::name_of(told->failures[0].first)) + ": " + told->failures[0].second;
}

client::Options options_for(const StandIn& server) {
  client::Options options;
  options.port = server.port();
  return options;
}

TEST(ClientFailures, ServerThatDiesBeforeOrInTheAnswer) {
  const StandIn before([](Peer& peer) { peer.request(); });
  EXPECT_THAT(failure_of(options_for(before)), HasSubstr("disconnected: the server closed the connection without an answer"));
  const StandIn within([](Peer& peer) {
    peer.request();
    peer.send(stream_head(true) + chunk(delta("half a char \xe4\xb8")));
  });
  std::string heard;
  EXPECT_THAT(failure_of(options_for(within), &heard), HasSubstr("disconnected: the server closed the connection in the middle"));
  EXPECT_EQ(heard, "half a char ") << "and no half of one";
  const StandIn reset([](Peer& peer) {
    peer.request();
    peer.reset();
  });
  EXPECT_THAT(failure_of(options_for(reset)), HasSubstr("disconnected: "));
}

TEST(ClientFailures, ServerThatStalls) {
  const StandIn server([](Peer& peer) {
    peer.request();
    peer.send(stream_head() + delta("a"));
    peer.wait_until_gone();
  });
  client::Options options = options_for(server);
  options.idle_timeout = milliseconds(200);
  std::string heard;
  EXPECT_EQ(failure_of(options, &heard), "timed out: the server at 127.0.0.1:" + server.port() + " has been silent for 0.2 s");
  EXPECT_EQ(heard, "a");
}

TEST(ClientFailures, ServerThatIsNotThere) {
  client::Options options;
  {
    const StandIn gone([](Peer&) {});
    options.port = gone.port();
  }
  EXPECT_THAT(failure_of(options), HasSubstr("unreachable: no server listens at 127.0.0.1:" + options.port));
  options.host = "no-such-host.invalid";
  options.connect_timeout = milliseconds(300);
  EXPECT_THAT(failure_of(options), testing::AnyOf(HasSubstr("unreachable: "), HasSubstr("timed out: no address was found for")));
  options.host = "192.0.2.1";  // of a network that is for documents
  EXPECT_THAT(failure_of(options), testing::AnyOf(HasSubstr("unreachable: "), HasSubstr("timed out: no connection to")));
}

TEST(ClientFailures, ServerThatSaysNo) {
  const StandIn server([](Peer& peer) {
    const bool knows = peer.request().find("Authorization: Bearer right\r\n") != std::string::npos;
    peer.send(knows ? json_response(503, R"({"error":{"message":"the model is still loading"}})")
                    : json_response(401, R"({"error":{"message":"the key is wrong"}})"));
  });
  client::Options options = options_for(server);
  EXPECT_EQ(failure_of(options), "refused: 401: the key is wrong");
  options.password = "right";
  EXPECT_EQ(failure_of(options), "refused: 503: the model is still loading");
}

TEST(ClientFailures, ServerThatSendsGarbageOrNoEndOfIt) {
  const StandIn garbage([](Peer& peer) {
    peer.request();
    peer.send("\x01\x02\x03 whatever\n");
  });
  EXPECT_THAT(failure_of(options_for(garbage)), HasSubstr("malformed: the server's answer is not HTTP: it begins with \"\\x01"));
  std::atomic<size_t> taken = 0;
  const StandIn endless([&](Peer& peer) {
    peer.request();
    peer.send(stream_head() + "data: ");
    const std::string piece(1 << 20, 'x');
    while (taken < 1024 && peer.send(piece)) ++taken;
  });
  EXPECT_THAT(failure_of(options_for(endless)), HasSubstr("too large: the server sent an event of more than 8 MiB"));
  EXPECT_LT(taken, 64u) << "of a line of 1 GB";
  const StandIn talkative([&](Peer& peer) {
    peer.request();
    peer.send(stream_head());
    const std::string event = delta(std::string(1 << 20, 'x'));
    for (int i = 0; i < 64 && peer.send(event); ++i) {
    }
    peer.wait_until_gone();
  });
  std::string heard;
  EXPECT_THAT(failure_of(options_for(talkative), &heard), HasSubstr("too large: the answer has more than 16 MiB of text"));
  EXPECT_EQ(heard.size(), 16u << 20);
}

TEST(ClientFailures, WhatCannotBeSentIsSaidWithoutAServer) {
  Client client("127.0.0.1", "1");
  const auto failure = [&](client::Settings settings) {
    const auto told = std::make_shared<Told>();
    EXPECT_NE(client.ask(settings, tell(told)), 0u);
    EXPECT_TRUE(told->wait());
    return told->failures.empty() ? "none" : std::string(client::name_of(told->failures[0].first)) + ": " + told->failures[0].second;
  };
  EXPECT_EQ(failure({}), "invalid: there are no messages to be answered");
  client::Settings settings = say("x");
  settings.n = 2;
  EXPECT_THAT(failure(settings), HasSubstr("invalid: n must be 1"));
  settings = say("x");
  settings.top_p = std::numeric_limits<double>::infinity();
  EXPECT_THAT(failure(settings), HasSubstr("invalid: top_p is no number"));
  settings = say("x");
  settings.more = "[1]";
  EXPECT_THAT(failure(settings), HasSubstr("`more` must be a JSON object"));
  settings.more = "{\"a\": 1";
  EXPECT_THAT(failure(settings), HasSubstr("`more` must be a JSON object"));
  EXPECT_THAT(failure(say(std::string(17 << 20, 'x'))), HasSubstr("too large: the messages have more than 16 MiB"));
  settings = say("x");
  settings.messages[0].role.clear();
  EXPECT_THAT(failure(settings), HasSubstr("message 1 has no role"));
  for (const auto& [host, port, says] : std::vector<std::array<std::string, 3>>{{"", "8000", "the host is empty"},
                                                                                {"http://here", "8000", "a name or an address"},
                                                                                {"a\r\nb", "8000", "control characters"},
                                                                                {std::string(300, 'a'), "8000", "longer than 255"},
                                                                                {"here", "0", "from 1 to 65535"},
                                                                                {"here", "65536", "from 1 to 65535"},
                                                                                {"here", "80x", "from 1 to 65535"}}) {
    client::Options options;
    options.host = host;
    options.port = port;
    EXPECT_THAT(failure_of(options), testing::AllOf(HasSubstr("invalid: "), HasSubstr(says)));
  }
  client::Options options;
  options.password = "a\r\nX: y";
  EXPECT_THAT(failure_of(options), HasSubstr("invalid: the password has control characters"));
}

TEST(ClientFailures, ThatAreKnownAtOnceAreToldWhateverTheThreadDid) {
  client::Options options;
  options.port = "80x";
  Client client(options);
  for (int i = 0; i < 5; ++i) {
    const auto told = std::make_shared<Told>();
    client.ask(say("Hi"), tell(told));
    ASSERT_TRUE(told->wait()) << "request " << i << " hangs";
    std::this_thread::sleep_for(milliseconds(20));  // the thread sleeps again
  }
}

TEST(ClientFailures, AFieldThatIsWrongIsOneSentence) {
  const StandIn server([](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 422 X\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
              R"({"detail":[{"loc":["body","temperature"],"msg":"temperature must be between 0 and 3","type":"value_error"}]})");
  });
  EXPECT_EQ(failure_of(options_for(server)), "refused: 422: temperature must be between 0 and 3");
}

TEST(ClientFailures, OfOneRequestAreNoneOfTheOthers) {
  const StandIn server([](Peer& peer) {
    const std::string request = peer.request();
    if (request.find("stall") != std::string::npos) return peer.wait_until_gone();
    if (request.find("die") != std::string::npos) return peer.reset();
    peer.send(stream_head() + delta("ok") + std::string(done));
  });
  client::Options options = options_for(server);
  std::vector<std::shared_ptr<Told>> all;
  {
    Client client(options);
    for (int i = 0; i < 30; ++i) {
      all.push_back(std::make_shared<Told>());
      client.ask(say(i % 3 == 0 ? "stall" : i % 3 == 1 ? "die" : "well"), tell(all.back()));
    }
    for (int i = 0; i < 30; ++i)
      if (i % 3 != 0) {
        ASSERT_TRUE(all[i]->wait()) << i;
      }
  }
  for (int i = 0; i < 30; ++i) {
    EXPECT_THAT(all[i]->failures, SizeIs(i % 3 == 1 ? 1 : 0)) << i;
    EXPECT_EQ(all[i]->texts, std::vector<std::string>(i % 3 == 2 ? 1 : 0, "ok")) << "a stalled one is told nothing by the client's end";
  }
}

TEST(ClientFailures, TooManyAtOnceAreRefusedAndTheOthersGoOn) {
  const StandIn server([](Peer& peer) {
    peer.request();
    peer.wait_until_gone();
  });
  Client client(options_for(server));
  const auto quiet = std::make_shared<Told>(), refused = std::make_shared<Told>(), next = std::make_shared<Told>();
  client::Request last = 0;
  for (int i = 0; i < 256; ++i) last = client.ask(say("x"), tell(quiet));
  client.ask(say("x"), tell(refused));
  ASSERT_TRUE(refused->wait());
  EXPECT_THAT(refused->failures[0].second, HasSubstr("256 requests are under way"));
  EXPECT_FALSE(quiet->ended());
  client.cancel(last);
  ASSERT_TRUE(quiet->wait());
  client.cancel(client.ask(say("x"), tell(next)));
  ASSERT_TRUE(next->wait());
  EXPECT_EQ(next->failures[0].first, FULMAR_CLIENT_CANCELLED) << "there is room again";
}

}  // namespace
}  // namespace fulmar::test
