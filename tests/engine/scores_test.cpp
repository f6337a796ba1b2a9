// What a request hears of its tokens' probabilities is what the model gave them, however its prompt was read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/asking.h"

namespace fulmar {
namespace {

using Score = Listener::Heard::Score;

// The model's logits after each of these tokens, one row at a time, from a model of its own.
std::vector<std::vector<float>> rows_after(const std::vector<Token>& tokens, uint64_t tuned = 0, std::vector<Token> script = {}) {
  FakeModel model({.slots = 1, .tuned = tuned});
  FakeModel scripted({.slots = 1, .script = std::move(script)});
  FakeModel& used = tuned ? model : scripted;
  used.reset_slot(0);
  std::vector<std::vector<float>> rows;
  for (const Token token : tokens) {
    const ops::Segment segment{0, 0, 1, true};
    const uint32_t pick = 0;
    const std::span<float> row = used.step({&token, 1}, {&segment, 1}, {&pick, 1});
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

double log_share(const std::vector<float>& logits, Token token) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  return double{logits[static_cast<size_t>(token)]} - std::log(sum);
}

std::vector<Score> all_of(const Listener& listener, std::vector<Score> Listener::Heard::* which) {
  std::vector<Score> all;
  for (const auto& heard : listener.events()) all.insert(all.end(), (heard.*which).begin(), (heard.*which).end());
  return all;
}
std::vector<Score> scored(const Listener& listener) { return all_of(listener, &Listener::Heard::scored); }
std::vector<Score> prompt_scored(const Listener& listener) { return all_of(listener, &Listener::Heard::prompt_scored); }

void expect_score(const Score& score, const std::vector<float>& logits, Token token, size_t top) {
  EXPECT_EQ(score.token, token);
  EXPECT_NEAR(score.logprob, log_share(logits, token), 1e-5);
  ASSERT_EQ(score.top.size(), top);
  std::vector<Token> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(), [&](Token id) { return logits[static_cast<size_t>(id)]; });
  for (size_t i = 0; i < top; ++i) {
    EXPECT_EQ(score.top[i].token, order[i]);
    EXPECT_NEAR(score.top[i].logprob, log_share(logits, order[i]), 1e-5);
  }
}

std::string text_of(size_t length) {
  std::string text;
  for (size_t i = 0; i < length; ++i) text += static_cast<char>('a' + (i * 7 + i / 5) % 26);
  return text;
}

void expect_prompt(const std::vector<Score>& scores, const std::string& prompt, size_t top, uint64_t tuned = 0) {
  const std::vector<Token> tokens(prompt.begin(), prompt.end());
  const auto rows = rows_after(tokens, tuned);
  ASSERT_EQ(scores.size(), tokens.size() - 1);
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    SCOPED_TRACE(i);
    expect_score(scores[i], rows[i], tokens[i + 1], top);
  }
}

std::string said(const std::vector<Score>& scores) {
  std::string text;
  for (const Score& score : scores) text += static_cast<char>(score.token);
  return text;
}

// 300 tokens, 8 rows of logits a step at most.
TEST(Scores, ALongPromptsTokensAreScoredInPieces) {
  const auto engine = make_fake_engine({});
  Question question = ask(text_of(300), 0);
  question.report.prompt_logprobs = 3;
  const auto listener = listen_to(*engine, question);
  EXPECT_EQ(listener->wait(), Finish::length) << listener->error();
  expect_prompt(prompt_scored(*listener), text_of(300), 3);
  EXPECT_TRUE(scored(*listener).empty());
  EXPECT_TRUE(listener->tokens().empty());
  for (const auto& heard : listener->events()) EXPECT_LE(heard.prompt_scored.size(), 8u);  // nothing waits for the end
}

TEST(Scores, PromptAndAnswerOfManyAtOnce) {
  const auto engine = make_fake_engine({.slots = 6, .max_picks = 11});
  std::vector<std::shared_ptr<Listener>> all;
  for (size_t i = 0; i < 20; ++i) {
    Question question = ask(text_of(1 + i * 9), i % 3 == 0 ? 0 : 20, i);
    if (i % 4 != 3) question.report.prompt_logprobs = static_cast<uint16_t>(i % 3);
    question.report.logprobs = 2;
    all.push_back(listen_to(*engine, question));
  }
  for (size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(all[i]->wait(), Finish::length) << all[i]->error();
    const std::string prompt = text_of(1 + i * 9), text = all[i]->text();
    if (i % 4 != 3) expect_prompt(prompt_scored(*all[i]), prompt, i % 3);
    std::vector<Token> tokens(prompt.begin(), prompt.end());
    tokens.insert(tokens.end(), text.begin(), text.end());
    const auto rows = rows_after(tokens);
    const auto scores = scored(*all[i]);
    ASSERT_EQ(scores.size(), text.size());
    for (size_t t = 0; t < text.size(); ++t)
      expect_score(scores[t], rows[prompt.size() + t - 1], tokens[prompt.size() + t], 2);
  }
}

// A client that colours words by their probability wants the model's, whatever is drawn from.
TEST(Scores, AreOfTheModelBeforePenaltiesBiasAndTemperature) {
  const auto engine = make_fake_engine({});
  Question question = ask("hello", 30);
  question.report.logprobs = 0;
  question.sampling.temperature = 0.2f;
  question.sampling.presence_penalty = 2;
  question.sampling.repetition_penalty = 1.5f;
  question.sampling.logit_bias = {{'x', 3.0f}};
  const auto listener = listen_to(*engine, question);
  EXPECT_EQ(listener->wait(), Finish::length);
  const std::string all = "hello" + listener->text();
  const auto rows = rows_after({all.begin(), all.end()});
  const auto scores = scored(*listener);
  ASSERT_EQ(scores.size(), 30u);
  for (size_t i = 0; i < scores.size(); ++i) expect_score(scores[i], rows[4 + i], all[5 + i], 0);
}

TEST(Scores, ComeWithTheirTextAndNotForAStop) {
  const std::string text = "abcdefSTxxSTOPyy";
  FakeOptions options;
  options.script.assign(text.begin(), text.end());
  const auto engine = make_fake_engine(options);
  Question question = ask("q", 100);
  question.sampling.temperature = 0;
  question.report.logprobs = 1;
  question.stop = {"STOP"};
  const auto listener = listen_to(*engine, question);
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "abcdefSTxx");
  EXPECT_EQ(said(scored(*listener)), "abcdefSTxx");
  for (const auto& heard : listener->events()) EXPECT_EQ(said(heard.scored), heard.text);
  question.shown_stops = 1;
  const auto shows = listen_to(*engine, question);
  EXPECT_EQ(shows->wait(), Finish::stop);
  EXPECT_EQ(said(scored(*shows)), "abcdefSTxxSTOP");
  question.stop = {"SToP"};
  question.max_tokens = 8;  // it ends while text is held back
  const auto held = listen_to(*engine, question);
  EXPECT_EQ(held->wait(), Finish::length);
  EXPECT_EQ(said(scored(*held)), "abcdefST");
}

