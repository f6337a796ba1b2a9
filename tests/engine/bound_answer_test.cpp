// Answers that are held to a form: whatever the model's numbers are, the text is one of the grammar's.
#include <gtest/gtest.h>

#include <atomic>
#include <limits>

#include "engine/fake_model.h"
#include "text/grammar_helpers.h"

namespace fulmar {
namespace {

ConstraintInput gbnf(std::string text) {
  ConstraintInput input;
  input.kind = ConstraintInput::Kind::grammar;
  input.text = std::move(text);
  input.field = "grammar";
  return input;
}

const std::string person = R"(root ::= "{\"name\": \"" [a-z]{2,6} "\", \"tags\": [" (tag ("," tag){0,2})? "]}"
tag ::= "\"" ("red" | "ready" | "blue") "\"")";

Question bound(Engine& engine, const std::string& grammar, uint64_t seed, uint32_t max_tokens = 200) {
  Question question = ask("tell me", max_tokens, seed);
  question.constraint = engine.constrain(gbnf(grammar));
  return question;
}

bool matches(const std::string& grammar, const std::string& text) {
  return test::NaiveGrammar(parse_gbnf(grammar), text).matches();
}

TEST(BoundAnswer, IsATextOfTheGrammarWhateverTheModelSays) {
  FakeOptions options;
  options.ends_early = true;
  const auto engine = make_fake_engine(options);
  std::vector<std::shared_ptr<Listener>> all;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Question question = bound(*engine, person, seed);
    if (seed % 3 == 1) question.sampling.temperature = 0;
    question.sampling.rule = seed % 2 == 0 ? PenaltyRule::openai : PenaltyRule::rapid;
    question.sampling.presence_penalty = 2;
    question.sampling.repetition_penalty = 1.5f;
    all.push_back(listen_to(*engine, question));
  }
  for (const auto& listener : all) {
    EXPECT_EQ(listener->wait(), Finish::stop) << listener->error();
    EXPECT_TRUE(matches(person, listener->text())) << listener->text();
  }
}

TEST(BoundAnswer, EndsWhereTheGrammarMayAndNowhereElse) {
  FakeOptions options;
  options.vocab = 128;
  options.script.assign(40, 0);  // the model wants to end at once
  const auto engine = make_fake_engine(options);
  const auto listener = listen_to(*engine, bound(*engine, "root ::= [ab]{5} [cd]*", 1));
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text().size(), 5u);
  const auto cut = listen_to(*engine, bound(*engine, "root ::= [ab]{5}", 1, 3));
  EXPECT_EQ(cut->wait(), Finish::length);
  EXPECT_EQ(cut->text().size(), 3u);
  // A stop token of the client's is a token like any other where the text may not end.
  Question question = bound(*engine, "root ::= \"ab\" \"b\"? \"c\"?", 1);
  question.stop_tokens = {'b'};
  const auto stopped = listen_to(*engine, question);
  EXPECT_EQ(stopped->wait(), Finish::stop);
  EXPECT_TRUE(stopped->text().starts_with("ab")) << stopped->text();
}

TEST(BoundAnswer, AStopStringStillEndsIt) {
  const auto engine = make_fake_engine({});
  Question question = bound(*engine, "root ::= \"one, \" \"two, \" [a-z]{3}", 1);
  question.stop = {"o, "};
  const auto listener = listen_to(*engine, question);
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "one, tw");
}

// Bytes that alone may come are fed with the token before them: fewer steps, and the same text.
TEST(BoundAnswer, WhatAloneMayComeIsNotDrawn) {
  const std::string grammar = R"(root ::= "{\"a long name of a member\": " [0-9] ", \"another one of these\": " [0-9] "}")";
  const auto engine = make_fake_engine({});
  Question question = bound(*engine, grammar, 3);
  question.sampling.temperature = 0;
  const uint64_t before = engine->stats().steps;
  const auto jumping = listen_to(*engine, question);
  EXPECT_EQ(jumping->wait(), Finish::stop);
  const uint64_t steps = engine->stats().steps - before;
  EXPECT_TRUE(matches(grammar, jumping->text())) << jumping->text();
  EXPECT_EQ(jumping->tokens().size(), jumping->text().size());
  EXPECT_EQ(jumping->events().back().completion_tokens, jumping->text().size());
  EXPECT_LT(steps, jumping->text().size() / 3);
  question.report.logprobs = 0;  // for which every token is drawn
  const auto drawn = listen_to(*engine, question);
  EXPECT_EQ(drawn->wait(), Finish::stop);
  EXPECT_EQ(drawn->text(), jumping->text());
}

