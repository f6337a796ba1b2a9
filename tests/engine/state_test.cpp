// Requests that go on from states and keep them: sessions, choices of one prompt, prefixes, mixtures. The model is a hash
// of all it was fed, so a token too many or too few changes the text.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "engine/asking.h"
#include "engine/mixture.h"
#include "state/sessions.h"

namespace fulmar {
namespace {

TEST(Session, GoesOnAsIfItHadReadAllOfItAgain) {
  const auto engine = make_fake_engine({});
  std::string text;
  for (int turn = 0; turn < 20; ++turn) {
    const std::string prompt = fmt::format("question {}", turn);
    text += prompt;
    const std::string said = answer(*engine, turn_of(prompt, 5, "s"));
    EXPECT_EQ(said, whole(text, 5)) << turn;
    text += said;
  }
  EXPECT_EQ(engine->sessions().entry("s")->tokens, text.size());
  const Transcript transcript = engine->sessions().transcript("s");
  EXPECT_EQ(engine->text_of(transcript.tokens), text);
}

TEST(Session, ReadsOnlyWhatIsNew) {
  const auto engine = make_fake_engine({});
  answer(*engine, turn_of(std::string(1000, 'x'), 5, "s"));
  const uint64_t before = engine->stats().prompt_tokens;
  answer(*engine, turn_of("abc", 5, "s"));
  EXPECT_EQ(engine->stats().prompt_tokens - before, 3u);
}

TEST(Session, AStopIsNoPartOfIt) {
  for (const bool string : {false, true}) {
    FakeOptions model;
    for (const char c : std::string("...ok, done.##STOP"))  // after each token of "?" and what was said
      model.script.push_back(c);
    model.script.erase(model.script.begin(), model.script.begin() + 3);
    const auto engine = make_fake_engine(model);
    Question question = turn_of("?", 100, "s");
    if (string)
      question.stop = {"##STOP"};
    else
      question.stop_tokens = {'#'};
    EXPECT_EQ(answer(*engine, question), "ok, done.") << string;
    EXPECT_EQ(engine->text_of(engine->sessions().transcript("s").tokens), "?ok, done.") << string;
    const auto again = make_fake_engine(model);
    EXPECT_EQ(answer(*engine, turn_of("and then, in the end, what?", 9, "s")),
              answer(*again, ask("?ok, done.and then, in the end, what?", 9)))
        << string;
  }
}

TEST(Session, EndsWhereMaxTokensDoAndGoesOnWithNothingNew) {
  const auto engine = make_fake_engine({});
  const auto greedy = [&](const std::string& prompt, uint32_t tokens, const std::string& session) {
    Question question = turn_of(prompt, tokens, session);
    question.sampling.temperature = 0;
    return answer(*engine, question);
  };
  std::string said = greedy("begin", 7, "s");
  for (int i = 0; i < 4; ++i) said += greedy("", 3, "s");
  EXPECT_EQ(said, greedy("begin", 19, ""));
}

TEST(Session, ATurnWaitsForTheOneBeforeItAndAForkDoesNot) {
  Gate gate;
  FakeOptions model;
  model.before_step = [&gate](uint64_t step) {
    if (step == 12) gate.wait();
  };
  const auto engine = make_fake_engine(model);
  answer(*engine, turn_of("one", 4, "s"));                            // steps 1 to 4
  const auto first = listen_to(*engine, turn_of("two", 20, "s"));     // stands at step 12
  const auto second = listen_to(*engine, turn_of("three", 5, "s"));
  gate.wait_for_visitor();
  StateStore& sessions = engine->sessions();
  EXPECT_FALSE(sessions.wait(sessions.fork("s", "fork", false)).error);
  EXPECT_TRUE(second->events().empty());
  gate.open();
  ASSERT_EQ(first->wait(), Finish::length);
  ASSERT_EQ(second->wait(), Finish::length);
  const std::string one = whole("one", 4), two = whole("one" + one + "two", 20);
  EXPECT_EQ(first->text(), two);
  EXPECT_EQ(second->text(), whole("one" + one + "two" + two + "three", 5));
  EXPECT_EQ(answer(*engine, turn_of("other", 6, "fork")), whole("one" + one + "other", 6));
}

TEST(Session, IsKeptAsFarAsItCameWhereTheClientLeaves) {
  const auto engine = make_fake_engine({});
  Question question = turn_of("go", 100000, "s");
  const auto listener = std::make_shared<Listener>();
  listener->also = [](Listener& self, const Event& event) {
    if (event.completion_tokens >= 10) self.close();
  };
  submit(*engine, std::move(question), listener);
  ASSERT_TRUE(eventually([&] { return engine->sessions().entry("s").has_value(); }));
  const std::string text = engine->text_of(engine->sessions().transcript("s").tokens);
  ASSERT_GE(text.size(), 12u);
  EXPECT_EQ(text.substr(2), whole("go", static_cast<uint32_t>(text.size() - 2)));
  EXPECT_EQ(answer(*engine, turn_of("on", 5, "s")), whole(text + "on", 5));
}

TEST(Session, ThatMustExistAndDoesNotIsNotFound) {
  const auto engine = make_fake_engine({});
  Question question = turn_of("x", 3, "nobody");
  question.streams[0].must_exist = true;
  const auto listener = listen_to(*engine, std::move(question));
  EXPECT_EQ(listener->wait(), Finish::failed);
  EXPECT_EQ(listener->error_kind(), ErrorKind::not_found);
  EXPECT_NE(listener->error().find("nobody"), std::string::npos);
  EXPECT_EQ(answer(*engine, turn_of("x", 3, "nobody")), whole("x", 3));
}

TEST(Session, OfAnotherModelIsRefusedAndStays) {
  const auto store = StateStore::open({});
  const auto one = make_fake_engine({}, {.sessions = store});
  answer(*one, turn_of("x", 3, "s"));
  one->set_adapters({{"another", "", {}}}, 10);
  const auto listener = listen_to(*one, turn_of("y", 3, "s"));
  EXPECT_EQ(listener->wait(), Finish::failed);
  EXPECT_EQ(listener->error_kind(), ErrorKind::bad_request);
  one->set_adapters({}, 10);
  EXPECT_EQ(answer(*one, turn_of("y", 3, "s")), whole("x" + whole("x", 3) + "y", 3));
}

// Where the model starts from a file's state, tokens alone would begin elsewhere under another: the first turn's state is
// durable with it.
TEST(Session, ThatBeganFromATunedStateIsWrittenAtOnce) {
  for (const bool tuned : {false, true}) {
    const test::Folder folder;
    const auto store = StateStore::open({.file = (folder.path() / "sessions.db").string()});
    const auto engine = make_fake_engine({}, {.sessions = store, .state = tuned ? "tuned.pth" : ""});
    answer(*engine, turn_of("x", 3, "s"));
    EXPECT_EQ(store->stats().unwritten, tuned ? 0u : 1u);
    answer(*engine, turn_of("y", 3, "s"));
    EXPECT_EQ(store->stats().unwritten, 1u);
  }
}

// A session whose state was never written is all its tokens, and those began where the model starts untuned.
TEST(Session, OfTokensAloneBeginsUntunedUnderATunedStateToo) {
  const auto engine = make_fake_engine({.tuned = 7}, {.state = "tuned.pth"});
  answer(*engine, turn_of("x", 3, "s"));
  const auto state = std::make_shared<State>();
  state->model = engine->sessions().find("s").state->model;
  state->unfed = {'h', 'i'};
  Question question = ask(", how", 9);
  question.streams = {stream_from(state)};
  EXPECT_EQ(answer(*engine, question), whole("hi, how", 9));
  EXPECT_NE(answer(*engine, ask("hi, how", 9)), whole("hi, how", 9));
}

// Numbers that are finite and huge make no logits: the client is told whose they are.
TEST(Session, WhoseLogitsAreNoNumbersIsNamed) {
  const auto engine = make_fake_engine({.nan_after = '!'});
  answer(*engine, turn_of("x", 3, "s"));
  const auto told = listen_to(*engine, turn_of("!", 3, "s"));
  EXPECT_EQ(told->wait(), Finish::failed);
  EXPECT_EQ(told->error_kind(), ErrorKind::bad_request);
  EXPECT_NE(told->error().find("session 's'"), std::string::npos);
  Question brought = ask("!", 3);
  brought.streams = {stream_from(engine->sessions().find("s").state)};
  const auto by_value = listen_to(*engine, brought), alone = listen_to(*engine, ask("!", 3));
  EXPECT_EQ(by_value->wait(), Finish::failed);
  EXPECT_EQ(by_value->error_kind(), ErrorKind::bad_request);
  EXPECT_EQ(alone->wait(), Finish::failed);
  EXPECT_EQ(alone->error_kind(), ErrorKind::internal);
}

TEST(Session, ANewOneThatIsThereByTheEndStays) {
  const auto engine = make_fake_engine({});
  answer(*engine, turn_of("mine", 3, "s"));
  answer(*engine, turn_of("from", 3, "other"));
  Question question = turn_of("x", 3, "s");
  question.streams[0].from = "other";
  question.streams[0].fresh = true;
  const auto listener = listen_to(*engine, question);
  EXPECT_EQ(listener->wait(), Finish::failed);
  EXPECT_EQ(listener->error_kind(), ErrorKind::conflict);
  EXPECT_EQ(engine->sessions().entry("s")->tokens, 7u);
  question.streams[0].keep = "t";
  answer(*engine, question);
  EXPECT_EQ(engine->sessions().entry("t")->tokens, 11u);
}

TEST(Session, MovesAsAValue) {
  const auto here = make_fake_engine({}), there = make_fake_engine({});
  answer(*here, turn_of("hello", 4, "s"));
  const StatePtr state = here->sessions().find("s").state;
  ASSERT_TRUE(state);
  Question question = ask("more", 6);
  question.streams = {stream_from(state)};
  EXPECT_EQ(answer(*there, question), answer(*here, turn_of("more", 6, "s")));
}

// A request for no tokens: the state is fed all it had not seen.
TEST(Session, ItsTailIsFedByARequestForNothing) {
  const auto engine = make_fake_engine({});
  const std::string said = answer(*engine, turn_of("hello", 4, "s"));
  Question question = turn_of("", 0, "");
  question.streams[0].from = "s";
  question.report_states = true;
  StatePtr closed;
  const auto listener = std::make_shared<Listener>();
  listener->also = [&](Listener&, const Event& event) {
    if (!event.states.empty()) closed = event.states[0];
  };
  submit(*engine, std::move(question), listener);
  ASSERT_EQ(listener->wait(), Finish::length);
  ASSERT_TRUE(closed);
  EXPECT_TRUE(closed->unfed.empty());
  EXPECT_EQ(closed->fed, 9u);
  Question next = ask("?", 5);
  next.streams = {stream_from(closed)};
  EXPECT_EQ(answer(*engine, next), whole("hello" + said + "?", 5));
}

// How often a text was read, whatever number of answers it gets.
TEST(Choices, ReadTheirPromptOnce) {
  for (const uint32_t slots : {16u, 4u, 1u}) {
    const auto engine = make_fake_engine({.slots = slots});
    Question question = ask(std::string(1000, 'p') + "!", 8, 5);
    question.prompt = engine->prepare(question.input);
    std::vector<std::shared_ptr<Listener>> listeners;
    Submission submission{question, {}};
    for (int i = 0; i < 16; ++i) submission.choices.push_back(listeners.emplace_back(std::make_shared<Listener>()));
    engine->submit({submission});
    std::vector<std::string> texts;
    for (const auto& listener : listeners) {
      ASSERT_EQ(listener->wait(), Finish::length) << listener->error();
      texts.push_back(listener->text());
    }
    EXPECT_EQ(engine->stats().prompt_tokens - engine->stats().cached_tokens, 1000 + 16u) << slots;
    // Each is what it would be alone.
    const auto alone = make_fake_engine({.slots = 1, .vocab = 128});
    Submission again{question, {}};
    std::vector<std::shared_ptr<Listener>> others;
    for (int i = 0; i < 16; ++i) again.choices.push_back(others.emplace_back(std::make_shared<Listener>()));
    alone->submit({again});
    for (size_t i = 0; i < others.size(); ++i) {
      ASSERT_EQ(others[i]->wait(), Finish::length);
      EXPECT_EQ(others[i]->text(), texts[i]);
    }
    EXPECT_NE(texts[0], texts[1]);
  }
}

TEST(Choices, GoOnWhereTheOneThatReadsLeaves) {
  Gate gate;
  FakeOptions model{.slots = 2};
  model.before_step = [&gate](uint64_t step) {
    if (step == 3) gate.wait();
  };
  const auto engine = make_fake_engine(model);
  Question question = ask(std::string(500, 'q'), 5);
  question.prompt = engine->prepare(question.input);
  std::vector<std::shared_ptr<Listener>> listeners;
  Submission submission{question, {}};
  for (int i = 0; i < 5; ++i) submission.choices.push_back(listeners.emplace_back(std::make_shared<Listener>()));
  engine->submit({submission});
  gate.wait_for_visitor();
  listeners[0]->close();
  gate.open();
  for (int i = 1; i < 5; ++i) EXPECT_EQ(listeners[static_cast<size_t>(i)]->wait(), Finish::length);
}

TEST(Prefix, OfAnotherPromptIsNotReadAgain) {
  const auto engine = make_fake_engine({}, {.prefix_cache = 1 << 20});
  const std::string system(300, 's');
  const auto first = listen_to(*engine, ask(system + "hello", 20));
  ASSERT_EQ(first->wait(), Finish::length);
  const std::string said = first->text();
  EXPECT_EQ(said, whole(system + "hello", 20));
  // The next turn of a chat, with all that was said.
  const auto second = listen_to(*engine, ask(system + "hello" + said + "and now?", 20));
  ASSERT_EQ(second->wait(), Finish::length);
  EXPECT_EQ(second->text(), whole(system + "hello" + said + "and now?", 20));
  EXPECT_EQ(second->events().back().cached_tokens, 300 + 5 + 19u);  // the last token was drawn and not fed
  // Another that begins alike: the place where they part is seen, and then known.
  const auto third = listen_to(*engine, ask(system + "other", 5));
  ASSERT_EQ(third->wait(), Finish::length);
  EXPECT_EQ(third->text(), whole(system + "other", 5));
  const auto fourth = listen_to(*engine, ask(system + "different from both", 5));
  ASSERT_EQ(fourth->wait(), Finish::length);
  EXPECT_EQ(fourth->text(), whole(system + "different from both", 5));
  EXPECT_GE(fourth->events().back().cached_tokens, 300u);
  Question off = ask(system + "different from both", 5);
  off.use_prefix_cache = false;
  const auto fifth = listen_to(*engine, off);
  ASSERT_EQ(fifth->wait(), Finish::length);
  EXPECT_EQ(fifth->events().back().cached_tokens, 0u);
  EXPECT_EQ(fifth->text(), fourth->text());
}

TEST(Prefix, ThatIsKnownIsNotTakenFromItsSlotAgain) {
  std::atomic<int> reads = 0;
  FakeOptions model;
  model.before_read = [&reads] { ++reads; };
  const auto engine = make_fake_engine(model, {.prefix_cache = 1 << 20});
  // At its end; then where it leaves a token to be fed, since it was asked again.
  for (const int read : {1, 2, 2, 2}) {
    answer(*engine, ask("the same question as before", 3));
    EXPECT_EQ(reads, read);
  }
}

// What was drawn may have been computed in another order than a prompt: with --reproducible it is read again.
TEST(Prefix, OfAReproducibleEngineIsOfPromptsAlone) {
  const auto engine = make_fake_engine({}, {.prefix_cache = 1 << 20, .reproducible = true});
  const auto first = listen_to(*engine, ask("a question of some length", 20));
  ASSERT_EQ(first->wait(), Finish::length);
  const auto second = listen_to(*engine, ask("a question of some length" + first->text() + "and now?", 20));
  ASSERT_EQ(second->wait(), Finish::length);
  EXPECT_EQ(second->events().back().cached_tokens, 25u);
}

TEST(Prefix, ChangesNoTextWhateverComes) {
  const auto cached = make_fake_engine({.slots = 4, .max_rows = 16}, {.prefix_cache = 4000});
  const auto plain = make_fake_engine({});
  uint64_t z = 1;
  const auto random = [&z](uint64_t below) {
    z = z * 6364136223846793005u + 1442695040888963407u;
    return (z >> 33) % below;
  };
  for (int round = 0; round < 60; ++round) {
    std::vector<std::tuple<Question, std::shared_ptr<Listener>>> all;
    for (int i = 0; i < 6; ++i) {
      std::string text;
      for (uint64_t words = 1 + random(6); words > 0; --words) text.append("abcdefgh", random(3) + 1, 5).append("-");
      const Question question = ask(text, 1 + static_cast<uint32_t>(random(12)), random(5));
      all.emplace_back(question, listen_to(*cached, question));
    }
    for (const auto& [question, listener] : all) {
      ASSERT_EQ(listener->wait(), Finish::length);
      EXPECT_EQ(listener->events().back().prompt_tokens, question.input.text.size());
      EXPECT_EQ(listener->text(), answer(*plain, question));
    }
  }
  EXPECT_LE(cached->stats().prefix_bytes, 4000u);
  EXPECT_GT(cached->stats().prefix_hits, 50u);
}

TEST(Mixture, OfOneStreamTwiceIsThatStream) {
  const auto engine = make_fake_engine({});
  Question question = ask("to be or not", 12);
  question.streams = {stream_with(0.25f), stream_with(0.5f)};
  EXPECT_EQ(answer(*engine, question), whole("to be or not", 12));
}

TEST(Mixture, KeepsEachOfItsStreamsAndGoesOnWithThem) {
  const auto engine = make_fake_engine({});
  const auto mixture = [&](const std::string& prompt, uint32_t tokens, const char* keep) {
    Question question = ask(prompt, tokens);
    question.input.may_be_empty = true;
    question.sampling.temperature = 0;
    for (const char* name : {"a", "b"}) {
      Stream stream;
      stream.from = name;
      if (*keep) stream.keep = std::string(name);
      stream.gate = *name == 'a' ? 0.7f : 0.6f;
      question.streams.push_back(stream);
    }
    return answer(*engine, std::move(question));
  };
  answer(*engine, turn_of("the first", 3, "a"));
  answer(*engine, turn_of("another one", 4, "b"));  // their tails differ
  const std::string at_once = mixture("and?", 20, "");
  std::string in_turns = mixture("and?", 7, "keep");
  in_turns += mixture("", 13, "keep");
  EXPECT_EQ(in_turns, at_once);
}

TEST(Mixture, ItsSessionsGoOnTogetherOnly) {
  const auto engine = make_fake_engine({});
  const auto mixture = [&](std::vector<std::string> names) {
    Question question = ask("and?", 3);
    for (const std::string& name : names) {
      Stream& stream = question.streams.emplace_back();
      stream.from = stream.keep = name;
    }
    question.note = "mine";
    return question;
  };
  answer(*engine, mixture({"a", "b"}));
  answer(*engine, mixture({"a", "b"}));
  EXPECT_EQ(read_mixed_note(engine->sessions().find("b").note).note, "mine");
  for (const Question& other : {mixture({"a"}), mixture({"b", "a"}), mixture({"a", "b", "c"})}) {
    const auto listener = listen_to(*engine, other);
    EXPECT_EQ(listener->wait(), Finish::failed);
    EXPECT_EQ(listener->error_kind(), ErrorKind::bad_request);
    EXPECT_NE(listener->error().find("one of 2"), std::string::npos);
  }
  // What keeps nothing may begin from one.
  Question reads = ask("and?", 3);
  reads.streams.emplace_back().from = "a";
  EXPECT_EQ(answer(*engine, reads).size(), 3u);
}

TEST(Mixture, SumsLogitsByTheirGates) {
  std::vector<float> rows = {1, 2, 3, 10, 20, 30, 100, 200, 300};
  const std::vector<Stream> streams = {stream_with(0.5f), stream_with(0), stream_with(-0.25f)};
  mix_rows(rows, streams, 0, rows.size() / streams.size());
  EXPECT_FLOAT_EQ(rows[0], (0.5f * 1 - 0.25f * 100) / 0.25f);
  EXPECT_FLOAT_EQ(rows[2], (0.5f * 3 - 0.25f * 300) / 0.25f);
  std::vector<float> cancel = {4, 6};
  mix_rows(cancel, std::vector<Stream>{stream_with(1), stream_with(-1)}, 0, 1);
  EXPECT_FLOAT_EQ(cancel[0], -2);
}

TEST(Mixture, MoreStreamsThanSlotsAreRefusedAndAsManyWaitForThem) {
  const auto engine = make_fake_engine({.slots = 3});
  Question question = ask("x", 5);
  question.streams.resize(4);
  question.prompt = engine->prepare(question.input);
  EXPECT_THROW(engine->submit({{question, {std::make_shared<Listener>()}}}), Error);
  std::vector<std::shared_ptr<Listener>> all;
  for (int i = 0; i < 10; ++i) {
    Question next = ask(fmt::format("x{}", i), 9);
    next.streams.resize(i % 2 ? 3 : 1);
    all.push_back(listen_to(*engine, next));
  }
  for (size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i]->wait(), Finish::length);
    EXPECT_EQ(all[i]->text(), whole(fmt::format("x{}", i), 9));
  }
}

}  // namespace
}  // namespace fulmar
