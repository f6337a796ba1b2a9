// A thought is counted and, where it has a budget, closed: by what the template closes one with, fed and not drawn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "engine/fake_model.h"

namespace fulmar {
namespace {

const std::string prompt = "User: hi\n\nAssistant: <think";
const std::string closing = "\n</think";

// The model says this after the prompt, whatever is fed in between, then token 0.
std::unique_ptr<Engine> says(std::string_view text) {
  FakeOptions options;
  options.vocab = 128;
  options.script.assign(prompt.size() - 1, '.');
  options.script.insert(options.script.end(), text.begin(), text.end());
  options.script.push_back(0);
  return make_fake_engine(options);
}

Question thinking(std::optional<uint32_t> budget) {
  Question question = ask("", 200);
  question.input.messages = {{"user", "hi"}};
  question.input.chat.think = Think::open;
  question.input.chat.thinking_budget = budget;
  question.sampling.temperature = 0;
  return question;
}

TEST(Thought, ComesApartFromTheAnswerAndIsCounted) {
  const auto engine = says(">\nWhy.\n</think>\nSo.");
  const auto listener = listen_to(*engine, thinking({}));
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->thought(), "Why.");
  EXPECT_EQ(listener->text(), "So.");
  EXPECT_EQ(listener->events().back().thought_tokens, std::string(">\nWhy.\n</think>").size());
  Question together = thinking({});
  together.input.chat.thoughts_in_text = true;
  const auto other = listen_to(*engine, together);
  EXPECT_EQ(other->wait(), Finish::stop);
  EXPECT_EQ(other->thought(), "");
  EXPECT_EQ(other->text(), "<think>\nWhy.\n</think>\nSo.");
  EXPECT_EQ(other->events().back().thought_tokens, std::string(">\nWhy.\n</think>").size());
}

TEST(Thought, ABudgetDoesNotCloseWhatTheModelIsClosing) {
  const std::string thought = ">ab</think>";
  const auto engine = says(thought + "So.");
  const auto listener = listen_to(*engine, thinking(static_cast<uint32_t>(thought.size()) - 1));
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->thought(), "ab");
  EXPECT_EQ(listener->text(), "So.");
  EXPECT_EQ(listener->events().back().thought_tokens, thought.size());
}

TEST(Thought, ABudgetClosesItAfterSoManyTokens) {
  const std::string thought = ">0123456789abcde";  // 16 tokens
  const std::string said = thought + std::string(closing.size(), '?') + ">\nYes.";
  const auto engine = says(said);
  const auto listener = listen_to(*engine, thinking(16));
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->thought(), "0123456789abcde");
  EXPECT_EQ(listener->text(), "Yes.");
  const auto last = listener->events().back();
  EXPECT_EQ(last.thought_tokens, 16u);
  EXPECT_EQ(last.completion_tokens, 16 + std::string(">\nYes.").size() + 1);  // what was fed is not drawn
  EXPECT_EQ(last.prompt_tokens, prompt.size());
  EXPECT_THAT(listener->tokens(), testing::Not(testing::Contains('?')));
}

// A stop is the model's own words: neither in what is fed, nor begun by the model and ended by that.
TEST(Thought, NoStopIsLookedForInWhatClosesIt) {
  const std::string thought = ">0123456789abcde";
  const auto engine = says(thought + std::string(closing.size(), '?') + ">\nYes, think.");
  for (const char* stop : {"think", "e\n</", "</think"}) {
    for (const bool together : {false, true}) {
      Question question = thinking(16);
      question.stop = {stop};
      question.input.chat.thoughts_in_text = together;
      const auto listener = listen_to(*engine, question);
      EXPECT_EQ(listener->wait(), Finish::stop);
      const std::string answer = stop == std::string("think") ? "Yes, " : "Yes, think.";
      EXPECT_EQ(listener->thought(), together ? "" : "0123456789abcde") << stop;
      EXPECT_EQ(listener->text(), together ? "<think" + thought + "\n</think>\n" + answer : answer) << stop;
    }
  }
}

TEST(Thought, ThatEndsInTimeIsLeftAlone) {
  const auto engine = says(">12</think>Yes.");
  for (const uint32_t budget : {11u, 12u, 100u}) {
    const auto listener = listen_to(*engine, thinking(budget));
    EXPECT_EQ(listener->wait(), Finish::stop);
    EXPECT_EQ(listener->thought(), "12") << budget;
    EXPECT_EQ(listener->text(), "Yes.") << budget;
  }
}

// In company, and where a step has no room for all that closes the thought at once.
TEST(Thought, ABudgetHoldsInSmallSteps) {
  FakeOptions options;
  options.vocab = 128;
  options.max_rows = 3;
  options.slots = 3;
  options.script.assign(prompt.size() - 1, '.');
  const std::string said = ">abc" + std::string(closing.size(), '?') + ">Yes.";
  options.script.insert(options.script.end(), said.begin(), said.end());
  options.script.push_back(0);
  const auto engine = make_fake_engine(options);
  std::vector<std::shared_ptr<Listener>> all;
  for (int i = 0; i < 5; ++i) all.push_back(listen_to(*engine, thinking(4)));
  for (const auto& listener : all) {
    EXPECT_EQ(listener->wait(), Finish::stop);
    EXPECT_EQ(listener->thought(), "abc");
    EXPECT_EQ(listener->text(), "Yes.");
  }
}

