// What an engine that reads does for llama.cpp's clients: progress, slots that remember, tokens.
#include "api/states/service.h"

namespace fulmar::test {
namespace {

std::vector<json::object> events_of(const Answer& answer) {
  std::vector<json::object> events;
  for (size_t at = 0; (at = answer.body.find("data: ", at)) != answer.body.npos;) {
    const size_t end = answer.body.find("\n\n", at);
    events.push_back(json::parse(std::string_view(answer.body).substr(at + 6, end - at - 6)).as_object());
    at = end;
  }
  return events;
}

TEST(LlamaPrompts, ProgressIsToldAStepAtATime) {
  Gate gate;
  FakeOptions model;  // 64 rows a step
  model.before_step = [&gate](uint64_t step) {
    if (step == 3) gate.wait();
  };
  const StateService service(model);
  const std::string body = R"({"prompt": ")" + std::string(150, 'x') + R"(", "n_predict": 2, "stream": true, "return_progress": true, "timings_per_token": true})";
  Client client = service.client();
  client.send("POST", "/completion", body);
  client.receive_bytes(300);  // the head and an event
  gate.open();
  const std::vector<json::object> events = events_of(client.receive());
  std::vector<int64_t> read;
  for (const json::object& event : events)
    if (const json::value* const progress = event.if_contains("prompt_progress")) {
      EXPECT_EQ(progress->at("total"), 150);
      EXPECT_EQ(progress->at("cache"), 0);
      EXPECT_EQ(event.at("stop"), false);
      read.push_back(progress->at("processed").as_int64());
    } else {
      EXPECT_EQ(event.at("timings").at("prompt_n"), 150);
    }
  // Of those that nobody took in time the last one is told.
  ASSERT_FALSE(read.empty());
  EXPECT_LE(read.size(), 3u);
  EXPECT_TRUE(std::ranges::is_sorted(read));
  EXPECT_LT(read.back(), 150);
}

TEST(LlamaPrompts, ASlotReadsOnlyWhatIsNew) {
  const StateService service;
  const auto ask = [&](const std::string& prompt, const std::string& more) {
    return object_of(service.post("/completion", json::serialize(with({{"prompt", prompt}, {"n_predict", 4}, {"seed", 1}, {"return_tokens", true}}, json::parse(more).as_object()))));
  };
  json::object first = ask("hello", R"({"id_slot": 2})");
  EXPECT_EQ(first["id_slot"], 2);
  EXPECT_EQ(first["tokens"].as_array().size(), 4u);
  const std::string before = "hello" + std::string(first["content"].as_string());
  EXPECT_EQ(service.text_of_session("slot:2"), before);
  const json::object next = ask(before + " and", R"({"id_slot": 2, "cache_prompt": false})");
  const json::object plain = ask(before + " and", R"({"cache_prompt": false})");
  EXPECT_EQ(next.at("content"), plain.at("content"));
  EXPECT_EQ(service.text_of_session("slot:2"), before + " and" + std::string(next.at("content").as_string()));
  ask("other", R"({"id_slot": 2})");
  EXPECT_EQ(service.text_of_session("slot:2").substr(0, 5), "other");
  for (const char* more : {R"({"id_slot": 8})", R"({"id_slot": 0, "n": 2})", R"({"id_slot": 0, "session_id": "x"})", R"({"id_slot": -2})"})
    EXPECT_EQ(service.post("/completion", json::serialize(with({{"prompt", "x"}}, json::parse(more).as_object()))).status, 400) << more;
}

}  // namespace
}  // namespace fulmar::test
