// generation_config.json becomes the profile that its author meant, or a sentence.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "helpers.h"
#include "text/sampling_profiles.h"

namespace fulmar {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(GenerationConfig, FilesOfRwkv7sMakersAreTheProfilesThatFulmarKnows) {
  const auto written = [](const char* numbers) {
    return std::string(R"({"bos_token_id": 0, "do_sample": true, "stop_strings": ["\n### User"], )") + numbers + "}";
  };
  const std::pair<const char*, const char*> files[] = {
      {"open", R"("temperature": 0.96, "top_p": 0.76, "top_k": 32, "presence_penalty": 1.0, "frequency_penalty": 0.1,
                  "penalty_decay": 0.988)"},
      {"fake", R"("temperature": 1.0, "top_p": 0.28, "top_k": 32, "presence_penalty": 0.0, "frequency_penalty": 0.0,
                  "penalty_decay": 0.996)"},
      {"tools", R"("temperature": 0.96, "top_p": 0.76, "top_k": 32, "presence_penalty": 0, "frequency_penalty": 0,
                   "penalty_decay": 0.996)"}};
  for (const auto& [name, numbers] : files) {
    const auto got = read_generation_config(written(numbers), name).sampling;
    ASSERT_TRUE(got) << name;
    const auto known = std::ranges::find(known_profiles(), name, &SamplingProfile::name);
    ASSERT_NE(known, known_profiles().end());
    EXPECT_EQ(got->temperature, known->sampling.temperature);
    EXPECT_EQ(got->top_p, known->sampling.top_p);
    EXPECT_EQ(got->top_k, known->sampling.top_k);
    EXPECT_EQ(got->presence_penalty, known->sampling.presence_penalty);
    EXPECT_EQ(got->frequency_penalty, known->sampling.frequency_penalty);
    EXPECT_EQ(got->penalty_decay, known->sampling.penalty_decay);
    EXPECT_EQ(got->rule, known->sampling.rule);
  }
}

TEST(GenerationConfig, WhatItLeavesOutIsNeutral) {
  const auto got =
      read_generation_config(R"({"top_p": 0.5, "repetition_penalty": 1.25, "top_k": -1})", "g.json").sampling;
  ASSERT_TRUE(got);
  EXPECT_EQ(got->top_p, 0.5f);
  EXPECT_EQ(got->repetition_penalty, 1.25f);
  EXPECT_EQ(got->temperature, 1.0f);
  EXPECT_EQ(got->top_k, 0);
  EXPECT_EQ(got->rule, PenaltyRule::openai);
  EXPECT_EQ(read_generation_config(R"({"do_sample": false})", "g.json").sampling->temperature, 0.0f);
}

TEST(GenerationConfig, OneThatSaysNothingOfSamplingIsNoProfile) {
  EXPECT_FALSE(
      read_generation_config(R"({"eos_token_id": 0, "transformers_version": "4.48.0"})", "g.json").sampling);
  EXPECT_FALSE(read_generation_config(R"({"do_sample": true})", "g.json").sampling);
}

TEST(GenerationConfig, AValueThatNoRequestMayHaveIsPassedOverByName) {
  for (const auto& [json, field] : {std::pair{R"("temperature": -1)", "temperature"},
                                    {R"("temperature": 1e30)", "temperature"},
                                    {R"("temperature": 1e400)", "temperature"},
                                    {R"("temperature": "hot")", "temperature"},
                                    {R"("temperature": [1])", "temperature"},
                                    {R"("top_p": -1)", "top_p"},
                                    {R"("top_p": 1.5)", "top_p"},
                                    {R"("min_p": 2)", "min_p"},
                                    {R"("top_k": 2.5)", "top_k"},
                                    {R"("top_k": -2)", "top_k"},
                                    {R"("presence_penalty": 2.5)", "presence_penalty"},
                                    {R"("frequency_penalty": -1e9)", "frequency_penalty"},
                                    {R"("penalty_decay": 2)", "penalty_decay"},
                                    {R"("repetition_penalty": -1)", "repetition_penalty"}}) {
    SCOPED_TRACE(json);
    const GenerationConfig alone = read_generation_config(fmt::format("{{{}}}", json), "g.json");
    EXPECT_FALSE(alone.sampling) << "nothing is left of it";
    EXPECT_THAT(alone.passed_over, ElementsAre(AllOf(HasSubstr("g.json: "), HasSubstr(field))));
    // What else the file says counts.
    const auto among = read_generation_config(fmt::format(R"({{{}, "do_sample": false}})", json), "g.json");
    ASSERT_TRUE(among.sampling);
    EXPECT_EQ(among.passed_over.size(), 1u);
    EXPECT_EQ(among.sampling->top_p, 1.0f);
    EXPECT_EQ(among.sampling->rule, PenaltyRule::openai);
  }
  EXPECT_THAT(read_generation_config(R"({"top_p": 7})", "g.json").passed_over,
              ElementsAre("g.json: top_p is 7, it must be from 0 to 1"));
  EXPECT_THAT(read_generation_config(R"({"do_sample": "no"})", "g.json").passed_over,
              ElementsAre("g.json: do_sample is neither true nor false"));
  // What requests may have too.
  EXPECT_EQ(read_generation_config(R"({"repetition_penalty": 0})", "g.json").sampling->repetition_penalty,
            1.0f);
  EXPECT_EQ(read_generation_config(R"({"top_k": 1e12})", "g.json").sampling->top_k,
            std::numeric_limits<int32_t>::max());
  EXPECT_TRUE(read_generation_config(R"({"temperature": null})", "g.json").passed_over.empty());
  EXPECT_THAT(test::thrown(ErrorKind::bad_file, [] { read_generation_config("[1]", "g.json"); }), HasSubstr("g.json"));
}

}  // namespace
}  // namespace fulmar