TEST(Thought, TheModelSeesTheClosingAsIfItHadWrittenIt) {
  // Its texts are a hash of all that was fed: the same prompt written out gives the same continuation.
  const auto engine = make_fake_engine({});
  Question question = thinking(3);
  question.max_tokens = 12;
  question.ignore_eos = true;
  const auto bounded = listen_to(*engine, question);
  EXPECT_EQ(bounded->wait(), Finish::length);
  const std::vector<Token> drawn = bounded->tokens();
  ASSERT_EQ(drawn.size(), 12u);
  std::string written = prompt;
  for (int i = 0; i < 3; ++i) written += static_cast<char>(drawn[i]);
  Question spelled = ask(written + closing, 9);
  spelled.sampling.temperature = 0;
  spelled.ignore_eos = true;
  const auto other = listen_to(*engine, spelled);
  EXPECT_EQ(other->wait(), Finish::length);
  EXPECT_EQ(other->tokens(), std::vector<Token>(drawn.begin() + 3, drawn.end()));
}

TEST(Thought, TheEnginesBudgetIsForThoseThatNameNone) {
  FakeOptions model;
  model.vocab = 128;
  model.script.assign(prompt.size() - 1, '.');
  const std::string said = ">abcd" + std::string(closing.size(), '?') + ">Yes.";
  model.script.insert(model.script.end(), said.begin(), said.end());
  model.script.push_back(0);
  EngineOptions options;
  options.model.vocab = "ascii";
  options.thinking_budget = 5;
  const auto engine = make_engine(std::make_unique<FakeModel>(model), ascii_tokenizer(), options, {});
  const auto bounded = listen_to(*engine, thinking({}));
  EXPECT_EQ(bounded->wait(), Finish::stop);
  EXPECT_EQ(bounded->text(), "Yes.");
  const auto free = listen_to(*engine, thinking(1000));
  EXPECT_EQ(free->wait(), Finish::stop);
  EXPECT_EQ(free->text(), "");
  EXPECT_EQ(free->thought(), "abcd" + std::string(closing.size(), '?') + ">Yes.");
}

// A model of the World vocabulary that speaks `bot` and says these tokens.
class BotOfWorld {
 public:
  std::shared_ptr<Listener> say(const std::vector<Token>& tokens, Think think) {
    FakeOptions model;
    model.vocab = 65536;
    EngineOptions options;
    options.model.vocab = "world";
    TemplateChoice bot;
    bot.name = "bot";
    Question question = ask("", 200);
    question.input.messages = {{"user", "hi"}};
    question.input.chat.think = think;
    question.sampling.temperature = 0;
    question.stop = {"never said"};
    const size_t fed = think == Think::off ? 7 : 9;  // "User✿hi✿\nBot✿" or "...<think", behind token 0
    model.script.assign(fed, 33);
    model.script.insert(model.script.end(), tokens.begin(), tokens.end());
    engine_ = make_engine(std::make_unique<FakeModel>(model), tokenizer_, options, {}, bot);
    EXPECT_EQ(engine_->prepare(question.input)->tokens.size(), fed + 1);
    return listen_to(*engine_, question);
  }
  const Tokenizer& tokenizer() const { return *tokenizer_; }

 private:
  const std::shared_ptr<const Tokenizer> tokenizer_ =
      open_tokenizer(FULMAR_SOURCE_DIR "/models/rwkv-world.vocab");
  std::unique_ptr<Engine> engine_;
};

TEST(Thought, IsTheSameInEverySplitOfTokens) {
  BotOfWorld bot;
  std::mt19937 random(5);
  const std::string said = ">\n嗯, 2 < 3.\n</think>\n\n是 \"so\".✿";
  for (int round = 0; round < 40; ++round) {
    std::vector<Token> tokens;
    for (size_t at = 0; at < said.size();) {  // inside of characters too
      const size_t length = round == 0 ? said.size() : 1 + random() % (round == 1 ? 1 : 6);
      for (const Token token : bot.tokenizer().encode(said.substr(at, length))) tokens.push_back(token);
      at += length;
    }
    const auto listener = bot.say(tokens, Think::open);
    EXPECT_EQ(listener->wait(), Finish::stop);
    EXPECT_EQ(listener->thought(), "嗯, 2 < 3.");
    EXPECT_EQ(listener->text(), "是 \"so\".");
  }
}

TEST(Thought, AnEndThatIsOneTokenEndsTheTurn) {
  BotOfWorld bot;
  const auto listener = bot.say(bot.tokenizer().encode("Hello✿"), Think::off);
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->text(), "Hello");
  EXPECT_EQ(listener->tokens().back(), 10060);
}

}  // namespace
}  // namespace fulmar
