// POST /v1/embeddings: every text gets its own vector, whole and in the order that was asked for.
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "answer/answer.h"
#include "answer/base64.h"
#include "api/openai/openai.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

const std::string kPath = "/v1/embeddings";

std::vector<float> numbers_of(const json::value& list) {
  std::vector<float> numbers;
  for (const json::value& number : list.as_array()) numbers.push_back(number.to_number<float>());
  return numbers;
}

// Plain decoding of base64 into floats.
std::vector<float> decoded(std::string_view text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 255);
  }
  std::vector<float> numbers(bytes.size() / 4);
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * 4);
  return numbers;
}

TEST(Embeddings, AreOneVectorATextInTheOrderAsked) {
  Harness harness;
  Client client = harness.client();
  const Answer answer = client.post(kPath, R"({"input":["one","seven","x"],"model":"any"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json::value body = json::parse(answer.body);
  EXPECT_EQ(body.at("object"), "list");
  EXPECT_EQ(body.at("model"), "fake-rwkv");
  EXPECT_EQ(body.at("usage"), json::parse(R"({"prompt_tokens":9,"total_tokens":9})"));
  const std::string_view texts[] = {"one", "seven", "x"};
  ASSERT_EQ(body.at("data").as_array().size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const json::value& entry = body.at("data").at(i);
    EXPECT_EQ(entry.at("object"), "embedding");
    EXPECT_EQ(entry.at("index"), i);
    EXPECT_EQ(numbers_of(entry.at("embedding")), fake_vector(texts[i]));
  }
  EXPECT_TRUE(harness.engine.last_request().embed);
  EXPECT_EQ(harness.engine.last_request().max_tokens, 0u);
  EXPECT_TRUE(harness.engine.last_input().embed);
}

TEST(Embeddings, TakeATextOrTokensOrListsOfThem) {
  Harness harness;
  Client client = harness.client();
  for (const auto& [input, first] :
       {std::pair{R"("ab")", "ab"}, {"[97,98]", "ab"}, {"[[97,98],[99]]", "ab"}, {R"(["ab"])", "ab"}}) {
    for (const char* path : {"/v1/embeddings", "/embeddings"}) {
      const Answer answer = client.post(path, fmt::format(R"({{"input":{}}})", input));
      ASSERT_EQ(answer.status, 200) << input << answer.body;
      EXPECT_EQ(numbers_of(json::parse(answer.body).at("data").at(0).at("embedding")), fake_vector(first)) << input;
    }
  }
}

TEST(Embeddings, AsBase64AreTheSameNumbers) {
  Harness harness;
  const Answer answer = harness.client().post(kPath, R"({"input":"some text","encoding_format":"base64"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json::value body = json::parse(answer.body);
  EXPECT_EQ(decoded(std::string_view(body.at("data").at(0).at("embedding").as_string())), fake_vector("some text"));
}

TEST(Embeddings, Base64HasThePaddingOfItsStandard) {
  EXPECT_EQ(api::base64_floats({}), "");
  EXPECT_EQ(api::base64_floats(std::vector<float>{1.0f}), "AACAPw==");
  EXPECT_EQ(api::base64_floats(std::vector<float>{1.0f, -2.0f}), "AACAPwAAAMA=");
  EXPECT_EQ(api::base64_floats(std::vector<float>{1.0f, -2.0f, 0.5f}), "AACAPwAAAMAAAAA/");
}

TEST(Embeddings, OfFewerDimensionsAreTheFirstAtLengthOne) {
  Harness harness;
  Client client = harness.client();
  const Answer answer = client.post(kPath, R"({"input":"abcdef","dimensions":3})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const std::vector<float> got = numbers_of(json::parse(answer.body).at("data").at(0).at("embedding"));
  ASSERT_EQ(got.size(), 3u);
  const std::vector<float> whole = fake_vector("abcdef");
  const double length = std::sqrt(0.25 + 0.25 + 36.0);
  for (size_t i = 0; i < 3; ++i) EXPECT_FLOAT_EQ(got[i], static_cast<float>(whole[i] / length));
  EXPECT_EQ(client.post(kPath, R"({"input":"a","dimensions":4})").status, 200);
  EXPECT_EQ(error_of(client.post(kPath, R"({"input":"a","dimensions":5})"))["param"], "dimensions");
}

TEST(Embeddings, WhatIsWrongIsRefusedByTheFieldsName) {
  Harness harness;
  Client client = harness.client();
  for (const auto& [body, param] :
       {std::pair{R"({})", "input"}, {R"({"input":null})", "input"}, {R"({"input":""})", "input"},
        {R"({"input":[]})", "input"}, {R"({"input":["a",""]})", "input"}, {R"({"input":[[]]})", "input"},
        {R"({"input":["a",[1]]})", "input"}, {R"({"input":[1.5]})", "input"}, {R"({"input":[70000]})", "input"},
        {R"({"input":{"a":1}})", "input"}, {R"({"input":"a","encoding_format":"hex"})", "encoding_format"},
        {R"({"input":"a","dimensions":0})", "dimensions"}, {R"({"input":"a","model":7})", "model"}}) {
    const Answer answer = client.post(kPath, body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(error_of(answer)["param"], param) << body;
  }
  EXPECT_EQ(error_of(client.post(kPath, R"({"input":"a","task":"similarity"})"))["code"], "unsupported");
  std::string many = R"({"input":["a")";
  for (int i = 0; i < 2048; ++i) many += R"(,"a")";
  EXPECT_EQ(client.post(kPath, many + "]}").status, 400);
  for (const char* nothing : {"null", R"("")"})
    EXPECT_EQ(client.post(kPath, fmt::format(R"({{"input":"a","encoding_format":{}}})", nothing)).status, 200);
}

TEST(Embeddings, AnErrorSaysWhichTextAndWhichTokenIsMeant) {
  Harness harness;
  Client client = harness.client();
  for (const auto& [input, sentence] :
       {std::pair{R"(["a","b",""])", "input[2] is an empty text, which has no vector"},
        {R"("")", "input is an empty text, which has no vector"},
        {R"([[1],[]])", "input[1] is an empty list: a text in tokens has one at least"},
        {R"([[1],[2,70000]])", "input[1] has 70000, which is no token id between 0 and 65535"},
        {R"([1,-3])", "input has -3, which is no token id between 0 and 65535"}}) {
    auto error = error_of(client.post(kPath, fmt::format(R"({{"input":{}}})", input)));
    EXPECT_EQ(error["message"], sentence);
    EXPECT_EQ(error["param"], "input");
  }
}

TEST(Embeddings, OfAModelMadeForThemHaveATask) {
  FakeOptions options;
  options.embeds = true;
  Harness harness(options);
  Client client = harness.client();
  using enum EmbeddingTask;
  for (const auto& [word, task] :
       {std::pair{"retrieval", retrieval}, {"similarity", similarity}, {"classification", classification}}) {
    EXPECT_EQ(client.post(kPath, fmt::format(R"({{"input":"a","task":"{}"}})", word)).status, 200);
    EXPECT_EQ(harness.engine.last_request().task, task) << word;
  }
  EXPECT_EQ(error_of(client.post(kPath, R"({"input":"a","task":"poetry"})"))["param"], "task");
}

TEST(Embeddings, OfManyTextsComeInParts) {
  Harness harness;
  std::string body = R"({"input":["text 0")";
  for (int i = 1; i < 2048; ++i) body += fmt::format(R"(,"text {}")", i);
  const Answer answer = harness.client().post(kPath, body + "]}");
  ASSERT_EQ(answer.status, 200);
  EXPECT_GT(answer.body.size(), api::kPartBytes);
  const json::value whole = json::parse(answer.body);
  ASSERT_EQ(whole.at("data").as_array().size(), 2048u);
  for (size_t i : {0, 1, 2047})
    EXPECT_EQ(numbers_of(whole.at("data").at(i).at("embedding")), fake_vector(fmt::format("text {}", i)));
}

TEST(Embeddings, AnErrorOfTheEngineIsTheAnswer) {
  FakeOptions options;
  options.fail_with = "the driver reset the device";
  Harness harness(options);
  const Answer answer = harness.client().post(kPath, R"({"input":["a","b"]})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(error_of(answer)["code"], "device_lost");
}

std::string body_of_texts(size_t count, const std::string& ending = {}) {
  std::string body = R"({"input":["text 0)" + ending + '"';
  for (size_t i = 1; i < count; ++i) body += fmt::format(R"(,"text {}{}")", i, ending);
  return body + "]}";
}

TEST(Embeddings, MoreTextsThanMayWaitAreReadAllTheSame) {
  FakeOptions options;
  options.queue = 3;
  Harness harness(options);
  const Answer answer = harness.client().post(kPath, body_of_texts(2048));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json::value whole = json::parse(answer.body);
  for (size_t i : {0, 1, 1000, 2047})
    EXPECT_EQ(numbers_of(whole.at("data").at(i).at("embedding")), fake_vector(fmt::format("text {}", i)));
}

// A body of a thousand texts leaves the queue to others, and one of long texts slots too.
TEST(Embeddings, OfManyTextsAreUnderWayAFewAtATime) {
  // At most, and as many as end in the step in which the next are counted already.
  for (const auto& [slots, ending, most] : {std::tuple{4u, std::string(), 8u + 4u},
                                            {64u, std::string(5000, 'x'), 3u + 3u},
                                            {64u, std::string(100'000, 'x'), 2u + 2u}}) {
    FakeOptions options;
    options.slots = slots;
    options.step = std::chrono::milliseconds(1);
    Harness harness(options);
    Client client = harness.client();
    client.send("POST", kPath, body_of_texts(100, ending));
    ASSERT_TRUE(eventually([&] { return harness.engine.stats().live > 0; }));
    uint32_t seen = 0;
    while (!harness.idle()) {
      const EngineStats stats = harness.engine.stats();
      seen = std::max(seen, stats.live + stats.queued);
    }
    EXPECT_LE(seen, most) << slots;
    EXPECT_EQ(client.receive().status, 200);
  }
}

TEST(Embeddings, AreRefusedWhereNotOneTextMayWait) {
  FakeOptions options;
  options.slots = options.queue = 1;
  options.step = std::chrono::milliseconds(20);  // nobody reads, and unread text ends an answer
  Harness harness(options);
  std::vector<Client> others;
  for (int i = 0; i < 2; ++i) {
    others.push_back(harness.client());
    others.back().send("POST", "/v1/completions", R"({"prompt":"a","max_tokens":1000000,"stream":true})");
    ASSERT_TRUE(eventually([&] { return harness.engine.stats().live + harness.engine.stats().queued == i + 1u; }));
  }
  EXPECT_EQ(harness.client().post(kPath, R"({"input":["a","b"]})").status, 429);
}

// Their texts and vectors are memory that many clients could take and never give back.
TEST(Embeddings, CountInWhatAllAnswersMayHold) {
  FakeOptions options;
  options.channels = 2048;
  Harness harness(options);
  Client client = harness.client();
  client.send("POST", kPath, body_of_texts(2048));
  constexpr size_t vectors = 2048 * 2048 * sizeof(float);
  EXPECT_TRUE(eventually([&] { return harness.context.waiting_text > vectors / 2; }));
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_TRUE(eventually([&] { return harness.context.waiting_text == 0; }));

  harness.context.waiting_text = api::kAllUnread + 1;
  Client next = harness.client();
  EXPECT_EQ(next.post(kPath, body_of_texts(2)).status, 200);
  EXPECT_EQ(next.post(kPath, body_of_texts(20)).status, 503) << "its vectors are more than one part of an answer";
  EXPECT_EQ(next.post(kPath, body_of_texts(1, std::string(100'000, 'x'))).status, 503) << "its text is";
  EXPECT_TRUE(eventually([&] { return harness.context.waiting_text == api::kAllUnread + 1; }));
}

}  // namespace
}  // namespace fulmar::test
