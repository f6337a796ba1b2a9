// logprobs, echo, prompt_logprobs and best_of, and the tokens of texts, in all the forms that OpenAI's and vLLM's clients read.
#include <algorithm>
#include <cmath>

#include "api/openai/score_words.h"
#include "api/service.h"

namespace fulmar::test {
namespace {

constexpr double tolerance = 1e-5;

// The model's log probabilities after each of these tokens; a row for each.
std::vector<std::vector<double>> shares(const std::string& text) {
  FakeModel model({.slots = 1});
  model.reset_slot(0);
  std::vector<std::vector<double>> rows;
  for (const Token token : text) {
    const ops::Segment segment{0, 0, 1, true};
    const uint32_t pick = 0;
    const std::span<float> logits = model.step({&token, 1}, {&segment, 1}, {&pick, 1});
    double sum = 0;
    for (const float logit : logits) sum += std::exp(double{logit});
    std::vector<double>& row = rows.emplace_back();
    for (const float logit : logits) row.push_back(double{logit} - std::log(sum));
  }
  return rows;
}

std::vector<size_t> likeliest(const std::vector<double>& row, size_t count) {
  std::vector<size_t> order(row.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::greater(), [&](size_t token) { return row[token]; });
  order.resize(count);
  return order;
}

// Of what the token's id is: the fake's are characters, and 0 has none.
std::string spelled(size_t token) { return token == 0 ? "" : std::string(1, static_cast<char>(token)); }

std::vector<json::object> streamed(const Service& service, std::string_view path, json::object body) {
  body["stream"] = true;
  const Answer answer = service.post(path, body);
  EXPECT_EQ(answer.status, 200) << answer.body;
  std::vector<json::object> events;
  for (size_t at = 0; (at = answer.body.find("data: ", at)) != std::string::npos;) {
    const size_t end = answer.body.find("\n\n", at);
    const std::string data = answer.body.substr(at + 6, end - at - 6);
    at = end;
    if (data != "[DONE]") events.push_back(json::parse(data).as_object());
  }
  return events;
}

const json::object& choice(const json::object& answer, size_t i = 0) { return answer.at("choices").at(i).as_object(); }

// A chat's entries are those of `text`, which comes after `prompt`.
void expect_chat(const json::array& content, const std::string& prompt, const std::string& text, size_t top) {
  const auto rows = shares(prompt + text);
  ASSERT_EQ(content.size(), text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const json::object& entry = content[i].as_object();
    const std::vector<double>& row = rows[prompt.size() + i - 1];
    EXPECT_EQ(entry.at("token").as_string(), text.substr(i, 1));
    EXPECT_EQ(entry.at("bytes"), json::array{int{text[i]}});
    EXPECT_NEAR(entry.at("logprob").to_number<double>(), row[static_cast<size_t>(text[i])], tolerance);
    const auto best = likeliest(row, top);
    ASSERT_EQ(entry.at("top_logprobs").as_array().size(), top);
    for (size_t k = 0; k < top; ++k) {
      const json::object& one = entry.at("top_logprobs").at(k).as_object();
      EXPECT_EQ(one.at("token").as_string(), spelled(best[k]));
      EXPECT_NEAR(one.at("logprob").to_number<double>(), row[best[k]], tolerance);
    }
  }
}

const json::object chat = {{"messages", json::array{json::object{{"role", "user"}, {"content", "Hi"}}}},
                           {"max_tokens", 20},
                           {"seed", 3},
                           {"logprobs", true},
                           {"top_logprobs", 4}};

std::string prompt_of_chat(const Service& service) {
  return std::string(service.ask("/apply-template", {{"messages", chat.at("messages")}}).at("prompt").as_string());
}

TEST(Logprobs, OfAChatWholeAndStreamed) {
  const Service service;
  const std::string prompt = prompt_of_chat(service);
  const json::object answer = service.ask("/v1/chat/completions", chat);
  const auto& content = choice(answer).at("logprobs").at("content").as_array();
  std::string text;  // as it was drawn: the space behind the speaker's name is none of the answer's text
  for (const json::value& entry : content) text += entry.at("token").as_string();
  ASSERT_EQ(text.size(), 20u);
  EXPECT_TRUE(text.ends_with(std::string(choice(answer).at("message").at("content").as_string())));
  EXPECT_TRUE(choice(answer).at("logprobs").at("refusal").is_null());
  expect_chat(content, prompt, text, 4);
  json::array all;
  for (const json::object& event : streamed(service, "/v1/chat/completions", chat)) {
    const json::object& part = choice(event);
    if (part.at("logprobs").is_null()) continue;
    for (const json::value& entry : part.at("logprobs").at("content").as_array()) all.push_back(entry);
  }
  EXPECT_EQ(all, content);
  const json::object none = service.ask("/v1/chat/completions", with(chat, {{"logprobs", nullptr}, {"top_logprobs", nullptr}}));
  EXPECT_TRUE(choice(none).at("logprobs").is_null());
  const json::object own = service.ask("/v1/chat/completions", with(chat, {{"top_logprobs", 0}}));
  expect_chat(choice(own).at("logprobs").at("content").as_array(), prompt, text, 0);
}

// `all`: the tokens that are listed, of which `unknown` first ones have no number.
void expect_lists(const json::object& lists, const std::string& before, const std::string& all, size_t top, bool from_first) {
  const auto rows = shares(before + all);
  for (const char* name : {"tokens", "token_logprobs", "top_logprobs", "text_offset"})
    ASSERT_EQ(lists.at(name).as_array().size(), all.size()) << name;
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(lists.at("tokens").at(i).as_string(), all.substr(i, 1));
    EXPECT_EQ(lists.at("text_offset").at(i), i);
    if (i == 0 && from_first) {
      EXPECT_TRUE(lists.at("token_logprobs").at(0).is_null());
      EXPECT_TRUE(lists.at("top_logprobs").at(0).is_null());
      continue;
    }
    const std::vector<double>& row = rows[before.size() + i - 1];
    const double own = lists.at("token_logprobs").at(i).to_number<double>();
    EXPECT_NEAR(own, row[static_cast<size_t>(all[i])], tolerance);
    const json::object& likely = lists.at("top_logprobs").at(i).as_object();
    const auto best = likeliest(row, top);
    for (const size_t token : best) EXPECT_NEAR(likely.at(spelled(token)).to_number<double>(), row[token], tolerance);
    EXPECT_EQ(likely.at(all.substr(i, 1)), lists.at("token_logprobs").at(i));  // as it is compared by clients
    EXPECT_LE(likely.size(), top + 1);
  }
}

const json::object completion = {{"prompt", "The sea is"}, {"max_tokens", 15}, {"seed", 4}, {"logprobs", 3}};

TEST(Logprobs, OfACompletionWholeAndStreamed) {
  const Service service;
  const json::object answer = service.ask("/v1/completions", completion);
  const std::string text(choice(answer).at("text").as_string());
  expect_lists(choice(answer).at("logprobs").as_object(), "The sea is", text, 3, false);
  for (const bool echo : {false, true}) {
    const json::object body = with(completion, {{"echo", echo}, {"n", 2}});
    const json::object whole = service.ask("/v1/completions", body);
    std::map<std::string, json::array> lists[2];
    std::string texts[2];
    for (const json::object& event : streamed(service, "/v1/completions", body)) {
      const json::object& part = choice(event);
      const auto index = part.at("index").to_number<size_t>();
      texts[index] += part.at("text").as_string();
      if (part.at("logprobs").is_null()) continue;
      for (const auto& list : part.at("logprobs").as_object())
        for (const json::value& entry : list.value().as_array()) lists[index][list.key()].push_back(entry);
    }
    for (size_t i = 0; i < 2; ++i) {
      const json::object& expected = choice(whole, i).at("logprobs").as_object();
      EXPECT_EQ(texts[i], choice(whole, i).at("text").as_string());
      for (const auto& list : expected) EXPECT_EQ(json::value(lists[i][list.key()]), list.value()) << list.key();
      expect_lists(expected, echo ? "" : "The sea is", texts[i], 3, echo);
    }
  }
}

// As lm-evaluation-harness asks: prompts of token ids, their own tokens scored, one more or none drawn.
TEST(Logprobs, OfPromptsThatAreTokensInABatch) {
  const Service service;
  std::vector<std::string> prompts;
  json::array ids;
  for (size_t i = 0; i < 7; ++i) {
    std::string& prompt = prompts.emplace_back();
    for (size_t k = 0; k < 1 + i * 40; ++k) prompt += static_cast<char>('a' + (k * 7 + i) % 26);
    ids.push_back(json::array(prompt.begin(), prompt.end()));
  }
  for (const int tokens : {0, 1}) {
    const json::object answer = service.ask(
        "/v1/completions",
        {{"prompt", ids}, {"max_tokens", tokens}, {"logprobs", 1}, {"echo", true}, {"temperature", 0}, {"seed", 1234}});
    ASSERT_EQ(answer.at("choices").as_array().size(), prompts.size());
    for (size_t i = 0; i < prompts.size(); ++i) {
      const std::string text(choice(answer, i).at("text").as_string());
      EXPECT_EQ(text.size(), prompts[i].size() + static_cast<size_t>(tokens));
      EXPECT_TRUE(text.starts_with(prompts[i]));
      EXPECT_EQ(choice(answer, i).at("index"), i);
      expect_lists(choice(answer, i).at("logprobs").as_object(), "", text, 1, true);
    }
  }
}

// Long lists are made a part at a time.
TEST(Logprobs, OfAPromptLongerThanAPart) {
  const Service service;
  std::string prompt;
  for (size_t k = 0; k < 6000; ++k) prompt += static_cast<char>('a' + (k * 7 + k / 9) % 26);
  const json::object body = {{"prompt", prompt}, {"max_tokens", 3}, {"logprobs", 2}, {"echo", true}, {"seed", 1}, {"prompt_logprobs", 1}};
  const json::object answer = service.ask("/v1/completions", body);
  const std::string text(choice(answer).at("text").as_string());
  expect_lists(choice(answer).at("logprobs").as_object(), "", text, 2, true);
  EXPECT_EQ(choice(answer).at("prompt_logprobs").as_array().size(), prompt.size());
  std::string tokens;
  for (const json::object& event : streamed(service, "/v1/completions", with(body, {{"prompt_logprobs", nullptr}}))) {
    if (choice(event).at("logprobs").is_null()) continue;
    for (const json::value& token : choice(event).at("logprobs").at("tokens").as_array()) tokens += token.as_string();
  }
  EXPECT_EQ(tokens, text);
}

void expect_prompt(const json::array& list, const std::string& prompt, size_t top) {
  const auto rows = shares(prompt);
  ASSERT_EQ(list.size(), prompt.size());
  EXPECT_TRUE(list[0].is_null());
  for (size_t i = 1; i < prompt.size(); ++i) {
    const json::object& entry = list[i].as_object();
    const auto own = static_cast<size_t>(prompt[i]);
    const json::object& one = entry.at(std::to_string(own)).as_object();
    EXPECT_NEAR(one.at("logprob").to_number<double>(), rows[i - 1][own], tolerance);
    EXPECT_EQ(one.at("decoded_token").as_string(), prompt.substr(i, 1));
    const auto best = likeliest(rows[i - 1], top);
    for (size_t k = 0; k < top; ++k) EXPECT_EQ(entry.at(std::to_string(best[k])).at("rank"), k + 1);
    const bool among = std::ranges::count(best, own) > 0;
    EXPECT_EQ(entry.size(), top + !among);
    EXPECT_EQ(one.at("rank").is_null(), !among);
  }
}

TEST(PromptLogprobs, AreVllmsInBothEndpoints) {
  const Service service;
  const json::object answer = service.ask("/v1/completions", {{"prompt", "Once upon a time"}, {"max_tokens", 2}, {"prompt_logprobs", 2}});
  EXPECT_TRUE(choice(answer).at("logprobs").is_null());
  expect_prompt(choice(answer).at("prompt_logprobs").as_array(), "Once upon a time", 2);
  const std::string prompt = prompt_of_chat(service);
  const json::object talk = service.ask("/v1/chat/completions", with(chat, {{"prompt_logprobs", 0}, {"n", 2}}));
  expect_prompt(talk.at("prompt_logprobs").as_array(), prompt, 0);
  EXPECT_EQ(choice(talk, 1).at("logprobs").at("content").as_array().size(), 20u);
}

// Tokens may be parts of characters, and may be none.
TEST(TextOffset, CountsTheCharactersThatTheTextShows) {
  const std::vector<std::string> spelled = {"\xe6", "\xb5\xb7", " a", "\x9b", "\xc3", "F", "\xf0\x9f", "\x90\xa6", "!"};
  const auto spell = [&](Token token) { return spelled[static_cast<size_t>(token)]; };
  api::openai::CompletionScores words({.logprobs = 0, .echo = false, .prompt_logprobs = {}, .spell = spell});
  std::vector<TokenScore> cells;
  for (size_t i = 0; i < spelled.size(); ++i) cells.push_back({static_cast<Token>(i), -1});
  const json::value lists = json::parse(words.piece(0, {cells, 1}));
  EXPECT_EQ(lists.at("text_offset"), (json::array{0, 0, 1, 3, 4, 5, 6, 6, 7}));
  EXPECT_EQ(lists.at("tokens").at(0), "bytes:\\xe6");
}

TEST(BestOf, TheLikeliestAreAnswered) {
  const Service service;
  const json::object all = service.ask("/v1/completions", with(completion, {{"n", 6}, {"logprobs", 0}}));
  std::vector<std::pair<double, std::string>> means;
  for (size_t i = 0; i < 6; ++i) {
    double sum = 0;
    const auto& list = choice(all, i).at("logprobs").at("token_logprobs").as_array();
    for (const json::value& one : list) sum += one.to_number<double>();
    means.emplace_back(-sum / static_cast<double>(list.size()), choice(all, i).at("text").as_string());
  }
  std::ranges::sort(means);
  const json::object best = service.ask("/v1/completions", with(completion, {{"n", 2}, {"best_of", 6}, {"logprobs", nullptr}}));
  ASSERT_EQ(best.at("choices").as_array().size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(choice(best, i).at("text").as_string(), means[i].second);
    EXPECT_EQ(choice(best, i).at("index"), i);
    EXPECT_TRUE(choice(best, i).at("logprobs").is_null());
  }
  EXPECT_EQ(best.at("usage").at("completion_tokens"), 90);
}

TEST(Logprobs, WhatCannotBeHonouredIsRefusedByName) {
  const Service service;
  const auto refused = [&](std::string_view path, const json::object& body, std::string_view param) {
    const Answer answer = service.post(path, body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_EQ(json::parse(answer.body).at("error").at("param").as_string(), json::string_view(param.data(), param.size())) << answer.body;
  };
  refused("/v1/chat/completions", with(chat, {{"logprobs", false}}), "top_logprobs");
  refused("/v1/chat/completions", with(chat, {{"top_logprobs", 21}}), "top_logprobs");
  refused("/v1/chat/completions", with(chat, {{"stream", true}, {"prompt_logprobs", 1}}), "prompt_logprobs");
  refused("/v1/chat/completions", with(chat, {{"session_id", "s"}, {"prompt_logprobs", 1}}), "prompt_logprobs");
  refused("/v1/completions", with(completion, {{"logprobs", 21}}), "logprobs");
  refused("/v1/completions", with(completion, {{"logprobs", true}}), "logprobs");
  refused("/v1/completions", with(completion, {{"top_logprobs", 2}}), "top_logprobs");
  refused("/v1/completions", with(completion, {{"session_id", "s"}, {"echo", true}}), "logprobs");
  refused("/v1/completions", with(completion, {{"n", 3}, {"best_of", 2}}), "best_of");
  refused("/v1/completions", with(completion, {{"stream", true}, {"best_of", 2}}), "best_of");
  refused("/v1/completions", with(completion, {{"session_id", "s"}, {"best_of", 2}}), "best_of");
  refused("/v1/completions", with(completion, {{"suffix", "x"}, {"echo", true}}), "echo");
  refused("/v1/completions", with(completion, {{"suffix", "x"}, {"prompt", json::array{65, 66}}}), "suffix");
  const std::string prompt(250'000, 'a');
  refused("/v1/completions", with(completion, {{"prompt", prompt}, {"logprobs", 20}, {"echo", true}}), "logprobs");
}

TEST(Tokenize, TellsTheTokensOfAText) {
  const Service service;
  const json::object answer = service.ask("/tokenize", {{"prompt", "abc"}, {"add_special_tokens", false}, {"return_token_strs", true}});
  EXPECT_EQ(answer.at("tokens"), (json::array{97, 98, 99}));
  EXPECT_EQ(answer.at("token_strs"), (json::array{"a", "b", "c"}));
  EXPECT_EQ(answer.at("count"), 3);
  EXPECT_EQ(service.ask("/tokenize", {{"prompt", ""}}).at("count"), 0);
  const Answer info = service.client().get("/tokenizer_info");
  EXPECT_EQ(info.status, 200);
  EXPECT_TRUE(json::parse(info.body).at("eos_token").is_null()) << info.body;
}

}  // namespace
}  // namespace fulmar::test
