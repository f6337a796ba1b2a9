// /state/chat/completions as its clients use it: texts that go to a session, stops of both kinds, streams and passwords.
#include "api/lightning/native.h"

namespace fulmar::test {
namespace {

using testing::ElementsAre;

constexpr const char* path = "/state/chat/completions";

TEST(StateChat, GoesOnFromWhatTheSessionHasRead) {
  const Service service;
  std::string text;
  for (int turn = 0; turn < 12; ++turn) {
    const std::string prompt = fmt::format("turn {}:", turn);
    text += prompt;
    const std::string answer = state_turn(service, with(native(prompt), {{"session_id", "talk"}}));
    EXPECT_EQ(answer, whole(text)) << turn;
    text += answer;
  }
  EXPECT_EQ(service.text_of_session("talk"), text);
}

TEST(StateChat, WithoutASessionKeepsNothing) {
  const Service service;
  for (const json::value& none : {json::value(nullptr), json::value("")}) {
    const std::string first = state_turn(service, with(native("a"), {{"session_id", none}}));
    EXPECT_EQ(state_turn(service, native("a")), first);
  }
  EXPECT_EQ(service.engine->sessions().stats().sessions, 0u);
}

TEST(StateChat, GoesOnWithNothingNew) {
  const Service service;
  std::string answer = state_turn(service, with(native("begin", 4), {{"session_id", "s"}}));
  for (int i = 0; i < 3; ++i) answer += state_turn(service, with(native("", 3), {{"session_id", "s"}}));
  EXPECT_EQ(service.text_of_session("s"), fmt::format("begin{}", answer));
}

TEST(StateChat, AnswersInTheShapeThatClientsKnow) {
  const Service service;
  const Answer answer = service.post(path, with(native("a", 3), {{"model", "mine"}}));
  ASSERT_EQ(answer.status, 200);
  const std::string text = whole("a", 3);
  EXPECT_EQ(json::parse(answer.body),
            (json::value{{"id", "rwkv7-batch"},
                         {"object", "chat.completion"},
                         {"model", "mine"},
                         {"choices", json::array{{{"index", 0},
                                                  {"message", {{"role", "assistant"}, {"content", text}}},
                                                  {"finish_reason", "length"}}}}}));
  EXPECT_EQ(service.ask(path, native("a", 3)).at("model"), "rwkv7");
}

TEST(StateChat, StreamsSoManyTokensAtOnce) {
  const Service service;
  const std::string text = whole("a", 10);
  for (const size_t chunk : {1u, 4u, 100u}) {
    json::object body = with(native("a", 10), {{"stream", true}, {"chunk_size", chunk}});
    const Answer answer = service.post(path, body);
    ASSERT_EQ(answer.status, 200);
    const std::vector<std::string> events = answer.events();
    ASSERT_GE(events.size(), 2u);
    EXPECT_EQ(events.back(), "[DONE]");
    std::string together;
    for (size_t i = 0; i + 1 < events.size(); ++i) {
      const json::value event = json::parse(events[i]);
      const bool last = i + 2 == events.size();
      const std::string piece(event.at("choices").at(0).at("delta").at("content").as_string());
      if (!last) {
        EXPECT_EQ(event, (json::value{{"object", "chat.completion.chunk"},
                                      {"choices", json::array{{{"index", 0}, {"delta", {{"content", piece}}}}}}}));
        EXPECT_GE(piece.size(), chunk);  // a token is a character
      } else {
        EXPECT_EQ(event.at("choices").at(0).at("finish_reason"), "length");
      }
      together += piece;
    }
    EXPECT_EQ(together, text);
    EXPECT_LE(events.size(), 10 / std::min<size_t>(chunk, 10) + 2);
  }
}

TEST(StateChat, StopsAtTokensAndAtTexts) {
  FakeOptions model;
  for (const char c : std::string(".one, two# three")) model.script.push_back(c);
  const auto answer = [&](const json::array& stops) {
    const Service service(model);
    const json::object got = service.ask(path, with(native("?", 14), {{"stop_tokens", stops}, {"session_id", "s"}}));
    EXPECT_EQ(service.text_of_session("s"), fmt::format("?{}", said(got)));  // a stop is no part of the session
    return said(got) + '|' + std::string(got.at("choices").at(0).at("finish_reason").as_string());
  };
  model.script.erase(model.script.begin());
  EXPECT_EQ(answer({}), "one, two# thre|length");
  EXPECT_EQ(answer({int{'#'}}), "one, two|stop");
  EXPECT_EQ(answer({", t"}), "one|stop");
  EXPECT_EQ(answer({"wo#", int{','}}), "one|stop");
  EXPECT_EQ(answer({nullptr, "", 24281, "wo#"}), "one, t|stop");  // an id that the vocabulary has not
}

TEST(StateChat, ANewlineGoesBetweenOnlyWhereTheServerIsToldSo) {
  Service service;
  service.context.state_newline = true;
  const auto turn = [&](const std::string& text) { return state_turn(service, with(native(text), {{"session_id", "s"}})); };
  std::string text = "one";
  text += turn("one");
  text += "\n\ntwo";
  text += turn("two");
  text += "\n\nthree";
  text += turn("\n\nthree");
  text += turn("");
  EXPECT_EQ(service.text_of_session("s"), text);
}

TEST(StateChat, RefusesWhatItCannotMean) {
  const Service service;
  struct Case {
    json::object more;
    int status;
    std::string error;
  };
  const std::string single = "Server Error: Requst must be single prompt !";
  const Case cases[] = {
      {{{"contents", json::array{"a", "b"}}}, 500, single},
      {{{"contents", json::array{}}}, 500, single},
      {{{"contents", nullptr}}, 500, single},
      {{{"contents", "a"}}, 400, "contents must be an array, not a string"},
      {{{"contents", json::array{1}}}, 400, "contents must be a string, not an integer"},
      {{{"temperature", -1}}, 400, "temperature must be between 0 and 1000"},
      {{{"stop_tokens", json::array{-1}}}, 400, "stop_tokens must be between 0 and 2147483647"},
      {{{"stop_tokens", json::array{true}}}, 400, "stop_tokens must be an integer, not a boolean"},
      {{{"stop_tokens", json::array{std::string(1025, 'x')}}}, 400, "stop_tokens has a text of more than 1024 bytes"},
      {{{"session_id", std::string(257, 'x')}}, 400, "session_id has more than 256 bytes"},
      {{{"session_id", std::string("a\0b", 3)}}, 400, "session_id"},
      {{{"session_id", 5}}, 400, "session_id must be a string, not an integer"},
      {{{"chunk_size", 0}}, 400, "chunk_size"},
  };
  for (const Case& one : cases) {
    const Answer answer = service.post(path, with(native("a"), one.more));
    EXPECT_EQ(answer.status, one.status) << json::serialize(one.more);
    const json::value value = json::parse(answer.body);
    ASSERT_EQ(value.as_object().size(), 1u) << answer.body;
    EXPECT_TRUE(std::string(value.at("error").as_string()).starts_with(one.error)) << answer.body;
  }
  EXPECT_EQ(service.engine->sessions().stats().sessions, 0u);
}

TEST(StateChat, TakesThePasswordFromTheBodyOrTheHeader) {
  const Service service({}, {}, "sesame");
  for (const char* route : {path, "/multi_state/chat/completions", "/state/status", "/state/delete"}) {
    for (const json::object& none : {json::object(), json::object{{"password", "Sesame"}}, json::object{{"password", nullptr}},
                                     json::object{{"password", json::array{"sesame"}}}}) {
      const Answer answer = service.post(route, none);
      EXPECT_EQ(answer.status, 401);
      EXPECT_EQ(answer.body, R"({"error":"Unauthorized: invalid or missing password"})") << route;
    }
    EXPECT_NE(service.post(route, {{"password", "sesame"}}).status, 401) << route;
    Client client = service.client();
    client.send("POST", route, "{}", "Authorization: Bearer sesame\r\n");
    EXPECT_NE(client.receive().status, 401) << route;
  }
  EXPECT_EQ(service.post("/v1/completions", {{"password", "sesame"}, {"prompt", "a"}}).status, 401);
}

// A client that leaves has its session as far as it came.
TEST(StateChat, KeepsWhatWasSaidToAClientThatLeft) {
  const Service service;
  {
    Client client = service.client();
    client.send("POST", path, json::serialize(with(native("go", 100000), {{"session_id", "s"}, {"stream", true}, {"chunk_size", 1}})));
    client.receive_bytes(2000);
    client.close();
  }
  ASSERT_TRUE(eventually([&] { return service.engine->sessions().entry("s").has_value(); }));
  const std::string text = service.text_of_session("s");
  EXPECT_EQ(text.substr(2), whole("go", static_cast<int>(text.size()) - 2));
}

}  // namespace
}  // namespace fulmar::test