TEST(BoundAnswer, TheThoughtIsFreeAndTheAnswerIsBound) {
  const std::string prompt = "User: hi\n\nAssistant: <think";
  // The first end mark is one, also where the model meant to go on with a longer word.
  const std::pair<std::string_view, std::string_view> thoughts[] = {{">Why not?</think", "Why not?"}, {">a\n</thinking> b", "a"}};
  for (const auto& [thought, told] : thoughts) {
    FakeOptions options;
    options.script.assign(prompt.size() - 1, '.');
    options.script.insert(options.script.end(), thought.begin(), thought.end());
    const auto engine = make_fake_engine(options);
    Question question = bound(*engine, person, 5);
    question.input = {};
    question.input.messages = {{"user", "hi"}};
    question.input.chat.think = Think::open;
    const auto listener = listen_to(*engine, question);
    EXPECT_EQ(listener->wait(), Finish::stop) << listener->error();
    EXPECT_EQ(listener->thought(), told);
    EXPECT_TRUE(matches(person, listener->text())) << listener->text();
  }
}

TEST(BoundAnswer, AThoughtThatIsClosedForItIsFollowedByTheForm) {
  const auto engine = make_fake_engine({});
  for (const Think think : {Think::open, Think::fake, Think::off}) {
    Question question = bound(*engine, person, 6);
    question.input = {};
    question.input.messages = {{"user", "hi"}};
    question.input.chat.think = think;
    if (think == Think::open) question.input.chat.thinking_budget = 4;
    const auto listener = listen_to(*engine, question);
    EXPECT_EQ(listener->wait(), Finish::stop) << listener->error();
    EXPECT_TRUE(matches(person, listener->text())) << static_cast<int>(think) << listener->text();
  }
}

TEST(BoundAnswer, GoesOnAfterAPauseAsIfNothingHadHappened) {
  std::atomic<int64_t> left{0};
  std::shared_ptr<Listener> first;
  FakeOptions options;
  options.before_step = [&](uint64_t) {
    if (--left == 0) first->pause();
  };
  const auto engine = make_fake_engine(options);
  Question question = bound(*engine, person, 11);
  question.sampling.temperature = 0.8f;
  const auto whole = listen_to(*engine, question);
  ASSERT_EQ(whole->wait(), Finish::stop);
  for (const int64_t after : {2, 4, 6}) {
    std::vector<StatePtr> states;
    first = std::make_shared<Listener>();
    first->also = [&](Listener&, const Event& event) { states.assign(event.states.begin(), event.states.end()); };
    left = after;
    Question begun = question;
    begun.report_states = true;
    submit(*engine, begun, first);
    ASSERT_EQ(first->wait(), Finish::paused);
    Question rest = question;
    rest.input = {};
    rest.input.may_be_empty = true;
    rest.drawn = first->tokens();
    Stream stream;
    stream.start = states.at(0);
    rest.streams = {stream};
    const auto second = listen_to(*engine, rest);
    EXPECT_EQ(second->wait(), Finish::stop) << second->error();
    EXPECT_EQ(first->text() + second->text(), whole->text()) << after;
  }
}

TEST(BoundAnswer, AFormIsMadeOnceForAllWhoAskForIt) {
  const auto engine = make_fake_engine({});
  const auto one = engine->constrain(gbnf(person));
  EXPECT_EQ(engine->constrain(gbnf(person)), one);
  for (int i = 0; i < 40; ++i) engine->constrain(gbnf(fmt::format("root ::= \"{}\"", i)));
  EXPECT_NE(engine->constrain(gbnf(person)), one);
  const std::pair<const char*, const char*> wrong[] = {{"root ::= \"a", "grammar: line 1, column 12"},
                                                       {"root ::= root \"a\" | \"b\"", "grammar: the grammar's rule \"root\" is left"}};
  for (const auto& [text, words] : wrong) {
    try {
      engine->constrain(gbnf(text));
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_request);
      EXPECT_EQ(error.param(), "grammar");
      EXPECT_EQ(std::string(error.what()).find(words), 0u) << error.what();
    }
  }
}

