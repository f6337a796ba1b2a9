// Answers that are stopped, or paused and gone on with.
#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "api/lightning/native.h"

namespace fulmar::test {
namespace {

constexpr const char* v1 = "/v1/chat/completions";
constexpr const char* state = "/state/chat/completions";

// A token takes ten milliseconds, so that there is time to act; until nobody needs that any more.
struct Slow {
  explicit Slow(uint32_t slots = 8) {
    model.slots = slots;
    model.before_step = [this](uint64_t) {
      if (!hurry) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    };
  }
  FakeOptions model;
  std::atomic<bool> hurry{false};
};

json::object long_body(const json::object& more = {}) {
  return with(with(native("once upon", 400), {{"stream", true}, {"chunk_size", 1}, {"alpha_presence", 2}}), more);
}

// What each text has said, and its last reason.
struct Read {
  std::map<int64_t, std::string> texts;
  std::map<int64_t, std::string> ends;
};
Read read(const Answer& answer) {
  EXPECT_EQ(answer.status, 200) << answer.body;
  Read read;
  const std::vector<std::string> events = answer.events();
  EXPECT_TRUE(!events.empty() && events.back() == "[DONE]") << answer.body;
  for (const std::string& event : events) {
    if (event == "[DONE]") continue;
    const json::value parsed = json::parse(event);
    if (!parsed.as_object().contains("choices")) continue;
    for (const json::value& choice : parsed.at("choices").as_array()) {
      const int64_t index = choice.at("index").as_int64();
      read.texts[index] += std::string(choice.at("delta").at("content").as_string());
      if (const json::value* reason = choice.as_object().if_contains("finish_reason"))
        read.ends[index] = std::string(reason->as_string());
    }
  }
  return read;
}

json::object status(const Service& service) {
  return json::parse(service.client().get("/v1/server/status").body).as_object();
}

// The name of the one answer under way, once something was said.
json::value begun(const Service& service, Client& client, const char* path, const json::object& body) {
  client.send("POST", path, json::serialize(body));
  client.receive_bytes(1500);
  const json::object told = status(service);
  EXPECT_EQ(told.at("requests").as_array().size(), 1u);
  return told.at("requests").at(0).at("request_id");
}

json::array paused(const Service& service, const json::object& body) {
  const json::object answer = service.ask("/v1/server/pause", body);
  EXPECT_EQ(answer.at("status"), "paused");
  return answer.at("requests").as_array();
}

std::string alone(const std::string& text, int64_t seed) {
  return said(Service().ask(v1, with(long_body(), {{"contents", json::array{json::string(text)}}, {"seed", seed}, {"stream", false}})));
}

TEST(Stop, AnAnswerEndsWithWhatItHas) {
  for (const bool by_name : {true, false}) {
    Slow slow;
    const Service service(slow.model);
    Client client = service.client();
    const json::value id = begun(service, client, v1, long_body());
    const json::object stopped = service.ask("/v1/server/stop", by_name ? json::object{{"request_id", id}} : json::object{});
    EXPECT_EQ(stopped, (json::object{{"status", "stopped"}, {"requests", json::array{id}}}));
    const Answer answer = client.receive();
    EXPECT_EQ(answer.headers.at("x-request-id"), std::string(id.as_string()));
    const Read got = read(answer);
    EXPECT_EQ(got.ends.at(0), "stop");
    EXPECT_LT(got.texts.at(0).size(), 400u);
    EXPECT_TRUE(alone("once upon", 3).starts_with(got.texts.at(0)));
    ASSERT_TRUE(eventually([&] { return status(service).at("last_request") == id; }));
    EXPECT_EQ(service.engine->stats().live, 0u);
  }
}

TEST(Pause, WhatGoesOnIsTheAnswerThatWouldHaveBeen) {
  Slow slow;
  const Service service(slow.model);
  Client client = service.client();
  const json::value id = begun(service, client, v1, long_body());
  EXPECT_EQ(paused(service, {{"request_id", id}}), json::array{id});
  const Read first = read(client.receive());
  EXPECT_EQ(first.ends.at(0), "paused");
  EXPECT_LT(first.texts.at(0).size(), 400u);
  const json::value listed = status(service).at("paused_requests").at(0);
  EXPECT_EQ(listed.at("request_id"), id);
  EXPECT_EQ(listed.at("texts"), 1);
  Client second = service.client();
  second.send("POST", "/v1/server/resume", json::serialize(json::object{{"request_id", id}, {"chunk_size", 1}}));
  second.receive_bytes(1500);
  EXPECT_EQ(paused(service, {}).size(), 1u) << "and once more";
  const Answer again = second.receive();
  EXPECT_EQ(again.headers.at("x-request-id"), std::string(id.as_string()));
  const Read middle = read(again);
  slow.hurry = true;
  const Read last = read(service.post("/v1/server/resume", json::object{{"request_id", id}}));
  EXPECT_EQ(last.ends.at(0), "length");
  EXPECT_EQ(first.texts.at(0) + middle.texts.at(0) + last.texts.at(0), alone("once upon", 3));
  EXPECT_EQ(service.post("/v1/server/resume", json::object{{"request_id", id}}).status, 404) << "it has ended";
}

TEST(Pause, EachTextOfABatchGoesOnUnderItsNumber) {
  Slow slow(2);
  const Service service(slow.model);
  Client client = service.client();
  // Two run, one waits; the second has its end soon.
  const json::array texts = {"one", "two", "three"};
  const std::string second = alone("two", 4);
  const std::string stop = second.substr(5, 3);
  const json::object body = long_body({{"contents", texts}, {"stop_tokens", json::array{json::string(stop)}}});
  const json::value id = begun(service, client, v1, body);
  paused(service, {{"request_id", id}});
  const Read first = read(client.receive());
  EXPECT_EQ(first.ends.at(1), "stop");
  EXPECT_EQ(first.ends.at(0), "paused");
  EXPECT_EQ(first.ends.at(2), "paused");
  slow.hurry = true;
  const Read rest = read(service.post("/v1/server/resume", json::object{{"request_id", id}, {"chunk_size", 128}}));
  EXPECT_FALSE(rest.texts.contains(1)) << "what had ended is not said again";
  for (const int64_t index : {0, 2}) {
    const std::string text(texts.at(static_cast<size_t>(index)).as_string());
    const std::string whole = alone(text, 3 + index);
    EXPECT_EQ(first.texts.at(index) + rest.texts.at(index), whole.substr(0, whole.find(stop))) << index;
  }
}

TEST(Pause, ASessionGoesOnByItsName) {
  Slow slow;
  const Service service(slow.model);
  Client client = service.client();
  begun(service, client, state, long_body({{"session_id", "talk"}}));
  paused(service, {});
  const Read first = read(client.receive());
  slow.hurry = true;
  const Read rest = read(service.post("/v1/server/resume", json::object{{"session_id", "talk"}}));
  const std::string text = first.texts.at(0) + rest.texts.at(0);
  EXPECT_EQ(text, alone("once upon", 3));
  EXPECT_EQ(service.text_of_session("talk"), "once upon" + text);
}

TEST(Pause, MoreTokensMayBeAskedForAndFewer) {
  Slow slow;
  const Service service(slow.model);
  Client client = service.client();
  const json::value id = begun(service, client, v1, long_body());
  paused(service, {});
  client.receive();
  slow.hurry = true;
  const Read rest = read(service.post("/v1/server/resume", json::object{{"request_id", id}, {"max_tokens", 3}}));
  EXPECT_EQ(rest.texts.at(0).size(), 3u);
  EXPECT_EQ(rest.ends.at(0), "length");
}

TEST(Pause, AnAnswerInOnePieceSaysWhatItHas) {
  Slow slow;
  const Service service(slow.model);
  Client client = service.client();
  client.send("POST", v1, json::serialize(long_body({{"stream", false}})));
  ASSERT_TRUE(eventually([&] { return service.engine->stats().completion_tokens > 5; }));
  const json::array ids = paused(service, {});
  ASSERT_EQ(ids.size(), 1u);
  const json::object answer = json::parse(client.receive().body).as_object();
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "paused");
  slow.hurry = true;
  const Read rest = read(service.post("/v1/server/resume", json::object{{"request_id", ids[0]}}));
  EXPECT_EQ(said(answer) + rest.texts.at(0), alone("once upon", 3));
}

TEST(Control, RefusesWhatIsNotThere) {
  const Service service;
  struct Case {
    const char* path;
    json::object body;
    int status;
    std::string error;
  };
  const Case cases[] = {
      {"/v1/server/stop", {{"request_id", "req-1-1"}}, 404, "there is no answer req-1-1 under way"},
      {"/v1/server/pause", {{"request_id", "req-1-1"}}, 404, "there is no answer req-1-1 under way"},
      {"/v1/server/resume", {{"request_id", "req-1-1"}}, 404, "there is no paused answer of req-1-1"},
      {"/v1/server/resume", {{"session_id", "s"}}, 404, "there is no paused answer of s"},
      {"/v1/server/resume", {}, 400, "Missing request_id or session_id parameter"},
      {"/v1/server/resume", {{"request_id", 5}}, 400, "request_id must be a string"},
  };
  for (const Case& one : cases) {
    const Answer answer = service.post(one.path, one.body);
    EXPECT_EQ(answer.status, one.status) << answer.body;
    EXPECT_TRUE(std::string(json::parse(answer.body).at("error").as_string()).starts_with(one.error)) << answer.body;
  }
  for (const char* path : {"/v1/server/stop", "/v1/server/pause"}) {
    Client client = service.client();
    client.send("POST", path);
    const Answer answer = client.receive();
    EXPECT_EQ(answer.status, 200) << "nothing runs";
    EXPECT_EQ(json::parse(answer.body).at("requests"), json::array());
  }
}

}  // namespace
}  // namespace fulmar::test
