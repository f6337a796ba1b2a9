// Streams arrive whole, in order and apart from each other, whatever clients do.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <future>

#include "answer/answer.h"

#include "server/harness.h"

namespace fulmar::test {
namespace {

// The texts of a completion stream by index; checks the framing on the way.
std::vector<std::string> texts_of(const Answer& answer, size_t choices) {
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.headers.at("content-type").starts_with("text/event-stream"));
  std::vector<std::string> texts(choices);
  std::vector<int> finished(choices, 0);
  const std::vector<std::string> events = answer.events();
  EXPECT_EQ(events.back(), "[DONE]");
  for (size_t i = 0; i + 1 < events.size(); ++i) {
    const json::value chunk = json::parse(events[i]);
    EXPECT_EQ(chunk.at("object"), "text_completion");
    const json::value choice = chunk.at("choices").at(0);
    const size_t index = static_cast<size_t>(choice.at("index").as_int64());
    EXPECT_EQ(finished.at(index), 0) << "text after the end";
    texts.at(index) += choice.at("text").as_string();
    if (!choice.at("finish_reason").is_null()) ++finished.at(index);
  }
  EXPECT_EQ(finished, std::vector<int>(choices, 1));
  return texts;
}

TEST(Streaming, CompletionIsTheOneShotTextInPieces) {
  FakeOptions options;
  options.step = std::chrono::milliseconds(1);  // slower than the reader
  Harness harness(options);
  Client client = harness.client();
  const Answer answer = client.post("/v1/completions", R"({"prompt":"once","max_tokens":50,"stream":true})");
  EXPECT_EQ(texts_of(answer, 1)[0], fake_text("once", 0, 50));
  EXPECT_GT(answer.events().size(), 10u);  // text that comes while nobody reads is sent together
  EXPECT_FALSE(json::parse(answer.events()[0]).as_object().contains("usage"));
}

TEST(Streaming, ChoicesCarryTheirIndex) {
  FakeOptions options;
  options.slots = 3;
  Harness harness(options);
  Client client = harness.client();
  const std::vector<std::string> texts =
      texts_of(client.post("/v1/completions",
                           R"({"prompt":["a","b"],"n":4,"seed":1,"max_tokens":9,"stream":true,"echo":true})"),
               8);
  for (size_t i = 0; i < 8; ++i) {
    const std::string prompt = i < 4 ? "a" : "b";
    EXPECT_EQ(texts[i], prompt + fake_text(prompt, 1 + i % 4, 9));
  }
}

TEST(Streaming, ChatChunksHaveTheShapeClientsExpect) {
  Harness harness;
  Client client = harness.client();
  const Answer answer =
      client.post("/v1/chat/completions",
                  R"({"messages":[{"role":"user","content":"a"}],"max_tokens":6,"stream":true,
                                        "stream_options":{"include_usage":true}})");
  std::vector<json::value> chunks;
  std::vector<std::string> events = answer.events();
  EXPECT_EQ(events.back(), "[DONE]");
  events.pop_back();
  // One for the role, at least one with text, the reason, the usage.
  ASSERT_GE(events.size(), 4u);
  const size_t usage = events.size() - 1, reason = usage - 1;
  for (const std::string& event : events) chunks.push_back(json::parse(event));
  std::string text;
  for (size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_EQ(chunks[i].at("object"), "chat.completion.chunk");
    EXPECT_EQ(chunks[i].at("id"), chunks[0].at("id"));
    if (i == usage) break;
    EXPECT_TRUE(chunks[i].at("usage").is_null());
    const json::value choice = chunks[i].at("choices").at(0);
    EXPECT_EQ(choice.at("finish_reason").is_null(), i != reason);
    if (i >= 1 && i < reason) text += choice.at("delta").at("content").as_string();
  }
  EXPECT_EQ(chunks[0].at("choices").at(0).at("delta"), json::parse(R"({"role":"assistant","content":""})"));
  EXPECT_EQ(text, fake_text("user: a\n", 0, 6));
  EXPECT_EQ(chunks[reason].at("choices").at(0).at("delta"), json::object{});
  EXPECT_EQ(chunks[reason].at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(chunks[usage].at("choices"), json::array{});
  EXPECT_EQ(chunks[usage].at("usage"),
            json::parse(R"({"prompt_tokens":8,"completion_tokens":6,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":0},
                           "completion_tokens_details":{"reasoning_tokens":0}})"));
}

