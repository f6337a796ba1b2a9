// States of a trained model: what a session, a prefix and a move to another device change in what it says (nothing).
#include <gtest/gtest.h>

#include <cmath>

#include "engine/fake_model.h"
#include "model/made_model.h"

namespace fulmar {
namespace {

std::unique_ptr<Engine> demo(const std::string& strategy, uint64_t prefix_cache = 0,
                             std::shared_ptr<StateStore> sessions = nullptr) {
  EngineOptions options;
  options.model.file = FULMAR_SOURCE_DIR "/models/fulmar-demo.safetensors";
  options.model.strategy = strategy;
  options.model.slots = 4;
  options.model.step_tokens = 48;
  options.prefix_cache = prefix_cache;
  options.sessions = std::move(sessions);
  return Engine::create(options);
}

Question chat(std::vector<ChatMessage> messages, uint64_t seed = 0) {
  Question question = ask("", 40, seed);
  question.input.messages = std::move(messages);
  if (seed == 0) question.sampling.temperature = 0;
  return question;
}

// The turn of a session: all of a conversation's messages where it is new, else the last.
std::string turn(Engine& engine, const std::string& session, const ChatMessage& message) {
  Question question = chat({message});
  question.input.chat.continues = true;
  question.continued = engine.prepare(question.input);
  question.input.chat.continues = false;
  Stream stream;
  stream.from = stream.keep = session;
  question.streams = {stream};
  const auto listener = listen_to(engine, question);
  EXPECT_EQ(listener->wait(), Finish::stop) << listener->error();
  return listener->text();
}

const char* const questions[] = {"The fruit I like most is plum.", "What is 23 + 45?", "Tell me my favourite fruit.",
                                 "Reverse \"fulmar\".", "What is 7 + 8?", "Tell me my favourite fruit."};

TEST(ModelStates, ASessionSaysWhatTheWholeConversationWould) {
  const auto engine = demo("cpu fp32");
  std::vector<ChatMessage> history;
  for (int round = 0; round < 4; ++round)
    for (const char* asked : questions) {
      history.push_back({"user", asked});
      const auto listener = listen_to(*engine, chat(history));
      EXPECT_EQ(listener->wait(), Finish::stop);
      EXPECT_EQ(turn(*engine, "s", history.back()), listener->text()) << history.size();
      history.push_back({"assistant", listener->text()});
    }
}

TEST(ModelStates, MoveBetweenDevices) {
  if (!test::has_vulkan()) GTEST_SKIP() << "no Vulkan device";
  const auto store = StateStore::open({});
  const auto cpu = demo("cpu fp32", 0, store), gpu = demo("vulkan fp32", 0, store);
  const auto alone = demo("cpu fp32");
  for (size_t i = 0; i < std::size(questions); ++i)
    EXPECT_EQ(turn(i % 2 ? *gpu : *cpu, "moves", {"user", questions[i]}), turn(*alone, "stays", {"user", questions[i]}));
  const StatePtr moved = store->find("moves").state, stayed = alone->sessions().find("stays").state;
  ASSERT_TRUE(moved && stayed);
  ASSERT_EQ(moved->model, stayed->model);
  ASSERT_EQ(moved->hash, stayed->hash);
  ASSERT_EQ(moved->unfed, stayed->unfed);
  ASSERT_EQ(moved->floats.size(), stayed->floats.size());
  double most = 0, scale = 0;
  for (size_t i = 0; i < moved->floats.size(); ++i) {
    most = std::max(most, std::abs(double{moved->floats[i]} - double{stayed->floats[i]}));
    scale = std::max(scale, std::abs(double{stayed->floats[i]}));
  }
  EXPECT_LE(most, 1e-4 * std::max(1.0, scale));
}

// On the CPU a row's numbers do not depend on how a prompt is cut, so texts are equal to the bit.
TEST(ModelStates, APrefixThatWasReadBeforeChangesNoText) {
  for (const char* strategy : {"cpu fp32", "cpu fp16q4_0"}) {
    const auto plain = demo(strategy), cached = demo(strategy, 64 << 20);
    std::vector<ChatMessage> history{{"system", "Answer briefly, and remember what you are told."}};
    for (uint64_t seed = 0; seed < 12; ++seed) {
      history.push_back({"user", questions[seed % std::size(questions)]});
      const auto a = listen_to(*plain, chat(history, seed)), b = listen_to(*cached, chat(history, seed));
      ASSERT_NE(a->wait(), Finish::failed);
      ASSERT_NE(b->wait(), Finish::failed);
      EXPECT_EQ(a->tokens(), b->tokens()) << strategy << ", " << seed;
      // A chat's next turn reads the end of the answer before, and what is new.
      const auto last = b->events().back();
      if (seed > 0) {
        EXPECT_LE(last.prompt_tokens - last.cached_tokens, 40u) << seed;
      }
      history.push_back({"assistant", a->text()});
    }
    EXPECT_GT(cached->stats().prefix_hits, 8u);
  }
}

TEST(ModelStates, ChoicesOfOnePromptAreThoseOfAPromptForEach) {
  const auto engine = demo("cpu fp32");
  Question question = chat({{"user", "Tell me a story about a fulmar that could not swim, and begin with its name."}}, 9);
  question.sampling.temperature = 1;
  question.prompt = engine->prepare(question.input);
  std::vector<std::shared_ptr<Listener>> listeners;
  Submission submission{question, {}};
  for (int i = 0; i < 16; ++i) submission.choices.push_back(listeners.emplace_back(std::make_shared<Listener>()));
  engine->submit({submission});
  for (const auto& listener : listeners) ASSERT_NE(listener->wait(), Finish::failed);
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.prompt_tokens - stats.cached_tokens, question.prompt->tokens.size() + 15);
  Submission first{question, {std::make_shared<Listener>()}};
  const auto alone = std::static_pointer_cast<Listener>(first.choices[0]);
  engine->submit({first});
  ASSERT_NE(alone->wait(), Finish::failed);
  EXPECT_EQ(alone->tokens(), listeners[0]->tokens());
}

}  // namespace
}  // namespace fulmar
