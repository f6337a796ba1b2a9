// Prompts that have other lengths than the report says would make every figure a lie.
#include "load/dataset.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "fulmar/error.h"

namespace fulmar::load {
namespace {

const Tokenizer& world() {
  static const auto tokenizer = open_tokenizer(FULMAR_SOURCE_DIR "/models/rwkv-world.vocab");
  return *tokenizer;
}

std::string file_of(const std::string& name, const std::string& content) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(RandomPrompts, HaveTheLengthsTheyAreSaidToHave) {
  for (const char* vocab : {FULMAR_SOURCE_DIR "/models/rwkv-world.vocab", FULMAR_SOURCE_DIR "/models/fulmar-demo.vocab", "bytes"}) {
    const auto tokenizer = open_tokenizer(vocab);
    const RandomLengths lengths{40, 20, 0.25};
    uint32_t least = 1000, most = 0;
    for (const Prompt& prompt : random_prompts(*tokenizer, lengths, {}, 300, 3)) {
      EXPECT_EQ(tokenizer->encode(prompt.text).size(), prompt.input_tokens) << vocab << ": " << prompt.text;
      EXPECT_TRUE(prompt.output_tokens >= 5 && prompt.output_tokens <= 20) << prompt.output_tokens;
      least = std::min(least, prompt.input_tokens);
      most = std::max(most, prompt.input_tokens);
    }
    EXPECT_EQ(least, 10u) << vocab;
    EXPECT_EQ(most, 40u) << vocab;
  }
}

TEST(RandomPrompts, ComeAgainWithTheirSeed) {
  const auto texts = [](uint64_t seed) {
    std::vector<std::string> all;
    for (const Prompt& prompt : random_prompts(world(), {30, 5, 1}, {}, 5, seed)) all.push_back(prompt.text);
    return all;
  };
  EXPECT_EQ(texts(1), texts(1));
  EXPECT_NE(texts(1), texts(2));
  EXPECT_NE(texts(1)[0], texts(1)[1]) << "or a cache of prompts would answer";
}

constexpr const char* conversations = R"([
  {"id": "a", "conversations": [{"from": "human", "value": "Tell me about [birds] and \"{wind}\" at sea."},
                                {"from": "gpt", "value": "They ride it for days, and rest on it."}]},
  {"id": "short", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello, who are you today?"}]},
  {"id": "alone", "conversations": [{"from": "human", "value": "Nobody answers what this one asks."}]},
  {"id": "b", "conversations": [{"from": "human", "value": "你好，請問今天的天氣怎麼樣呢？"},
                                {"from": "gpt", "value": "Fine until the evening, then rain."}, {"from": "human", "value": "x"}]}
])";

TEST(ShareGpt, GivesTheFirstTurnAndTheLengthOfTheSecond) {
  const std::string path = file_of("sharegpt.json", conversations);
  std::vector<Prompt> prompts = sharegpt_prompts(world(), path, {}, 10, 1);
  ASSERT_EQ(prompts.size(), 2u) << "what is too short, or has no answer, is left out";
  std::sort(prompts.begin(), prompts.end(), [](const Prompt& a, const Prompt& b) { return a.text < b.text; });
  EXPECT_EQ(prompts[0].text, "Tell me about [birds] and \"{wind}\" at sea.");
  EXPECT_EQ(prompts[0].output_tokens, world().encode("They ride it for days, and rest on it.").size());
  EXPECT_EQ(prompts[1].input_tokens, world().encode(prompts[1].text).size());
  for (const Prompt& prompt : sharegpt_prompts(world(), path, 7, 10, 1)) EXPECT_EQ(prompt.output_tokens, 7u);
  EXPECT_EQ(sharegpt_prompts(world(), path, {}, 1, 1).size(), 1u);
}

TEST(ShareGpt, CanBeLinesAndTheSourceOfRandomLengths) {
  const std::string line = R"({"conversations": [{"value": "你好，請問今天的天氣怎麼樣呢？"}, {"value": "Fine until the evening."}]})";
  const std::string path = file_of("sharegpt.jsonl", fmt::format("{0}\n{0}\n", line));
  EXPECT_EQ(sharegpt_prompts(world(), path, {}, 10, 1).size(), 2u);
  for (const Prompt& prompt : random_prompts(world(), {50, 5, 0.1}, path, 20, 1)) {
    EXPECT_EQ(world().encode(prompt.text).size(), prompt.input_tokens);
    EXPECT_GE(prompt.input_tokens + 3, 5u) << "cut in whole characters";
    EXPECT_TRUE(std::string("你好，請問今天的天氣怎麼樣呢？").starts_with(prompt.text.substr(0, 3)));
  }
}

std::string complaint_about(const std::string& content) {
  try {
    sharegpt_prompts(world(), file_of("damaged.json", content), {}, 10, 1);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST(ShareGpt, SaysWhatIsWrongWithAFile) {
  using testing::HasSubstr;
  EXPECT_THAT(complaint_about(std::string(conversations).substr(0, 100)), HasSubstr("is the file whole?"));
  EXPECT_THAT(complaint_about("[1, 2]"), HasSubstr("begins no object"));
  EXPECT_THAT(complaint_about("hello"), HasSubstr("begins no object"));
  EXPECT_THAT(complaint_about(R"([{"text": "no turns"}])"), HasSubstr("conversations"));
  EXPECT_THAT(complaint_about(R"([{"conversations": tru}])"), HasSubstr("no JSON"));
  EXPECT_THAT(complaint_about("[]"), HasSubstr("no conversation that fits"));
}

}  // namespace
}  // namespace fulmar::load
