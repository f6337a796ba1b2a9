// What lies beside a model decides how it is spoken to.
#include "engine/model_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"

namespace fulmar {
namespace {

const Tokenizer& world() {
  static const std::shared_ptr<const Tokenizer> tokenizer =
      open_tokenizer(FULMAR_SOURCE_DIR "/models/rwkv-world.vocab");
  return *tokenizer;
}

ModelFolder folder(const char* name, const char* inner = "", const char* text = nullptr) {
  ModelFolder made;
  made.name = name;
  made.inner_name = inner;
  if (text) made.chat_template = TextFile{"x/tokenizer_config.json", text};
  return made;
}

TEST(ModelTemplate, NamesAndFilesAreRead) {
  EXPECT_EQ(template_of(folder("rwkv7-g1h-1.5b"), world(), "").name, "bot");
  EXPECT_EQ(template_of(folder("model-q8_0", "Rwkv7 G1K 2.9B"), world(), "").name, "bot");
  EXPECT_EQ(template_of(folder("rwkv7-g1d-of-mine", "rwkv7-g1k"), world(), "").name, "bot") << "the name inside goes first";
  EXPECT_EQ(template_of(folder("rwkv7-g1k-of-mine", "rwkv7-g1d (rwkv7-g1h)"), world(), "").name, "assistant");
  EXPECT_EQ(template_of(folder("rwkv7-g1h-1.5b"), *open_tokenizer("bytes"), "").name, "assistant");
  EXPECT_EQ(template_of(folder("mine", "", "{{ rwkv_prompt_template }}"), world(), "").name, "bot");
  EXPECT_EQ(template_of(folder("mine", "", "{{ rwkv_prompt_template }}"), world(), "").found,
            "x/tokenizer_config.json");
  EXPECT_EQ(template_of(folder("mine", "", "{{ rwkv_prompt_template }}"), world(), "raven").name, "raven");
}

TEST(ModelTemplate, AnUnknownOneIsSaid) {
  set_log_level("warning");
  testing::internal::CaptureStderr();
  EXPECT_EQ(template_of(folder("mine", "", "<|im_start|>"), world(), "").name, "world");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::AllOf(testing::HasSubstr("x/tokenizer_config.json"),
                                                                    testing::HasSubstr("fingerprint")));
}

}  // namespace
}  // namespace fulmar