TEST(Streaming, FailureInMidStreamIsAnEventOfItsOwn) {
  FakeOptions options;
  options.fail_with = "the driver reset the device";
  options.step = std::chrono::milliseconds(5);
  Harness harness(options);
  Client client = harness.client();
  const Answer answer = client.post("/v1/completions", R"({"prompt":"a","stream":true})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(json::parse(answer.events().back()).at("error").at("message"), "the driver reset the device");
}

TEST(Streaming, SixtyFourClientsEachGetTheirOwnText) {
  FakeOptions options;
  options.step = std::chrono::microseconds(200);
  Harness harness(options);
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 64; ++i)
    answers.push_back(std::async(std::launch::async, [&harness, i] {
      Client client = harness.client();
      return client.post("/v1/completions",
                         fmt::format(R"({{"prompt":"p{}","max_tokens":100,"seed":{},"stream":true}})", i, i));
    }));
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(texts_of(answers[static_cast<size_t>(i)].get(), 1)[0],
              fake_text(fmt::format("p{}", i), static_cast<uint64_t>(i), 100));
}

TEST(Streaming, OldClientsGetAStreamThatEndsWithTheConnection) {
  Harness harness;
  Client client = harness.client();
  const std::string body = R"({"prompt":"a","max_tokens":5,"stream":true})";
  client.send(
      fmt::format("POST /v1/completions HTTP/1.0\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  const Answer answer = client.receive();
  EXPECT_FALSE(answer.headers.contains("transfer-encoding"));
  EXPECT_EQ(texts_of(answer, 1)[0], fake_text("a", 0, 5));
}

TEST(Streaming, ThousandVanishingClientsLeaveNothingBehind) {
  FakeOptions options;
  options.slots = 32;
  options.step = std::chrono::microseconds(100);
  Harness harness(options);
  const auto vanish = [&harness](int first) {
    for (int i = first; i < first + 100; ++i) {
      Client client = harness.client();
      // One in three asks for a one-shot answer: nothing is written that could tell the server.
      client.send("POST", "/v1/completions",
                  fmt::format(R"({{"prompt":"a","max_tokens":1000000,"stream":{}}})", i % 3 != 0));
      if (i % 3 == 1) client.receive_bytes(500);
      if (i % 2 == 0) client.end_sending();
      client.close();
    }
  };
  std::vector<std::future<void>> batches;
  for (int i = 0; i < 10; ++i) batches.push_back(std::async(std::launch::async, vanish, i * 100));
  for (auto& batch : batches) batch.get();
  EXPECT_TRUE(eventually([&] { return harness.idle() && harness.server->connections() == 0; }))
      << harness.engine.stats().live << " live, " << harness.server->connections() << " connections";
  Client client = harness.client();
  EXPECT_EQ(client.get("/health").status, 200);
}

TEST(Streaming, AReaderWhoIsTooSlowIsToldSoAndHoldsNoPlace) {
  FakeOptions options;
  options.piece_bytes = 100'000;
  Harness harness(options);
  Client client = harness.client();
  client.send("POST", "/v1/completions", R"({"prompt":"a","n":4,"max_tokens":1000000,"stream":true})");
  // All four end while the client has read nothing.
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().steps > 5 && harness.idle(); }));
  const Answer answer = client.receive();
  EXPECT_TRUE(answer.complete);
  const std::vector<std::string> events = answer.events();
  const json::value error = json::parse(events.back()).at("error");
  EXPECT_EQ(error.at("code"), "timeout");
  size_t text = 0;
  for (size_t i = 0; i + 1 < events.size(); ++i)
    text += json::parse(events[i]).at("choices").at(0).at("text").as_string().size();
  // What was made comes, and it is no more than 4 MiB and what the system's own buffers hold.
  EXPECT_GT(text, size_t{4} << 20);
  EXPECT_LT(text, size_t{32} << 20);
}

