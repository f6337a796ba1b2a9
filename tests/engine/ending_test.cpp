// How a request ends: by its text, by its limit, by an error, or because the engine goes down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/fail.h"
#include "engine/fake_model.h"

namespace fulmar {
namespace {

// The model says this after a prompt of one token, then token 0.
FakeOptions says(std::string_view text) {
  FakeOptions options;
  options.vocab = 256;
  options.script.assign(reinterpret_cast<const unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(text.data()) + text.size());
  options.script.push_back(0);
  return options;
}

std::unique_ptr<Engine> make_byte_engine(FakeOptions model) {
  EngineOptions options;
  options.model.vocab = "bytes";
  return make_engine(std::make_unique<FakeModel>(std::move(model)), open_tokenizer("bytes"), options, {});
}

TEST(Ending, TheTurnIsToldWithoutWhatEndedIt) {
  const auto told = [](Question question) {
    const auto engine = make_fake_engine(says("abcd"));
    question.report_turn = true;
    const auto listener = listen_to(*engine, std::move(question));
    listener->wait();
    const std::vector<Token> turn = listener->events().back().turn;
    return std::string(turn.begin(), turn.end());
  };
  EXPECT_EQ(told(ask("x", 100)), "xabcd");
  EXPECT_EQ(told(ask("x", 2)), "xab");
  Question stopped = ask("x", 100);
  stopped.stop = {"cd"};
  EXPECT_EQ(told(stopped), "xab");
}

TEST(Ending, MaxTokensIsLength) {
  const auto engine = make_fake_engine({});
  const auto listener = listen_to(*engine, ask("hi", 17));
  EXPECT_EQ(listener->wait(), Finish::length);
  EXPECT_EQ(listener->tokens().size(), 17u);
  EXPECT_EQ(listener->text().size(), 17u);
  const auto last = listener->events().back();
  EXPECT_EQ(last.prompt_tokens, 2u);
  EXPECT_EQ(last.completion_tokens, 17u);
}

TEST(Ending, ARequestForNoTokensFeedsItsPrompt) {
  const auto engine = make_fake_engine({});
  const auto listener = listen_to(*engine, ask("hi", 0));
  EXPECT_EQ(listener->wait(), Finish::length);
  EXPECT_EQ(listener->text(), "");
  EXPECT_EQ(listener->events().back().prompt_tokens, 2u);
  EXPECT_EQ(engine->stats().completion_tokens, 0u);
}

TEST(Ending, HowFarThePromptIsReadIsToldOnceAStep) {
  const auto engine = make_fake_engine({});  // 64 rows a step
  Question request = ask(std::string(150, 'x'), 2);
  request.report.progress = true;
  const auto listener = listen_to(*engine, request);
  EXPECT_EQ(listener->wait(), Finish::length);
  std::vector<uint32_t> read;
  for (const auto& heard : listener->events())
    if (heard.completion_tokens == 0) read.push_back(heard.prompt_tokens);
  EXPECT_EQ(read, (std::vector<uint32_t>{0, 64, 128}));
  EXPECT_EQ(listener->events().back().prompt_tokens, 150u);
}

TEST(Ending, EndOfTextStopsAndCanBeIgnored) {
  const auto engine = make_fake_engine(says("abc"));
  const auto listener = listen_to(*engine, ask("x", 100));
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "abc");
  EXPECT_EQ(listener->tokens(), (std::vector<Token>{'a', 'b', 'c', 0}));
  EXPECT_EQ(listener->events().back().completion_tokens, 4u);

  Question deaf = ask("x", 6);
  deaf.ignore_eos = true;
  const auto longer = listen_to(*engine, deaf);
  EXPECT_EQ(longer->wait(), Finish::length);
  EXPECT_EQ(longer->tokens().size(), 6u);
}

TEST(Ending, AStopTokenIsNotShown) {
  const auto engine = make_fake_engine(says("abcdef"));
  Question request = ask("x", 100);
  request.stop_tokens = {'z', 'd'};
  const auto listener = listen_to(*engine, request);
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "abc");
}

