// An answer that is paused and goes on reads as if nothing had happened; one that is ended keeps what it has.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "engine/fake_model.h"

namespace fulmar {
namespace {

using Act = void (Sink::*)();

struct Paused {
  std::vector<Token> drawn;
  std::vector<StatePtr> states;
  std::string text;
  Finish finish = Finish::none;
};

// The model, and what happens once in its step of that number: a request alone has drawn so many tokens then.
struct Stage {
  explicit Stage(std::string_view script = {}) {
    FakeOptions model;
    for (const char c : script) model.script.push_back(c);
    model.before_step = [this](uint64_t) {
      if (--left == 0) happens();
    };
    engine = make_fake_engine(std::move(model));
  }

  std::atomic<int64_t> left{0};
  std::function<void()> happens;
  std::unique_ptr<Engine> engine;
};

// Acts on itself after so many tokens, and keeps what its last event has.
Paused interrupted(Stage& stage, Question question, int64_t after, Act act) {
  Paused paused;
  const auto listener = std::make_shared<Listener>();
  listener->also = [&paused](Listener&, const Event& event) {
    paused.drawn.insert(paused.drawn.end(), event.tokens.begin(), event.tokens.end());
    paused.states.assign(event.states.begin(), event.states.end());
  };
  Engine& engine = *stage.engine;
  stage.happens = [&listener, act] { (*listener.*act)(); };
  stage.left = after;
  submit(engine, std::move(question), listener);
  paused.finish = listener->wait();
  paused.text = listener->text();
  return paused;
}

Question rest_of(Engine& engine, const Question& question, const Paused& paused) {
  Question rest = question;
  rest.input = {};
  rest.input.may_be_empty = true;
  rest.drawn.insert(rest.drawn.end(), paused.drawn.begin(), paused.drawn.end());
  rest.max_tokens -= static_cast<uint32_t>(paused.drawn.size());
  Stream stream;
  stream.start = paused.states.at(0);
  rest.streams = {stream};
  rest.prompt = engine.prepare(rest.input);
  return rest;
}

Question penalized(const std::string& prompt, uint32_t tokens) {
  Question question = ask(prompt, tokens, 7);
  question.sampling.temperature = 0.9f;
  question.sampling.rule = PenaltyRule::rapid;
  question.sampling.presence_penalty = 3;
  question.sampling.frequency_penalty = 2;
  question.sampling.penalty_decay = 0.9f;
  return question;
}

std::string whole(Engine& engine, const Question& question) {
  const auto listener = listen_to(engine, question);
  listener->wait();
  return listener->text();
}

TEST(Pause, WhatGoesOnReadsAsIfNothingHadHappened) {
  Stage stage;
  Engine& engine = *stage.engine;
  const Question question = penalized("once upon", 60);
  const std::string expected = whole(engine, question);
  const Paused first = interrupted(stage, question, 9, &Sink::pause);
  ASSERT_EQ(first.finish, Finish::paused);
  ASSERT_EQ(first.states.size(), 1u);
  EXPECT_EQ(first.drawn.size(), 9u);
  const Question second = rest_of(engine, question, first);
  const Paused again = interrupted(stage, second, 1, &Sink::pause);
  ASSERT_EQ(again.finish, Finish::paused);
  EXPECT_EQ(again.drawn.size(), 1u);
  EXPECT_EQ(first.text + again.text + whole(engine, rest_of(engine, second, again)), expected);
}

TEST(Pause, AStopStringIsFoundAcrossIt) {
  for (const int64_t after : {3, 9, 11, 13}) {  // before it, and inside
    Stage stage("one, two\nUser: three");
    Question question = ask("?", 30);
    question.stop = {"\nUser:"};
    const Paused paused = interrupted(stage, question, after, &Sink::pause);
    ASSERT_EQ(paused.finish, Finish::paused);
    EXPECT_EQ(paused.text.find('\n'), std::string::npos);
    const auto rest = listen_to(*stage.engine, rest_of(*stage.engine, question, paused));
    EXPECT_EQ(rest->wait(), Finish::stop);
    EXPECT_EQ(paused.text + rest->text(), "one, two") << after;
  }
}

TEST(Pause, ASessionKeepsWhatWasSaidByThen) {
  Stage stage;
  Engine& engine = *stage.engine;
  Question question = ask("talk", 40);
  question.streams.resize(1);
  question.streams[0].from = question.streams[0].keep = "s";
  const Paused paused = interrupted(stage, question, 5, &Sink::pause);
  ASSERT_EQ(paused.finish, Finish::paused);
  EXPECT_EQ(engine.text_of(engine.sessions().transcript("s").tokens), "talk" + engine.text_of(paused.drawn));
  Question rest = rest_of(engine, question, paused);
  rest.streams[0] = question.streams[0];
  const std::string text = paused.text + whole(engine, rest);
  EXPECT_EQ(text, whole(*make_fake_engine({}), ask("talk", 40)));
  EXPECT_EQ(engine.text_of(engine.sessions().transcript("s").tokens), "talk" + text);
}

// What a stop took back in the second part stands in the session before it, and its own part does not.
TEST(Pause, ASessionHasNoStopThatBeganBeforeIt) {
  Stage stage("one, two\nUser: three");
  Question question = ask("?", 30);
  question.stop = {"wo\nUser:"};
  question.streams.resize(1);
  question.streams[0].from = question.streams[0].keep = "s";
  const Paused paused = interrupted(stage, question, 9, &Sink::pause);
  Question rest = rest_of(*stage.engine, question, paused);
  rest.streams[0] = question.streams[0];
  EXPECT_EQ(paused.text + whole(*stage.engine, rest), "one, t");
  EXPECT_EQ(stage.engine->text_of(stage.engine->sessions().transcript("s").tokens), "?one, two\n");
}

TEST(Pause, OneThatWaitsForASlotHasNoState) {
  FakeOptions model;
  model.slots = 1;
  const auto engine = make_fake_engine(model);
  const auto first = std::make_shared<Listener>();
  submit(*engine, ask("a", 1'000'000), first);
  first->wait_for_events(1);
  const auto waiting = std::make_shared<Listener>(), other = std::make_shared<Listener>();
  submit(*engine, ask("b", 5), waiting);
  submit(*engine, ask("c", 5), other);
  waiting->pause();
  other->end();
  EXPECT_EQ(waiting->wait(), Finish::paused);
  EXPECT_EQ(other->wait(), Finish::stop);
  EXPECT_TRUE(waiting->tokens().empty());
  first->close();
}

TEST(Ended, ATextIsWholeAsFarAsItCame) {
  Stage stage("one, two\nUse it");
  Question question = ask("?", 1000);
  question.stop = {"\nUser:"};
  const Paused ended = interrupted(stage, question, 11, &Sink::end);
  EXPECT_EQ(ended.finish, Finish::stop);
  EXPECT_EQ(ended.text, "one, two\nUs") << "what a stop held back is said";
  EXPECT_TRUE(eventually([&] { return stage.engine->stats().live == 0; }));
}

TEST(Ended, ClosingCountsMoreThanPausing) {
  Listener listener;
  listener.pause();
  EXPECT_EQ(listener.wish(), Wish::pause);
  listener.close();
  listener.pause();
  EXPECT_TRUE(listener.closed());
}

}  // namespace
}  // namespace fulmar
