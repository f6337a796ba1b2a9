// What the engine refuses before it starts, and what a seed promises.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>

#include "engine/fake_model.h"

namespace fulmar {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinite = std::numeric_limits<float>::infinity();

TEST(Requests, ThatCanNeverRunAreRefusedByTheFieldAtFault) {
  struct Row {
    const char* param;
    std::function<void(Question&)> spoil;
  };
  const std::vector<Row> rows = {
      {"temperature", [](Question& r) { r.sampling.temperature = -0.1f; }},
      {"temperature", [](Question& r) { r.sampling.temperature = nan; }},
      {"temperature", [](Question& r) { r.sampling.temperature = infinite; }},
      {"top_k", [](Question& r) { r.sampling.top_k = -1; }},
      {"top_p", [](Question& r) { r.sampling.top_p = 1.5f; }},
      {"top_p", [](Question& r) { r.sampling.top_p = nan; }},
      {"min_p", [](Question& r) { r.sampling.min_p = -0.5f; }},
      {"presence_penalty", [](Question& r) { r.sampling.presence_penalty = infinite; }},
      {"frequency_penalty", [](Question& r) { r.sampling.frequency_penalty = nan; }},
      {"penalty_decay", [](Question& r) { r.sampling.penalty_decay = 1.01f; }},
      {"logit_bias",
       [](Question& r) {
         r.sampling.logit_bias = {{128, 1.0f}};
       }},
      {"logit_bias",
       [](Question& r) {
         r.sampling.logit_bias = {{-1, 1.0f}};
       }},
      {"logit_bias",
       [](Question& r) {
         r.sampling.logit_bias = {{5, nan}};
       }},
      {"stop_tokens", [](Question& r) { r.stop_tokens = {128}; }},
      {"prompt",
       [](Question& r) {
         r.input.tokens = {1, 2, 128};
       }},
      {"prompt", [](Question& r) { r.input.tokens = {-1}; }},
      {"messages[0].role",
       [](Question& r) {
         r.input.messages = {{"oracle", "hello"}};
       }},
  };
  const auto engine = make_fake_engine({});
  for (const Row& row : rows) {
    Question request = ask("x", 1);
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
  Question request = ask("once", 40, 99);
  request.prompt = engine->prepare(request.input);
  const auto a = std::make_shared<Listener>(), b = std::make_shared<Listener>();
  engine->submit({{request, {a, b}}});
  const auto again = listen_to(*engine, request);
  request.sampling.seed = 100;
  const auto other = listen_to(*engine, request);
  for (const auto& listener : {a, b, again, other}) ASSERT_EQ(listener->wait(), Finish::length);
  EXPECT_EQ(a->text(), again->text());
  EXPECT_NE(a->text(), b->text());
  EXPECT_NE(a->text(), other->text());
}

TEST(Requests, WithoutASeedTextsDiffer) {
  const auto engine = make_fake_engine({});
  Question request = ask("once", 40);
  request.sampling.seed.reset();
  const auto a = listen_to(*engine, request), b = listen_to(*engine, request);
  ASSERT_EQ(a->wait(), Finish::length);
  ASSERT_EQ(b->wait(), Finish::length);
  EXPECT_NE(a->text(), b->text());
}

// Submits one request of `choices` and says how it was refused.
std::pair<ErrorKind, std::string> refusal_of(Engine& engine, Question question, size_t choices) {
  try {
    question.prompt = engine.prepare(question.input);
    std::vector<std::shared_ptr<Sink>> sinks;
    for (size_t i = 0; i < choices; ++i) sinks.push_back(std::make_shared<Listener>());
    engine.submit({{question, sinks}});
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  ADD_FAILURE() << "was taken";
  return {ErrorKind::internal, ""};
}

TEST(Requests, AllChoicesAreTakenOrNone) {
  Gate gate;
  FakeOptions options{.slots = 1};
  options.before_step = [&](uint64_t) { gate.wait(); };
  const auto engine = make_fake_engine(options, {.queue = 4});
  const auto running = listen_to(*engine, ask("a", 1));
  gate.wait_for_visitor();
  const auto waiting = listen_to(*engine, ask("b", 1));
  EXPECT_EQ(refusal_of(*engine, ask("c", 1), 4).first, ErrorKind::busy);  // three places are free
  EXPECT_EQ(engine->stats().queued, 1u);
  const auto [kind, sentence] = refusal_of(*engine, ask("c", 1), 5);  // there are never five
  EXPECT_EQ(kind, ErrorKind::bad_request);
  EXPECT_THAT(sentence, testing::HasSubstr("4 that --queue"));
  gate.open();
  EXPECT_EQ(running->wait(), Finish::length);
  EXPECT_EQ(waiting->wait(), Finish::length);
}

TEST(Requests, PromptsThatWaitAreBoundedInTokensAndCountOnce) {
  Gate gate;
  FakeOptions options{.slots = 1};
  options.before_step = [&](uint64_t) { gate.wait(); };
  const auto engine = make_fake_engine(options, {.queue_tokens = 100});
  const auto running = listen_to(*engine, ask("a", 1));
  gate.wait_for_visitor();
  Question wide = ask(std::string(60, 'x'), 1);
  wide.prompt = engine->prepare(wide.input);
  const auto first = std::make_shared<Listener>(), second = std::make_shared<Listener>(),
             third = std::make_shared<Listener>();
  engine->submit({{wide, {first, second, third}}});
  EXPECT_EQ(refusal_of(*engine, ask(std::string(41, 'y'), 1), 1).first, ErrorKind::busy);
  const auto fits = listen_to(*engine, ask(std::string(40, 'y'), 1));
  EXPECT_EQ(refusal_of(*engine, ask("z", 1), 1).first, ErrorKind::busy);
  const auto [kind, sentence] = refusal_of(*engine, ask(std::string(101, 'y'), 1), 1);
  EXPECT_EQ(kind, ErrorKind::bad_request);
  EXPECT_THAT(sentence, testing::HasSubstr("100 that --queue-tokens"));
  gate.open();
  for (const auto& listener : {first, second, third, fits}) EXPECT_EQ(listener->wait(), Finish::length);
  // All places are free again.
  EXPECT_EQ(listen_to(*engine, ask(std::string(100, 'y'), 1))->wait(), Finish::length);
}

TEST(Requests, ClosedOnesGiveBackTheirTokensWhereverTheyStand) {
  Gate gate;
  std::atomic<bool> hold = true;
  FakeOptions options{.slots = 1};
  options.before_step = [&](uint64_t) {
    if (hold) gate.wait();
  };
  const auto engine = make_fake_engine(options, {.queue_tokens = 100});
  const auto running = listen_to(*engine, ask("a", 1'000'000));
  gate.wait_for_visitor();
  Question wide = ask(std::string(90, 'x'), 1);
  wide.prompt = engine->prepare(wide.input);
  const auto first = std::make_shared<Listener>(), second = std::make_shared<Listener>(),
             third = std::make_shared<Listener>();
  engine->submit({{wide, {first, second, third}}});
  second->close();
  first->close();
  third->close();
  hold = false;
  gate.open();
  EXPECT_TRUE(eventually([&] { return engine->stats().queued == 0; }));
  const auto next = listen_to(*engine, ask(std::string(100, 'y'), 1));
  running->close();
  EXPECT_EQ(next->wait(), Finish::length);
}

TEST(Requests, APromptThatIsTooLongIsRefusedByTheLimitsName) {
  const auto engine = make_fake_engine({}, {.max_prompt_tokens = 50});
  Question tokens = ask("", 1);
  tokens.input.tokens.assign(51, 'x');
  Question chat = ask("", 1);
  chat.input.messages = {{"user", std::string(40, 'x')}};  // with the template's words
  Question text = ask(std::string(51, 'x'), 1), huge = ask(std::string(50 * 16 + 1, 'x'), 1);
  for (const Question& question : {tokens, chat, text, huge}) {
    const auto [kind, sentence] = refusal_of(*engine, question, 1);
    EXPECT_EQ(kind, ErrorKind::bad_request);
    EXPECT_THAT(sentence, testing::HasSubstr("50"));
    EXPECT_THAT(sentence, testing::HasSubstr("--max-prompt-tokens"));
  }
  EXPECT_EQ(listen_to(*engine, ask(std::string(50, 'x'), 1))->wait(), Finish::length);
}

// What the template adds to a message of nothing counts before it is written.
TEST(Requests, ManyMessagesOfNothingAreRefusedUnread) {
  const auto engine = make_fake_engine({}, {.max_prompt_tokens = 1024});
  Question chat = ask("", 1);
  chat.input.messages.assign(100'000, {"assistant", ""});
  const auto [kind, sentence] = refusal_of(*engine, chat, 1);
  EXPECT_EQ(kind, ErrorKind::bad_request);
  EXPECT_THAT(sentence, testing::HasSubstr("1600000 bytes of text are more than the 1024 tokens"));
  chat.input.chat.assistant_name = std::string(64, 'x');
  chat.input.messages.assign(1024, {"assistant", ""});
  EXPECT_THAT(refusal_of(*engine, chat, 1).second, testing::HasSubstr("bytes of text")) << "the names in it count";
}

TEST(Requests, APromptKeepsItsTextWhereThatIsWanted) {
  const auto engine = make_fake_engine({});
  PromptInput input;
  input.text = "as it is";
  EXPECT_EQ(engine->prepare(input)->text, "");
  input.keep_text = true;
  EXPECT_EQ(engine->prepare(input)->text, "as it is");
  input.tokens = {'h', 'i'};
  EXPECT_EQ(engine->prepare(input)->text, "hi");
  input.tokens.clear();
  input.messages = {{"user", "hi"}};
  EXPECT_EQ(engine->prepare(input)->text, "User: hi\n\nAssistant:");
}

}  // namespace
}  // namespace fulmar
