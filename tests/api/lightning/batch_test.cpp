// Several texts in one request: each reads as if it had come alone, however it travels, and a client that leaves frees them all.
#include <mutex>
#include <set>

#include "api/lightning/native.h"

namespace fulmar::test {
namespace {

constexpr const char* v1 = "/v1/chat/completions";
constexpr int64_t seed = 11;

json::object batch(int texts, int tokens) {
  json::array contents;
  for (int i = 0; i < texts; ++i) contents.push_back(json::string(fmt::format("text {}", i % 40)));  // some of them twice
  return with(native("", tokens), {{"contents", contents}, {"seed", seed}});
}

std::vector<std::string> one_by_one(int texts, int tokens) {
  const Service service;
  std::vector<std::string> all;
  for (int i = 0; i < texts; ++i)
    all.push_back(said(service.ask(v1, with(native(fmt::format("text {}", i % 40), tokens), {{"seed", seed + i}}))));
  return all;
}

FakeOptions with_slots(uint32_t slots) {
  FakeOptions model;
  model.slots = slots;
  model.max_rows = 2 * slots;
  return model;
}

TEST(Batch, SixtyFourTextsStreamedAreThoseOfSixtyFourRequests) {
  const std::vector<std::string> expected = one_by_one(64, 20);
  EXPECT_NE(expected[0], expected[40]) << "of one text with two seeds";
  for (const uint32_t slots : {64u, 5u}) {
    const Service service(with_slots(slots));
    for (const size_t chunk : {1u, 4u, 128u}) {
      const Answer answer = service.post(v1, with(batch(64, 20), {{"stream", true}, {"chunk_size", chunk}}));
      ASSERT_EQ(answer.status, 200) << answer.body;
      std::vector<std::string> texts(64);
      std::vector<int> ends(64);
      size_t with_several = 0;
      const std::vector<std::string> events = answer.events();
      ASSERT_EQ(events.back(), "[DONE]");
      for (size_t i = 0; i + 1 < events.size(); ++i) {
        const json::value event = json::parse(events[i]);
        EXPECT_EQ(event.at("object"), "chat.completion.chunk");
        EXPECT_EQ(event.as_object().size(), 2u);
        std::set<int64_t> indices;
        for (const json::value& choice : event.at("choices").as_array()) {
          const int64_t index = choice.at("index").as_int64();
          EXPECT_TRUE(indices.insert(index).second) << "an index comes once in an event";
          const std::string piece(choice.at("delta").at("content").as_string());
          const bool last = choice.as_object().contains("finish_reason");
          if (!last) {
            EXPECT_GE(piece.size(), chunk);
          }
          texts.at(static_cast<size_t>(index)) += piece;
          ends.at(static_cast<size_t>(index)) += last;
        }
        with_several += indices.size() > 1;
      }
      EXPECT_EQ(texts, expected) << slots << " slots, chunks of " << chunk;
      EXPECT_EQ(ends, std::vector<int>(64, 1));
      EXPECT_GE(with_several, 1u);
    }
    const json::object whole = service.ask(v1, batch(64, 20));
    EXPECT_EQ(whole.at("id"), "rwkv7-batch");
    for (size_t i = 0; i < 64; ++i) EXPECT_EQ(whole.at("choices").at(i).at("message").at("content"), json::value(expected[i]));
  }
}

// A step that is under way while its sinks are being closed may see half of them.
TEST(Batch, AClientThatLeavesFreesAllOfThemWithinAStep) {
  std::mutex mutex;
  std::vector<uint32_t> live;
  FakeOptions model = with_slots(64);
  const Service* asked = nullptr;
  model.before_step = [&](uint64_t) {
    const std::lock_guard lock(mutex);
    if (asked) live.push_back(asked->engine->stats().live);
  };
  const Service service(model);
  Client client = service.client();
  client.send("POST", v1, json::serialize(with(batch(64, 1'000'000), {{"stream", true}})));
  ASSERT_TRUE(eventually([&] { return service.engine->stats().live == 64; }));
  client.receive_bytes(20000);
  {
    const std::lock_guard lock(mutex);
    asked = &service;
  }
  client.close();
  ASSERT_TRUE(eventually([&] { return service.engine->stats().live == 0; }));
  const std::lock_guard lock(mutex);
  EXPECT_LE(std::ranges::count_if(live, [](uint32_t n) { return n != 64; }), 1);
}

TEST(Batch, ThePathOfChatsIsToldApartByTheBody) {
  const Service service;
  EXPECT_EQ(service.ask(v1, native("a")).at("id"), "rwkv7-batch");
  EXPECT_EQ(service.ask("/chat/completions", native("a")).at("id"), "rwkv7-batch");
  const json::object messages = {{"messages", json::array{json::object{{"role", "user"}, {"content", "a"}}}}, {"max_tokens", 3}};
  EXPECT_TRUE(service.ask(v1, messages).contains("usage"));
  EXPECT_TRUE(service.ask(v1, with(messages, {{"contents", nullptr}})).contains("usage")) << "null is an absent field";
  EXPECT_TRUE(json::parse(service.post(v1, json::object{}).body).at("error").is_object()) << "OpenAI's shape where nothing tells";
}

// The text after token 0 is that of the same tokens given by their numbers.
TEST(Batch, V2PutsTokenZeroInFront) {
  const Service service;
  const json::object plain = with(native("ab", 12), {{"alpha_presence", 0}, {"alpha_frequency", 0}});
  const auto completion = [&](const json::array& tokens) {
    const json::object answer = service.ask(
        "/v1/completions", {{"prompt", tokens}, {"max_tokens", 12}, {"seed", 3}, {"temperature", 1}});
    return std::string(answer.at("choices").at(0).at("text").as_string());
  };
  const std::string padded = completion({0, 97, 98}), bare = completion({97, 98});
  EXPECT_NE(padded, bare);
  EXPECT_EQ(said(service.ask("/v2/chat/completions", plain)), padded);
  EXPECT_EQ(said(service.ask("/v2/chat/completions", with(plain, {{"pad_zero", false}}))), bare);
  EXPECT_EQ(said(service.ask(v1, plain)), bare) << "nowhere else";
  const json::object empty = with(plain, {{"contents", json::array{""}}});
  EXPECT_EQ(said(service.ask("/v2/chat/completions", empty)), said(service.ask(v1, empty))) << "once is enough";
}

TEST(Batch, AModelWithoutNumbersIsAServersFault) {
  FakeOptions model;
  model.nan_after = 'X';
  const Service service(model);
  const Answer failed = service.post(v1, native("X"));
  EXPECT_EQ(failed.status, 500);
  EXPECT_TRUE(json::parse(failed.body).at("error").is_string());
  FakeOptions colon;
  colon.nan_after = ':';
  const Answer translation = Service(colon).post(
      "/translate/v1/batch-translate", json::object{{"target_lang", "fr"}, {"text_list", json::array{"a"}}});
  EXPECT_EQ(translation.status, 500);
  EXPECT_EQ(json::parse(translation.body).at("translations"), json::array());
}

TEST(Batch, BigBatchesAlwaysStreamAndDrawByTemperatureAlone) {
  const Service service;
  const Answer answer = service.post("/big_batch/completions", with(native("a", 10), {{"top_k", 1}, {"alpha_presence", 50},
                                                                                     {"stream", false}}));
  ASSERT_EQ(answer.status, 200);
  std::string text;
  for (const std::string& event : answer.events())
    if (event != "[DONE]") text += std::string(json::parse(event).at("choices").at(0).at("delta").at("content").as_string());
  EXPECT_EQ(text, said(service.ask(v1, with(native("a", 10), {{"alpha_presence", 0}, {"alpha_frequency", 0}}))));
}

}  // namespace
}  // namespace fulmar::test
