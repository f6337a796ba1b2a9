// The demo model through the whole engine: what the template opens, the model really closes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/fake_model.h"

namespace fulmar {
namespace {

class DemoChat : public testing::Test {
 protected:
  DemoChat() {
    EngineOptions options;
    options.model.file = FULMAR_SOURCE_DIR "/models/fulmar-demo.safetensors";
    options.model.strategy = "cpu fp32";
    options.model.slots = 4;
    options.model.threads = 1;
    engine_ = Engine::create(options);
  }

  std::string answer(std::vector<ChatMessage> messages, TemplateOptions chat = {}) {
    Question question = ask("", 60);
    question.input.messages = std::move(messages);
    question.input.chat = std::move(chat);
    question.sampling.temperature = 0;
    const auto listener = listen_to(*engine_, question);
    EXPECT_EQ(listener->wait(), Finish::stop);
    return listener->text();
  }

  std::unique_ptr<Engine> engine_;
};

TEST_F(DemoChat, AnAnswerIsWhatWasSaidAndNoMore) {
  EXPECT_EQ(answer({{"user", "The fruit I like most is plum."},
                    {"assistant", "I will remember that your favourite fruit is plum."},
                    {"user", "Tell me my favourite fruit."}}),
            "Your favourite fruit is plum.");
}

TEST_F(DemoChat, ItsTemplateIsFoundBesideIt) {
  EXPECT_EQ(engine_->model().chat_template.what, "world");
  EXPECT_THAT(engine_->model().chat_template.where, testing::EndsWith("fulmar-demo.chat_template.jinja"));
}

TEST_F(DemoChat, AThoughtComesApart) {
  Question question = ask("", 60);
  question.input.messages = {{"user", "What is 23 + 45?"}};
  question.input.chat.think = Think::open;
  question.sampling.temperature = 0;
  const auto listener = listen_to(*engine_, question);
  EXPECT_EQ(listener->wait(), Finish::stop);
  EXPECT_EQ(listener->thought(), "60 + 8");
  EXPECT_EQ(listener->text(), "68");
  EXPECT_GE(listener->events().back().thought_tokens, 3u);
}

TEST_F(DemoChat, AnAnswerThatWasBegunGoesOn) {
  const ChatMessage question{"user", "What is the capital of France?"};
  EXPECT_EQ(answer({question, {"assistant", "The capital of"}}), " France is Paris.");
  EXPECT_EQ(answer({question, {"assistant", "The capital of "}}), "France is Paris.");
}

TEST_F(DemoChat, ChoicesShareAPromptAndNothingElse) {
  Question question = ask("", 60, 5);
  question.input.messages = {{"user", "What is the capital of France?"}};
  question.prompt = engine_->prepare(question.input);
  std::vector<std::shared_ptr<Listener>> listeners;
  Submission submission{question, {}};
  for (int i = 0; i < 4; ++i)
    submission.choices.push_back(listeners.emplace_back(std::make_shared<Listener>()));
  submission.request.sampling.temperature = 0;
  engine_->submit({submission});
  for (const auto& listener : listeners) {
    EXPECT_EQ(listener->wait(), Finish::stop);
    EXPECT_THAT(listener->text(), testing::HasSubstr("Paris"));
    EXPECT_EQ(listener->text(), listeners[0]->text());
  }
}

}  // namespace
}  // namespace fulmar