// A harness that scores a prompt draws one token, and counts on its entry.
TEST(Scores, AStopTokenHasOneWhereItIsAskedFor) {
  FakeOptions options;
  options.script = {'a', 'b', 0};
  const auto engine = make_fake_engine(options);
  Question question = ask("q", 100);
  question.sampling.temperature = 0;
  question.report.logprobs = 1;
  const auto without = listen_to(*engine, question);
  EXPECT_EQ(without->wait(), Finish::stop);
  EXPECT_EQ(said(scored(*without)), "ab");
  question.report.stop_token = true;
  const auto with = listen_to(*engine, question);
  EXPECT_EQ(with->wait(), Finish::stop);
  EXPECT_EQ(said(scored(*with)), std::string("ab\0", 3));
  EXPECT_EQ(with->text(), "ab");
}

TEST(Scores, ThoughtsHaveNone) {
  const std::string prompt = "User: hi\n\nAssistant: <think", text = ">\nWhy.\n</think>\nSo.";
  FakeOptions options;
  options.script.assign(prompt.size() - 1, '.');
  options.script.insert(options.script.end(), text.begin(), text.end());
  options.script.push_back(0);
  const auto engine = make_fake_engine(options);
  Question question = ask("", 200);
  question.input.messages = {{"user", "hi"}};
  question.input.chat.think = Think::open;
  question.sampling.temperature = 0;
  question.report.logprobs = 0;
  const auto listener = listen_to(*engine, question);
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "So.");
  EXPECT_EQ(said(scored(*listener)), "So.");
  question.input.chat.thinking_budget = 2;
  const auto closed = listen_to(*engine, question);
  closed->wait();
  EXPECT_EQ(said(scored(*closed)), closed->text());
  question.input.chat.thinking_budget = {};
  question.input.chat.thoughts_in_text = true;
  const auto together = listen_to(*engine, question);
  EXPECT_EQ(together->wait(), Finish::stop);
  EXPECT_EQ(said(scored(*together)), text);
}

