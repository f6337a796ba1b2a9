// Many requests at once: nobody's text depends on the others, nobody waits for a long prompt, nobody leaves a
// trace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "engine/fake_model.h"

namespace fulmar {
namespace {

// A prompt of its own for every i, 1 to 97 characters long.
std::string prompt_of(int i) {
  std::string text;
  for (int j = 0; j < 1 + i * 31 % 97; ++j) text += static_cast<char>('a' + (i * 7 + j * j) % 26);
  return text;
}

Question request_of(int i) {
  Question request = ask(prompt_of(i), 20 + i % 30, static_cast<uint64_t>(i));
  if (i % 4 == 0) request.sampling.temperature = 0;
  if (i % 4 == 1) request.sampling.top_p = 0.8f;
  if (i % 4 == 2) {
    request.sampling.top_k = 20;
    request.sampling.presence_penalty = 0.5f;
    request.sampling.frequency_penalty = 0.5f;
    request.sampling.penalty_decay = 0.99f;
  }
  return request;
}

TEST(Batching, SixtyFourStreamsGiveWhatEachGivesAlone) {
  const auto alone = make_fake_engine({.slots = 1, .max_rows = 1000});
  std::vector<std::string> texts;
  std::vector<std::vector<Token>> tokens;
  for (int i = 0; i < 64; ++i) {
    const auto listener = listen_to(*alone, request_of(i));
    ASSERT_EQ(listener->wait(), Finish::length);
    texts.push_back(listener->text());
    tokens.push_back(listener->tokens());
  }
  // Rows enough for all at once, and so few that slots are taken over and prompts are cut small.
  for (const FakeOptions& shape :
       {FakeOptions{.slots = 64, .max_rows = 256}, FakeOptions{.slots = 13, .max_rows = 17}}) {
    Gate gate;
    FakeOptions options = shape;
    options.before_step = [&](uint64_t) { gate.wait(); };
    const auto engine = make_fake_engine(options);
    std::vector<std::shared_ptr<Listener>> listeners;
    for (int i = 0; i < 64; ++i) listeners.push_back(listen_to(*engine, request_of(i)));
    gate.open();
    for (size_t i = 0; i < 64; ++i) {
      EXPECT_EQ(listeners[i]->wait(), Finish::length);
      EXPECT_EQ(listeners[i]->text(), texts[i]) << i;
      EXPECT_EQ(listeners[i]->tokens(), tokens[i]) << i;
    }
  }
}

// Words for the clients are made while the device works, and not between its steps.
TEST(Batching, ATokenIsToldWhileTheNextStepIsUnderWay) {
  auto listener = std::make_shared<Listener>();
  std::vector<size_t> at_start, at_finish;  // events so far
  FakeOptions options;
  options.before_step = [&](uint64_t) { at_start.push_back(listener->events().size()); };
  options.before_finish = [&](uint64_t) { at_finish.push_back(listener->events().size()); };
  const auto engine = make_fake_engine(options);
  submit(*engine, ask("go", 3), listener);
  EXPECT_EQ(listener->wait(), Finish::length);  // the last one waits for no step
  EXPECT_THAT(at_start, testing::ElementsAre(0, 0, 1));
  EXPECT_THAT(at_finish, testing::ElementsAre(0, 1, 2));
}

TEST(Batching, ATokenIsToldEvenIfTheNextStepFails) {
  for (const bool in_finish : {false, true}) {
    FakeOptions options;
    const auto breaks = [](uint64_t step) {
      if (step == 3) throw std::runtime_error("broken");
    };
    (in_finish ? options.before_finish : options.before_step) = breaks;
    const auto engine = make_fake_engine(options);
    const auto listener = listen_to(*engine, ask("go", 9));
    EXPECT_EQ(listener->wait(), Finish::failed);
    EXPECT_EQ(listener->tokens().size(), 2u);
    EXPECT_EQ(listener->events().size(), 3u);
    EXPECT_EQ(listen_to(*engine, ask("go", 9))->wait(), Finish::length);
  }
}

TEST(Batching, ALongPromptDelaysNoTokenOfOtherStreams) {
  Gate gate;
  FakeOptions options{.slots = 16, .max_rows = 64};
  options.before_step = [&](uint64_t step) {
    if (step == 5) gate.wait();  // the streams are in full flow when the long prompt comes
  };
  const auto engine = make_fake_engine(options);
  std::vector<std::shared_ptr<Listener>> streams;
  for (int i = 0; i < 8; ++i) streams.push_back(listen_to(*engine, ask("go", 300, static_cast<uint64_t>(i))));
  gate.wait_for_visitor();
  const auto late = listen_to(*engine, ask(std::string(4000, 'x'), 5));
  gate.open();

  ASSERT_EQ(late->wait(), Finish::length);
  const uint64_t first_of_late = late->events().front().step;
  EXPECT_GT(first_of_late, 5u + 4000 / 64);  // it took many steps, each with rows of the streams
  EXPECT_LE(first_of_late, 6u + 4000 / (64 - 8) + 1);
  for (const auto& stream : streams) {
    ASSERT_EQ(stream->wait(), Finish::length);
    const auto events = stream->events();
    ASSERT_EQ(events.size(), 300u);
    for (size_t i = 1; i < events.size(); ++i) EXPECT_EQ(events[i].step, events[i - 1].step + 1);
    EXPECT_GT(events.back().step, first_of_late);
  }
}

TEST(Batching, AShortPromptBehindALongOneAnswersAtOnce) {
  Gate gate;
  FakeOptions options{.slots = 8, .max_rows = 64};
  options.before_step = [&](uint64_t) { gate.wait(); };
  const auto engine = make_fake_engine(options);
  const auto slow = listen_to(*engine, ask(std::string(4000, 'x'), 1));
  gate.wait_for_visitor();
  const auto quick = listen_to(*engine, ask("twenty characters ab", 1));
  gate.open();
  ASSERT_EQ(quick->wait(), Finish::length);
  EXPECT_EQ(quick->events().front().step, 2u);
  EXPECT_EQ(slow->wait(), Finish::length);
}

TEST(Batching, AClosedSinkFreesItsSlotAfterTheStepUnderWay) {
  Gate gate;
  FakeOptions options{.slots = 1};
  options.before_step = [&](uint64_t) { gate.wait(); };
  const auto engine = make_fake_engine(options);
  auto leaver = std::make_shared<Listener>();
  leaver->also = [](Listener& self, const Event& event) {
    if (event.completion_tokens == 3) self.close();
  };
  submit(*engine, ask("first", 1'000'000), leaver);
  const auto next = listen_to(*engine, ask("second", 1));
  gate.open();
  ASSERT_EQ(next->wait(), Finish::length);
  ASSERT_EQ(leaver->events().size(), 3u);  // none after the one in flight
  // The step in between was under way when it closed.
  EXPECT_EQ(next->events().front().step, leaver->events().back().step + 2);
}

TEST(Batching, AFinishedRequestsSlotServesTheNextStep) {
  Gate gate;
  FakeOptions options{.slots = 1};
  options.before_step = [&](uint64_t) { gate.wait(); };
  const auto engine = make_fake_engine(options);
  const auto first = listen_to(*engine, ask("first", 4));
  const auto second = listen_to(*engine, ask("second", 1));
  gate.open();
  ASSERT_EQ(second->wait(), Finish::length);
  EXPECT_EQ(second->events().front().step, first->events().back().step + 1);
}

TEST(Batching, AThousandClientsThatLeaveMidStreamLeaveNothingBehind) {
  const auto engine = make_fake_engine({.slots = 16, .max_rows = 32}, {.queue = 2000});
  std::vector<std::weak_ptr<Listener>> watched;
  for (uint32_t i = 0; i < 1000; ++i) {
    auto listener = std::make_shared<Listener>();
    listener->also = [i](Listener& self, const Event& event) {
      if (event.completion_tokens >= 1 + i % 5) self.close();
    };
    watched.push_back(listener);
    submit(*engine, ask("a stream without an end", 1'000'000, i), listener);
    if (i % 6 == 0) listener->close();  // gone before it began
  }
  EXPECT_TRUE(eventually([&] { return engine->stats().live == 0 && engine->stats().queued == 0; }));
  EXPECT_TRUE(eventually([&] {
    return std::all_of(watched.begin(), watched.end(), [](const auto& one) { return one.expired(); });
  }));
  // All sixteen slots still work.
  std::vector<std::shared_ptr<Listener>> after;
  for (int i = 0; i < 16; ++i) after.push_back(listen_to(*engine, ask("still there?", 10)));
  for (const auto& listener : after) {
    EXPECT_EQ(listener->wait(), Finish::length);
    EXPECT_EQ(listener->text(), after.front()->text());
  }
}

TEST(Batching, AFullQueueIsBusyAndAClosedRequestGivesUpItsPlace) {
  Gate gate;
  std::atomic<bool> hold = true;
  FakeOptions options{.slots = 1};
  options.before_step = [&](uint64_t) {
    if (hold) gate.wait();
  };
  const auto engine = make_fake_engine(options, {.queue = 2});
  const auto running = listen_to(*engine, ask("a", 1'000'000));
  gate.wait_for_visitor();
  const auto second = listen_to(*engine, ask("b", 2));
  const auto third = listen_to(*engine, ask("c", 2));
  EXPECT_EQ(engine->stats().live, 1u);
  EXPECT_EQ(engine->stats().queued, 2u);
  try {
    listen_to(*engine, ask("d", 2));
    ADD_FAILURE() << "a third request waits in a queue of two";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::busy);
  }
  third->close();
  hold = false;
  gate.open();
  // The slot is still taken, so it is the closed request's place that becomes free.
  EXPECT_TRUE(eventually([&] { return engine->stats().queued == 1; }));
  const auto fourth = listen_to(*engine, ask("d", 2));
  running->close();
  EXPECT_EQ(second->wait(), Finish::length);
  EXPECT_EQ(fourth->wait(), Finish::length);
  EXPECT_TRUE(third->events().empty());
}

TEST(Batching, StatisticsCountWhatWasFedAndDrawn) {
  const auto engine = make_fake_engine({.slots = 2, .max_rows = 4});
  EXPECT_EQ(listen_to(*engine, ask("ten tokens", 7))->wait(), Finish::length);
  EXPECT_TRUE(eventually([&] { return engine->stats().live == 0; }));
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.prompt_tokens, 10u);
  EXPECT_EQ(stats.completion_tokens, 7u);
  EXPECT_EQ(stats.steps, 3u + 6u);  // the prompt's third step draws the first token
}

}  // namespace
}  // namespace fulmar
