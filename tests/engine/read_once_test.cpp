// What is read once and not again: prompts that are asked word for word or at the same time, and sessions whose clients gave
// up before all of them was read. Rows are counted.
#include <gtest/gtest.h>

#include <atomic>

#include "engine/asking.h"
#include "state/sessions.h"

namespace fulmar {
namespace {

uint64_t fed_by(const Engine& engine) {
  const EngineStats stats = engine.stats();
  return stats.prompt_tokens - stats.cached_tokens;
}

TEST(ReadOnce, APromptThatIsAskedAgainFeedsAToken) {
  for (const uint32_t length : {1000u, 40u}) {
    const std::string prompt = std::string(length - 1, 'p') + "?";
    const auto engine = make_fake_engine({}, {.prefix_cache = 1 << 20});
    // A short one is read again once: the place before its last token is worth a step only where somebody comes back to it.
    for (const uint32_t fed : {length, length == 40 ? length : 1u, 1u, 1u}) {
      const uint64_t before = fed_by(*engine);
      EXPECT_EQ(answer(*engine, ask(prompt, 9)), whole(prompt, 9));
      EXPECT_EQ(fed_by(*engine) - before, fed) << length;
    }
  }
}

TEST(ReadOnce, WhatAnotherUserHasReadIsReadAgain) {
  const std::string prompt = std::string(999, 'p') + "?";
  const auto engine = make_fake_engine({}, {.prefix_cache = 1 << 20});
  const std::pair<const char*, uint32_t> asked[] = {{"alice", 1000}, {"alice", 1}, {"bob", 1000}, {"", 1000}, {"bob", 1}, {"alice", 1}};
  for (const auto& [tenant, fed] : asked) {
    const uint64_t before = fed_by(*engine);
    Question question = ask(prompt, 9);
    question.tenant = tenant;
    EXPECT_EQ(answer(*engine, question), whole(prompt, 9));
    EXPECT_EQ(fed_by(*engine) - before, fed) << tenant;
  }
}

// Nor is one waited for.
TEST(ReadOnce, WhoReadsTheSameForAnotherUserIsNotWaitedFor) {
  Gate gate;
  const auto engine = make_fake_engine({.before_step = [&gate](uint64_t step) {
                                         if (step == 1) gate.wait();
                                       }},
                                       {.prefix_cache = 1 << 20});
  const std::string prompt(1000, 'c');
  std::vector<std::shared_ptr<Listener>> all;
  for (const char* tenant : {"alice", "bob"}) {
    Question question = ask(prompt, 5);
    question.tenant = tenant;
    all.push_back(listen_to(*engine, question));
    if (all.size() == 1) gate.wait_for_visitor();
  }
  gate.open();
  for (const auto& one : all) ASSERT_EQ(one->wait(), Finish::length) << one->error();
  EXPECT_EQ(fed_by(*engine), 2000u);
}

struct Asked {
  std::string prompt;
  std::shared_ptr<Listener> listener;
};

// Eight that begin alike, all of them there before the first has read a token.
std::vector<Asked> ask_eight(Engine& engine, Gate& gate, const std::string& common, size_t own) {
  std::vector<Asked> all;
  for (char i = 'a'; i < 'i'; ++i) {
    const std::string prompt = common + std::string(own, i);
    all.push_back({prompt, listen_to(engine, ask(prompt, 5, static_cast<uint64_t>(i)))});
    if (i == 'a') gate.wait_for_visitor();
  }
  return all;
}

FakeOptions held_at(Gate& gate, uint64_t at) {
  return {.before_step = [&gate, at](uint64_t step) {
            if (step == at) gate.wait();
          }};
}

TEST(ReadOnce, APromptOfEightRequestsAtATime) {
  for (const size_t own : {0u, 100u}) {
    Gate gate;
    const auto engine = make_fake_engine(held_at(gate, 1), {.prefix_cache = 1 << 20});
    const std::string common(1000 - own, 'c');
    const std::vector<Asked> all = ask_eight(*engine, gate, common, own);
    gate.open();
    for (const Asked& one : all) {
      ASSERT_EQ(one.listener->wait(), Finish::length) << one.listener->error();
      const auto alone = make_fake_engine({});
      Question question = ask(one.prompt, 5, static_cast<uint64_t>('a' + (&one - all.data())));
      EXPECT_EQ(one.listener->text(), answer(*alone, question));
    }
    EXPECT_EQ(fed_by(*engine), own == 0 ? 1000 + 7u : 900 + 8 * 100u);
  }
}

TEST(ReadOnce, WhoWaitsGoesOnWhereTheOneThatReadsLeaves) {
  Gate gate;
  const auto engine = make_fake_engine(held_at(gate, 3), {.prefix_cache = 1 << 20});
  const std::vector<Asked> all = ask_eight(*engine, gate, std::string(1000, 'c'), 0);
  all[0].listener->close();
  gate.open();
  for (size_t i = 1; i < all.size(); ++i) ASSERT_EQ(all[i].listener->wait(), Finish::length) << all[i].listener->error();
  EXPECT_EQ(fed_by(*engine), 3 * 64 + 1000 + 6u);
}

TEST(ReadOnce, WhoWaitsHoldsUpNobody) {
  Gate gate;
  FakeOptions model = held_at(gate, 1);
  model.slots = 2;
  const auto engine = make_fake_engine(model, {.prefix_cache = 1 << 20});
  const std::string prompt(2000, 'c');
  const auto reads = listen_to(*engine, ask(prompt, 2));
  gate.wait_for_visitor();
  const auto waits = listen_to(*engine, ask(prompt, 2)), other = listen_to(*engine, ask("another", 2));
  gate.open();
  for (const auto& one : {reads, waits, other}) ASSERT_EQ(one->wait(), Finish::length);
  EXPECT_LT(other->events().back().step, reads->events().front().step);
  EXPECT_LT(reads->events().front().step, waits->events().back().step);
}

// Where no state can be kept there is nothing to wait for.
TEST(ReadOnce, WithoutACacheNobodyWaits) {
  Gate gate;
  const auto engine = make_fake_engine(held_at(gate, 1), {.prefix_cache = 500});
  const std::vector<Asked> all = ask_eight(*engine, gate, std::string(300, 'c'), 0);
  gate.open();
  for (const Asked& one : all) ASSERT_EQ(one.listener->wait(), Finish::length);
  EXPECT_EQ(fed_by(*engine), 8 * 300u);
}

// A session that is its tokens alone, as one whose state fell to a limit.
StatePtr put_tokens(Engine& engine, const std::string& id, const std::string& text) {
  const auto state = std::make_shared<State>();
  answer(engine, turn_of("x", 1, "other"));
  state->model = engine.sessions().find("other").state->model;
  state->unfed.assign(text.begin(), text.end());
  const Outcome outcome = engine.sessions().wait(engine.sessions().put({id, 0, state->unfed, state}));
  EXPECT_FALSE(outcome.error);
  return state;
}

TEST(ReadOnce, ALongSessionWhoseClientGivesUpThreeTimes) {
  constexpr uint64_t rows = 64, patience = 40;  // steps
  std::atomic<uint64_t> give_up{0};             // the step at which
  std::shared_ptr<Listener> client;
  FakeOptions model{.max_rows = rows};
  model.before_step = [&](uint64_t step) {
    if (step == give_up) client->close();
  };
  const auto engine = make_fake_engine(model);
  const std::string text(10000, 't');
  put_tokens(*engine, "long", text);
  const uint64_t before = engine->stats().steps;
  for (int i = 0; i < 3; ++i) {
    client = std::make_shared<Listener>();
    give_up = engine->stats().steps + patience;
    submit(*engine, turn_of("and?", 5, "long"), client);
    ASSERT_TRUE(eventually([&] { return engine->stats().live == 0 && engine->stats().steps >= give_up; }));
    EXPECT_EQ(engine->sessions().find("long").state->fed, (static_cast<uint64_t>(i) + 1) * patience * rows);
    EXPECT_EQ(engine->sessions().entry("long")->tokens, text.size());
  }
  give_up = 0;
  EXPECT_EQ(answer(*engine, turn_of("and?", 5, "long")), whole(text + "and?", 5));
  EXPECT_LT(engine->stats().steps - before, text.size() / rows + 10);
}

// What an export has fed is the session's.
TEST(ReadOnce, ALongSessionThatIsExported) {
  const auto engine = make_fake_engine({});
  const std::string text(5000, 't');
  put_tokens(*engine, "long", text);
  for (int i = 0; i < 3; ++i) {
    Question question = turn_of("", 0, "");
    question.streams[0].from = "long";
    question.report_states = true;
    EXPECT_EQ(answer(*engine, question), "");
    const StatePtr state = engine->sessions().find("long").state;
    EXPECT_EQ(state->fed, text.size());
    EXPECT_TRUE(state->unfed.empty());
  }
  EXPECT_LT(engine->stats().steps, 5000 / 64 + 10u);
}

TEST(ReadOnce, MoreThanMayBeFedIsRefused) {
  const auto engine = make_fake_engine({}, {.max_prompt_tokens = 200});
  const StatePtr state = put_tokens(*engine, "long", std::string(799, 't'));
  EXPECT_THROW(engine->check_brought(*state), Error);
  const auto listener = listen_to(*engine, turn_of("12", 3, "long"));
  EXPECT_EQ(listener->wait(), Finish::failed);
  EXPECT_EQ(listener->error_kind(), ErrorKind::bad_request);
  EXPECT_NE(listener->error().find("--max-prompt-tokens"), std::string::npos);
  EXPECT_EQ(answer(*engine, turn_of("1", 3, "long")), whole(std::string(799, 't') + "1", 3));
}

// The slot that a turn has left still has its state, until somebody else gets it.
TEST(ReadOnce, ASessionWhoseSlotIsAsItWasIsNotWrittenAgain) {
  std::atomic<int> writes = 0;
  for (const uint32_t slots : {1u, 2u}) {
    FakeOptions model{.slots = slots};
    model.before_write = [&writes] { ++writes; };
    const auto engine = make_fake_engine(model);
    std::string text[2];
    const auto turn = [&](int which) {
      const std::string prompt = fmt::format("and {}?", text[which].size()), name = which == 0 ? "a" : "b";
      text[which] += prompt;
      const std::string said = answer(*engine, turn_of(prompt, 4, name));
      EXPECT_EQ(said, whole(text[which], 4));
      text[which] += said;
      EXPECT_TRUE(engine->sessions().entry(name)->on_device);
    };
    writes = 0;
    for (int i = 0; i < 4; ++i) turn(0);
    EXPECT_EQ(writes, 0);
    turn(1);
    turn(0);
    turn(1);
    EXPECT_EQ(writes, slots == 1 ? 2 : 0);
    EXPECT_EQ(engine->sessions().entry("a")->on_device, slots == 2);
  }
}

// The state from before the stop is taken once; what was said before it is not fed again.
TEST(ReadOnce, AnAnswerThatAStopStringEnds) {
  std::atomic<int> reads = 0;
  FakeOptions model;
  model.before_read = [&reads] { ++reads; };
  for (const char c : std::string(200, '.') + "##STOP") model.script.push_back(c);
  const auto engine = make_fake_engine(model);
  Question question = turn_of("?", 1000, "s");
  question.stop = {"##STOP"};
  EXPECT_EQ(answer(*engine, question), std::string(200, '.'));
  EXPECT_EQ(reads, 1);
  const StatePtr state = engine->sessions().find("s").state;
  EXPECT_EQ(state->fed, 201u);
  EXPECT_TRUE(state->unfed.empty());
  const auto again = make_fake_engine({});
  EXPECT_EQ(answer(*engine, turn_of("and?", 9, "s")).size(), 9u);
  EXPECT_EQ(engine->text_of(engine->sessions().transcript("s").tokens).substr(0, 205), "?" + std::string(200, '.') + "and?");
}

// Beginnings of stops that become none: a state is taken now and then, and what is fed again is short.
TEST(ReadOnce, AnAnswerFullOfBeginningsOfStops) {
  std::atomic<int> reads = 0;
  FakeOptions model;
  model.before_read = [&reads] { ++reads; };
  std::string said;
  for (int i = 0; i < 100; ++i) said += "#.";
  for (const char c : said + "##STOP") model.script.push_back(c);
  const auto engine = make_fake_engine(model);
  Question question = turn_of("?", 1000, "s");
  question.stop = {"##STOP"};
  EXPECT_EQ(answer(*engine, question), said);
  EXPECT_LE(reads, 200 / 16 + 1);
  const StatePtr state = engine->sessions().find("s").state;
  EXPECT_LT(state->unfed.size(), 20u);
  EXPECT_EQ(state->tokens(), 201u);
  // And it is the state of just that text.
  Question next = ask("and?", 9);
  next.streams = {stream_from(state)};
  FakeOptions plain;
  plain.script = model.script;
  const auto other = make_fake_engine(plain);
  Question whole_text = ask("?" + said + "and?", 9);
  EXPECT_EQ(answer(*engine, next), answer(*other, whole_text));
}

}  // namespace
}  // namespace fulmar