TEST(Scores, AKnownPrefixIsReadAgainForThem) {
  const auto engine = make_fake_engine({}, {.prefix_cache = 1 << 20});
  EXPECT_EQ(answer(*engine, ask(text_of(200), 5)).size(), 5u);
  for (int round = 0; round < 2; ++round) {
    Question question = ask(text_of(200), 3);
    question.report.prompt_logprobs = 1;
    const auto listener = listen_to(*engine, question);
    EXPECT_EQ(listener->wait(), Finish::length);
    expect_prompt(prompt_scored(*listener), text_of(200), 1);
  }
}

TEST(Scores, OfSeveralChoicesOneHearsThePromptsAndAllTheirOwn) {
  const auto engine = make_fake_engine({});
  Question question = ask(text_of(50), 10);
  question.report = {.logprobs = 0, .prompt_logprobs = 0};
  question.prompt = engine->prepare(question.input);
  for (const size_t choices : {2, 3, 12}) {
    std::vector<std::shared_ptr<Listener>> all(choices);
    Submission submission{question, {}};
    for (auto& listener : all) submission.choices.push_back(listener = std::make_shared<Listener>());
    engine->submit({submission});
    size_t heard = 0;
    for (const auto& listener : all) {
      EXPECT_EQ(listener->wait(), Finish::length);
      EXPECT_EQ(said(scored(*listener)), listener->text());
      if (prompt_scored(*listener).empty()) continue;
      ++heard;
      expect_prompt(prompt_scored(*listener), text_of(50), 0);
    }
    EXPECT_EQ(heard, 1u);
  }
}

// Two starts, mixed 3 : 1.
TEST(Scores, OfAMixtureAreOfTheMixedLogits) {
  const auto engine = make_fake_engine({});
  Question first = ask("one", 0);
  first.report_states = true;
  StatePtr state;
  const auto keeps = std::make_shared<Listener>();
  keeps->also = [&](Listener&, const Event& event) { state = event.states.empty() ? state : event.states[0]; };
  submit(*engine, first, keeps);
  keeps->wait();
  ASSERT_TRUE(state);
  Question question = ask("more text to be scored", 4);
  question.streams = {stream_with(0.75f), stream_from(state)};
  question.streams[1].gate = 0.25f;
  question.report = {.logprobs = 0, .prompt_logprobs = 2};
  const auto listener = listen_to(*engine, question);
  EXPECT_EQ(listener->wait(), Finish::length) << listener->error();
  const std::string text = question.input.text + listener->text(), other = "one" + text;
  const auto plain = rows_after({text.begin(), text.end()}), after = rows_after({other.begin(), other.end()});
  const auto scores = prompt_scored(*listener), own = scored(*listener);
  ASSERT_EQ(scores.size(), question.input.text.size() - 1);
  ASSERT_EQ(own.size(), 4u);
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    std::vector<float> mixed(plain[i].size());
    for (size_t v = 0; v < mixed.size(); ++v) mixed[v] = 0.75f * plain[i][v] + 0.25f * after[i + 3][v];
    if (i < scores.size())
      expect_score(scores[i], mixed, text[i + 1], 2);
    else
      expect_score(own[i - scores.size()], mixed, text[i + 1], 0);
  }
}

TEST(Scores, ARowOfNoNumbersEndsTheRequest) {
  const auto engine = make_fake_engine({.nan_after = 'n'});
  Question question = ask("abcnabc", 4);
  question.report.prompt_logprobs = 0;
  const auto listener = listen_to(*engine, question);
  EXPECT_EQ(listener->wait(), Finish::failed);
  EXPECT_THAT(listener->error(), testing::HasSubstr("no probability"));
  EXPECT_EQ(answer(*engine, ask("abc", 4)).size(), 4u);
}

TEST(Scores, MoreThanAreToldAreRefusedByName) {
  const auto engine = make_fake_engine({});
  Question question = ask("abc", 4);
  question.report.logprobs = max_logprobs + 1;
  question.prompt = engine->prepare(question.input);
  try {
    engine->submit({{question, {std::make_shared<Listener>()}}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.param(), "logprobs");
  }
  question.report.logprobs = max_logprobs;  // of 128 tokens that is all
  const auto listener = listen_to(*engine, question);
  listener->wait();
  EXPECT_EQ(scored(*listener).at(0).top.size(), 128u);
}

}  // namespace
}  // namespace fulmar