TEST(Ending, ItIsToldWhichStopItWas) {
  const auto engine = make_fake_engine(says("one two."));
  Question request = ask("x", 100);
  request.stop = {"two", "."};
  std::optional<uint32_t> stop;
  Times times;
  const auto run = [&] {
    const auto listener = listen_to(*engine, request);
    EXPECT_EQ(listener->wait(), Finish::stop);
    stop = listener->events().back().stop;
    times = listener->events().back().times;
  };
  run();
  EXPECT_EQ(stop, 0u);
  request.stop = {"three", "."};
  run();
  EXPECT_EQ(stop, 1u);
  request.stop = {"three"};
  run();
  EXPECT_EQ(stop, std::nullopt) << "the model ended it";
  EXPECT_GT(times.prompt, 0u);
  EXPECT_GT(times.drawing, 0u);
}

TEST(Ending, AStopStringAcrossTokensNeverLeaksItsBeginning) {
  const auto engine = make_fake_engine(says("one\nUser two\n\nUser: three"));
  Question request = ask("x", 100);
  request.stop = {"\n\nUser:", ""};
  const auto listener = listen_to(*engine, request);
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "one\nUser two");
  for (const auto& heard : listener->events()) EXPECT_EQ(heard.text.find("\n\n"), std::string::npos);
  EXPECT_EQ(listener->events().back().completion_tokens, std::string("one\nUser two\n\nUser:").size());
}

TEST(Ending, AStopStringIsShownWhereThatIsAskedFor) {
  Question request = ask("x", 100);
  request.stop = {"", "four", "two", "three"};
  request.shown_stops = 3;
  const auto said_with = [&](std::string_view text, uint32_t tokens) {
    const auto engine = make_byte_engine(says(text));
    request.max_tokens = tokens;
    const auto listener = listen_to(*engine, request);
    EXPECT_EQ(listener->wait(), Finish::stop);
    return listener->text();
  };
  EXPECT_EQ(said_with("one two three", 100), "one two");
  EXPECT_EQ(said_with("one three two", 100), "one ") << "not the one behind those that were asked for";
  request.stop = {"two", "two three!"};
  request.shown_stops = 2;
  EXPECT_EQ(said_with("one two thr", 11), "one two") << "a match that waited for a longer one, at the end of the tokens";
}

TEST(Ending, TextHeldBackForAStopStringComesWithTheLastEvent) {
  const auto engine = make_fake_engine(says("ab\n\nUse"));
  Question request = ask("x", 100);
  request.stop = {"\n\nUser:"};
  const auto stopped = listen_to(*engine, request);
  EXPECT_EQ(stopped->wait(), Finish::stop);
  EXPECT_EQ(stopped->text(), "ab\n\nUse");
  request.max_tokens = 5;
  const auto cut = listen_to(*engine, request);
  EXPECT_EQ(cut->wait(), Finish::length);
  EXPECT_EQ(cut->text(), "ab\n\nU");
}

TEST(Ending, AChatEndsWhereTheNextTurnWouldBegin) {
  Question request = ask("", 100);
  request.input.messages = {{"user", "hi"}};
  request.sampling.temperature = 0;
  const auto prompt = std::string("User: hi\n\nAssistant:");
  FakeOptions options = says(std::string(prompt.size() - 1, '.') + " yes\n\nUser: more");
  const auto engine = make_fake_engine(options);
  const auto listener = listen_to(*engine, request);
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "yes");
  EXPECT_EQ(listener->events().back().prompt_tokens, prompt.size());
  request.stop = {"never said"};  // a stop of the client's own does not take the template's away
  const auto other = listen_to(*engine, request);
  EXPECT_EQ(other->wait(), Finish::stop);
  EXPECT_EQ(other->text(), "yes");
}

TEST(Ending, AChatThatIgnoresEndsMakesEveryTokenAskedFor) {
  Question request = ask("", 100);
  request.input.messages = {{"user", "hi"}};
  request.sampling.temperature = 0;
  request.ignore_eos = true;
  const std::string said = " yes\n\nUser: more", prompt = "User: hi\n\nAssistant:";
  request.max_tokens = static_cast<uint32_t>(said.size());
  const auto engine = make_fake_engine(says(std::string(prompt.size() - 1, '.') + said));
  const auto listener = listen_to(*engine, request);
  EXPECT_EQ(listener->wait(), Finish::length);
  EXPECT_EQ(listener->text(), said.substr(1));
  request.stop = {"User"};  // the client's own still holds
  const auto stopped = listen_to(*engine, request);
  EXPECT_EQ(stopped->wait(), Finish::stop);
  EXPECT_EQ(stopped->text(), "yes\n\n");
}

