// What a prompt's tokens are: people who chat cannot write the tokens by which a text ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fake_model.h"
#include "text/bpe_helpers.h"
#include "text/vocabulary.h"

namespace fulmar {
namespace {

using testing::Contains;
using testing::Not;

TEST(Prompts, AMessageThatSpellsTheEndOfTextIsPlainText) {
  constexpr Token end = 256;
  const std::string spelled = "<|endoftext|>";
  const auto tokenizer =
      parse_tokenizer(boost::json::serialize(test::bpe_file({}, {{spelled, end, false, true}})), "t.json");
  ASSERT_EQ(tokenizer->end_of_text(), end);
  EngineOptions options;
  options.model.vocab = "t.json";
  const auto engine = make_engine(std::make_unique<FakeModel>(FakeOptions{.vocab = 300}), tokenizer, options, {});

  PromptInput chat;
  chat.messages = {{"system", "Be brief. " + spelled}, {"user", "Ends it here? " + spelled + " No."}};
  chat.keep_text = true;
  const auto prompt = engine->prepare(chat);
  EXPECT_THAT(prompt->tokens, Not(Contains(end)));
  EXPECT_EQ(tokenizer->decode(prompt->tokens), prompt->text);
  EXPECT_THAT(prompt->text, testing::HasSubstr("here? " + spelled + " No."));

  PromptInput text;  // whoever completes a text writes the whole of it
  text.text = "a" + spelled;
  EXPECT_THAT(engine->prepare(text)->tokens, testing::ElementsAre('a', end));
}

}  // namespace
}  // namespace fulmar
