// What the engine refuses before it starts, and what a seed promises.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "engine/fake_model.h"

namespace fulmar {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinite = std::numeric_limits<float>::infinity();

TEST(Requests, ThatCanNeverRunAreRefusedByTheFieldAtFault) {
  struct Row {
    const char* param;
    std::function<void(Request&)> spoil;
  };
  const std::vector<Row> rows = {
      {"max_tokens", [](Request& r) { r.max_tokens = 0; }},
      {"temperature", [](Request& r) { r.sampling.temperature = -0.1f; }},
      {"temperature", [](Request& r) { r.sampling.temperature = nan; }},
      {"temperature", [](Request& r) { r.sampling.temperature = infinite; }},
      {"top_k", [](Request& r) { r.sampling.top_k = -1; }},
      {"top_p", [](Request& r) { r.sampling.top_p = 1.5f; }},
      {"top_p", [](Request& r) { r.sampling.top_p = nan; }},
      {"min_p", [](Request& r) { r.sampling.min_p = -0.5f; }},
      {"presence_penalty", [](Request& r) { r.sampling.presence_penalty = infinite; }},
      {"frequency_penalty", [](Request& r) { r.sampling.frequency_penalty = nan; }},
      {"penalty_decay", [](Request& r) { r.sampling.penalty_decay = 1.01f; }},
      {"logit_bias",
       [](Request& r) {
         r.sampling.logit_bias = {{128, 1.0f}};
       }},
      {"logit_bias",
       [](Request& r) {
         r.sampling.logit_bias = {{-1, 1.0f}};
       }},
      {"logit_bias",
       [](Request& r) {
         r.sampling.logit_bias = {{5, nan}};
       }},
      {"stop_tokens", [](Request& r) { r.stop_tokens = {128}; }},
      {"prompt",
       [](Request& r) {
         r.tokens = {1, 2, 128};
       }},
      {"prompt", [](Request& r) { r.tokens = {-1}; }},
      {"messages",
       [](Request& r) {
         r.messages = {{"oracle", "hello"}};
       }},
  };
  const auto engine = make_fake_engine({});
  for (const Row& row : rows) {
    Request request = ask("x", 1);
    row.spoil(request);
    try {
      listen_to(*engine, request);
      ADD_FAILURE() << row.param << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_request) << error.what();
      EXPECT_EQ(error.param(), row.param) << error.what();
    }
  }
  EXPECT_EQ(listen_to(*engine, ask("x", 1))->wait(), Finish::length);
}

TEST(Requests, TextThatNeedsATokenTheModelLacksIsRefused) {
  FakeOptions small;
  small.vocab = 100;  // 'x' is 120
  const auto engine = make_fake_engine(small);
  try {
    listen_to(*engine, ask("axe", 1));
    ADD_FAILURE() << "a token outside the model";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_THAT(error.what(), testing::HasSubstr("120"));
  }
  EXPECT_EQ(listen_to(*engine, ask("ABC", 3))->wait(), Finish::length);
}

TEST(Requests, AModelWithMoreTokensThanItsVocabularyShowsThemAsNothing) {
  FakeOptions options;
  options.vocab = 200;
  options.script = {150, 'a', 199, 0};
  const auto engine = make_fake_engine(options);
  const auto listener = listen_to(*engine, ask("x", 100));
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "a");
  EXPECT_EQ(listener->tokens(), (std::vector<Token>{150, 'a', 199, 0}));
}

TEST(Requests, TheWorldVocabularyIsNotForcedOnASmallModel) {
  FakeOptions small;
  small.vocab = 100;
  EngineOptions options;  // no vocabulary named
  try {
    make_engine(std::make_unique<FakeModel>(small), ascii_tokenizer(), options, {});
    ADD_FAILURE() << "128 tokens for a model of 100";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::misuse);
    EXPECT_THAT(error.what(), testing::HasSubstr("--vocab bytes"));
  }
}

TEST(Requests, TheSameSeedGivesTheSameTextAndAnotherChoiceAnother) {
  const auto engine = make_fake_engine({});
  Request request = ask("once", 40, 99);
  const auto a = listen_to(*engine, request), b = listen_to(*engine, request);
  request.choice = 1;
  const auto c = listen_to(*engine, request);
  request.choice = 0;
  request.sampling.seed = 100;
  const auto d = listen_to(*engine, request);
  for (const auto& listener : {a, b, c, d}) ASSERT_EQ(listener->wait(), Finish::length);
  EXPECT_EQ(a->text(), b->text());
  EXPECT_NE(a->text(), c->text());
  EXPECT_NE(a->text(), d->text());
}

TEST(Requests, WithoutASeedTextsDiffer) {
  const auto engine = make_fake_engine({});
  Request request = ask("once", 40);
  request.sampling.seed.reset();
  const auto a = listen_to(*engine, request), b = listen_to(*engine, request);
  ASSERT_EQ(a->wait(), Finish::length);
  ASSERT_EQ(b->wait(), Finish::length);
  EXPECT_NE(a->text(), b->text());
}

}  // namespace
}  // namespace fulmar
