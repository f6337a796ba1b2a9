// What a prompt's tokens are: people who chat cannot write the tokens by which a text ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/fake_model.h"
#include "engine/prompt.h"
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

// As of a model that reverses digits and knows no letter.
TEST(Prompts, WhoIsRefusedALetterOfTheTemplateIsToldWhoseItIs) {
  const std::string path = testing::TempDir() + "digits.vocab";
  std::ofstream(path) << "1 '1' 1\n2 '2' 1\n";
  PromptInput input;
  input.messages = {{"user", "12"}};
  try {
    make_prompt(input, *open_tokenizer(path), 3, 100, {});
    ADD_FAILURE() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_EQ(error.param(), "messages");
    EXPECT_NE(std::string_view(error.what()).find("the chat template world makes of them"), std::string_view::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace fulmar