TEST(BoundAnswer, ABiasThatForbidsAllOfTheFormIsTheRequestsFault) {
  const auto engine = make_fake_engine({});
  Question question = bound(*engine, "root ::= \"go \"? [ab] \"!\"", 1);
  for (const char token : {'g', 'a'}) question.sampling.logit_bias.emplace_back(token, -std::numeric_limits<float>::infinity());
  const auto one = listen_to(*engine, question);
  EXPECT_EQ(one->wait(), Finish::stop) << one->error();
  EXPECT_EQ(one->text(), "b!");
  question.sampling.logit_bias.emplace_back('b', -std::numeric_limits<float>::infinity());
  const auto none = listen_to(*engine, question);
  EXPECT_EQ(none->wait(), Finish::failed);
  EXPECT_NE(none->error().find("logit_bias forbids every token"), std::string::npos) << none->error();
}

// What is too large only all together is said of all.
TEST(BoundAnswer, ASumThatIsTooLargeIsNamed) {
  const auto engine = make_fake_engine({});
  ConstraintInput sum{ConstraintInput::Kind::sequence, {}};
  for (int i = 0; i < 12; ++i) {
    std::string text;
    for (int j = 0; j < 10'000; ++j) text += fmt::format("{:x}", (j * 31 + i) % 16);
    sum.parts.push_back({ConstraintInput::Kind::literal, text, {}, fmt::format("tools[{}].function.parameters", i)});
  }
  try {
    engine->constrain(sum);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_EQ(error.param(), "tools");
    EXPECT_EQ(std::string(error.what()).find("tools[0].function.parameters to tools[11].function.parameters, all together: "), 0u) << error.what();
  }
}

TEST(BoundAnswer, TheLastTokenThereMayBeLeavesNoHalfCharacter) {
  FakeOptions options;
  options.vocab = 256;
  const auto engine = make_fake_engine(options);
  const auto listener = listen_to(*engine, bound(*engine, "root ::= \"a\" [\xe4\xb8\x80-\xe9\xbf\xbf]{9}", 3, 3));
  EXPECT_EQ(listener->wait(), Finish::length) << listener->error();
  EXPECT_EQ(listener->text(), "a");
}

// 2^150 ways to read nothing: the answer may well fail, but not the others.
TEST(BoundAnswer, AFormOfTooManyWaysIsNobodyElsesTrouble) {
  const auto engine = make_fake_engine({});
  std::string grammar = "root ::= r0\n";
  for (int i = 0; i < 150; ++i) grammar += fmt::format("r{} ::= r{} r{}\n", i, i + 1, i + 1);
  std::vector<std::shared_ptr<Listener>> all;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    all.push_back(listen_to(*engine, bound(*engine, grammar + "r150 ::= [a-z]?", seed, 30)));
    all.push_back(listen_to(*engine, bound(*engine, person, seed)));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Finish finish = all[i]->wait();
    if (i % 2 == 1) {
      EXPECT_EQ(finish, Finish::stop);
      EXPECT_TRUE(matches(person, all[i]->text())) << all[i]->text();
    } else if (finish == Finish::failed) {
      EXPECT_NE(all[i]->error().find("make it simpler"), std::string::npos) << all[i]->error();
    }
  }
}

TEST(BoundAnswer, PartsAreOneForm) {
  const auto engine = make_fake_engine({});
  ConstraintInput choice, all;
  choice.kind = ConstraintInput::Kind::any_of;
  for (const char* text : {"yes", "no", "yesterday"}) choice.parts.push_back({ConstraintInput::Kind::literal, text});
  all.kind = ConstraintInput::Kind::sequence;
  all.parts = {{ConstraintInput::Kind::literal, "Say: "}, choice, {ConstraintInput::Kind::regex, "[!?]{1,2}"}};
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Question question = ask("tell me", 50, seed);
    question.constraint = engine->constrain(all);
    const auto listener = listen_to(*engine, question);
    EXPECT_EQ(listener->wait(), Finish::stop);
    EXPECT_TRUE(test::accepts(test::regex_grammar("Say: (yes|no|yesterday)[!?]{1,2}"), listener->text())) << listener->text();
  }
}

}  // namespace
}  // namespace fulmar