TEST(Streaming, AnAnswerInOnePieceHasAnEnd) {
  FakeOptions options;
  options.piece_bytes = 100'000;
  Harness harness(options);
  Client client = harness.client();
  const Answer answer = client.post("/v1/completions", R"({"prompt":"a","n":4,"max_tokens":1000000})");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.count("transfer-encoding"), 1u);  // it is not held here as a whole
  const json::value value = json::parse(answer.body);
  size_t text = 0;
  for (const json::value& choice : value.at("choices").as_array()) {
    text += choice.at("text").as_string().size();
    EXPECT_EQ(choice.at("finish_reason"), "length");
  }
  EXPECT_GT(text, size_t{4} << 20);
  EXPECT_LT(text, (size_t{4} << 20) + 4 * options.piece_bytes);
  EXPECT_TRUE(eventually([&] { return harness.idle(); }));
}

TEST(Streaming, LongEchoesComeInPartsAndAreWholeAgain) {
  Harness harness;
  Client client = harness.client();
  std::string prompt;
  while (prompt.size() < 200'000) prompt += "x\xc3\xa9\xf0\x9f\x90\xa6\n\"";
  json::object body = {{"prompt", prompt}, {"max_tokens", 3}, {"n", 2}, {"seed", 0}, {"echo", true}};
  const Answer whole = client.post("/v1/completions", json::serialize(body));
  body["stream"] = true;
  const Answer stream = client.post("/v1/completions", json::serialize(body));
  const std::vector<std::string> streamed = texts_of(stream, 2);
  for (size_t i = 0; i < 2; ++i) {
    const std::string wanted = prompt + fake_text(prompt, i, 3);
    EXPECT_EQ(json::parse(whole.body).at("choices").at(i).at("text"), json::value(wanted));
    EXPECT_EQ(streamed[i], wanted);
  }
  for (const std::string& event : stream.events()) EXPECT_LT(event.size(), 150'000u);
}

// However much other answers have waiting, the small and those that are read go on.
TEST(Streaming, AllAnswersTogetherHaveABound) {
  FakeOptions options;
  options.piece_bytes = 20'000;
  Harness harness(options);
  Client client = harness.client();
  harness.context.waiting_text = api::kAllUnread + 1;
  EXPECT_EQ(client.post("/v1/completions", R"({"prompt":"a","max_tokens":2})").status, 200);
  const Answer large = client.post("/v1/completions", R"({"prompt":"a","max_tokens":1000})");
  EXPECT_EQ(large.status, 503);
  EXPECT_EQ(large.headers.count("retry-after"), 1u);
  const std::string echo = json::serialize(
      json::object{{"prompt", std::string(100'000, 'a')}, {"max_tokens", 1}, {"echo", true}});
  EXPECT_EQ(client.post("/v1/completions", echo).status, 503);

  client.send("POST", "/v1/completions", R"({"prompt":"a","n":4,"max_tokens":1000000,"stream":true})");
  const Answer stream = client.receive();
  EXPECT_EQ(json::parse(stream.events().back()).at("error").at("code"), "unavailable");
  EXPECT_TRUE(eventually([&] { return harness.context.waiting_text == api::kAllUnread + 1; })) << "some is never given back";
}

TEST(Streaming, ClientThatDoesNotReadIsDropped) {
  FakeOptions options;
  options.piece_bytes = 100'000;
  options.step = std::chrono::milliseconds(1);
  http::ServerOptions http;
  http.limits.write_time = std::chrono::milliseconds(300);
  Harness harness(options, http);
  Client client = harness.client();
  client.shrink_receive_buffer();
  client.send("POST", "/v1/completions", R"({"prompt":"a","max_tokens":1000000,"stream":true})");
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().live == 1; }));
  EXPECT_TRUE(eventually([&] { return harness.idle() && harness.server->connections() == 0; }));
}

}  // namespace
}  // namespace fulmar::test