TEST(Ending, AQuotationAtTheStartOfAnAnswerKeepsItsMark) {
  Question request = ask("", 100);
  request.input.messages = {{"user", "hi"}};
  request.input.chat.think = Think::fake;
  request.sampling.temperature = 0;
  const std::string prompt = "User: hi\n\nAssistant: <think>\n</think";
  const auto engine = make_fake_engine(says(std::string(prompt.size() - 1, '.') + ">\n> quoted"));
  const auto listener = listen_to(*engine, request);
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "> quoted");
}

TEST(Ending, EventsCarryWholeCharactersAndEveryToken) {
  const auto engine = make_byte_engine(says("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"));
  Question request = ask("x", 11);
  const auto listener = listen_to(*engine, request);
  EXPECT_EQ(listener->wait(), Finish::length);
  std::vector<std::string> texts;
  for (const auto& heard : listener->events()) texts.push_back(heard.text);
  EXPECT_THAT(texts, testing::ElementsAre("a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "z"));
  EXPECT_EQ(listener->tokens().size(), 11u);
}

TEST(Ending, ACharacterCutByMaxTokensBecomesAReplacement) {
  const auto engine = make_byte_engine(says("a\xe2\x82\xac"));
  const auto listener = listen_to(*engine, ask("x", 3));
  EXPECT_EQ(listener->wait(), Finish::length);
  EXPECT_EQ(listener->text(), "a\xef\xbf\xbd");
}

TEST(Ending, AnEmptyPromptContinuesFromTheEndOfText) {
  const auto engine = make_fake_engine({});
  const auto empty = listen_to(*engine, ask("", 8));
  Question zero = ask("", 8);
  zero.input.tokens = {0};
  const auto explicit_zero = listen_to(*engine, zero);
  EXPECT_EQ(empty->wait(), Finish::length);
  EXPECT_EQ(explicit_zero->wait(), Finish::length);
  EXPECT_EQ(empty->text(), explicit_zero->text());
  EXPECT_EQ(empty->events().back().prompt_tokens, 1u);
}

TEST(Ending, ALostDeviceFailsAllAndRefusesMore) {
  Gate gate;
  FakeOptions options{.slots = 2};
  options.before_step = [&](uint64_t step) {
    if (step == 1) gate.wait();
    if (step == 3) fail(ErrorKind::device_lost, "the driver reset the GPU");
  };
  const auto engine = make_fake_engine(options);
  EXPECT_EQ(engine->trouble(), "");
  std::vector<std::shared_ptr<Listener>> listeners;
  for (int i = 0; i < 5; ++i) listeners.push_back(listen_to(*engine, ask("x", 100)));
  gate.open();
  for (const auto& listener : listeners) {
    EXPECT_EQ(listener->wait(), Finish::failed);
    EXPECT_EQ(listener->error_kind(), ErrorKind::device_lost);
  }
  EXPECT_EQ(listeners[0]->tokens().size(), 2u);
  EXPECT_THAT(engine->trouble(), testing::HasSubstr("the driver reset the GPU"));
  try {
    listen_to(*engine, ask("x", 1));
    ADD_FAILURE() << "taken by an engine without a device";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  }
  EXPECT_TRUE(eventually([&] { return engine->stats().live == 0 && engine->stats().queued == 0; }));
}

TEST(Ending, ADeviceLostBetweenStepsIsNoticedToo) {
  FakeOptions options;
  options.before_reset = [] { fail(ErrorKind::device_lost, "the driver reset the GPU"); };
  const auto engine = make_fake_engine(options);
  const auto listener = listen_to(*engine, ask("x", 1));
  EXPECT_EQ(listener->wait(), Finish::failed);
  EXPECT_TRUE(eventually([&] { return !engine->trouble().empty(); }));
}

TEST(Ending, AFailedStepFailsItsRequestsAndTheEngineGoesOn) {
  Gate gate;
  FakeOptions options{.slots = 2};
  options.before_step = [&](uint64_t step) {
    if (step == 1) gate.wait();
    if (step == 2) throw std::bad_alloc();
  };
  const auto engine = make_fake_engine(options);
  const auto first = listen_to(*engine, ask("x", 100));
  const auto second = listen_to(*engine, ask("y", 100));
  const auto waiting = listen_to(*engine, ask("z", 100));
  gate.open();
  EXPECT_EQ(first->wait(), Finish::failed);
  EXPECT_EQ(first->error_kind(), ErrorKind::out_of_memory);
  EXPECT_EQ(second->wait(), Finish::failed);
  EXPECT_EQ(waiting->wait(), Finish::length);
  EXPECT_EQ(engine->trouble(), "");
}

TEST(Ending, LogitsThatAreNoNumbersFailOneRequestOnly) {
  FakeOptions options;
  options.nan_after = '!';
  const auto engine = make_fake_engine(options);
  Question bad = ask("boom!", 10), good = ask("fine", 10);
  good.sampling.logit_bias = {{'!', -1000.0f}};
  const auto failed = listen_to(*engine, bad), fine = listen_to(*engine, good);
  EXPECT_EQ(failed->wait(), Finish::failed);
  EXPECT_EQ(failed->error_kind(), ErrorKind::internal);
  EXPECT_EQ(fine->wait(), Finish::length);
}

TEST(Ending, ASinkThatThrowsLosesItsRequestAndNothingElse) {
  const auto engine = make_fake_engine({.slots = 2});
  auto thrower = std::make_shared<Listener>();
  thrower->also = [](Listener&, const Event&) { throw std::runtime_error("no socket"); };
  submit(*engine, ask("x", 1'000'000), thrower);
  const auto other = listen_to(*engine, ask("y", 50));
  EXPECT_EQ(other->wait(), Finish::length);
  EXPECT_TRUE(eventually([&] { return engine->stats().live == 0; }));
  EXPECT_TRUE(thrower->closed());
}

TEST(Ending, DrainLetsRequestsInFlightFinish) {
  Gate gate;
  FakeOptions options{.slots = 1};
  options.before_step = [&](uint64_t) { gate.wait(); };
  const auto engine = make_fake_engine(options);
  const auto running = listen_to(*engine, ask("x", 50)), queued = listen_to(*engine, ask("y", 50));
  gate.open();
  engine->drain(60);
  ASSERT_FALSE(running->events().empty());
  ASSERT_FALSE(queued->events().empty());
  EXPECT_EQ(running->events().back().finish, Finish::length);
  EXPECT_EQ(queued->events().back().finish, Finish::length);
  try {
    listen_to(*engine, ask("x", 1));
    ADD_FAILURE() << "taken while draining";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  }
}

TEST(Ending, DrainCancelsWhatIsNotDoneInTime) {
  const auto engine = make_fake_engine({.slots = 1});
  const auto running = listen_to(*engine, ask("x", 2'000'000'000)), queued = listen_to(*engine, ask("y", 1));
  running->wait_for_events(3);
  engine->drain(0.01);
  EXPECT_EQ(running->events().back().finish, Finish::cancelled);
  ASSERT_EQ(queued->events().size(), 1u);
  EXPECT_EQ(queued->events().back().finish, Finish::cancelled);
  EXPECT_EQ(engine->stats().live, 0u);
  engine->drain(0);  // a second time is harmless
}

TEST(Ending, DestroyingTheEngineTellsEveryClient) {
  auto engine = make_fake_engine({.slots = 1});
  const auto running = listen_to(*engine, ask("x", 2'000'000'000)), queued = listen_to(*engine, ask("y", 1));
  running->wait_for_events(1);
  engine.reset();
  EXPECT_EQ(running->events().back().finish, Finish::cancelled);
  EXPECT_EQ(queued->events().back().finish, Finish::cancelled);
}

}  // namespace
}  // namespace fulmar
