// A model is spoken to as it was trained, whatever its files say of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "helpers.h"
#include "text/chat_template.h"

namespace fulmar {
namespace {

TemplateChoice pick(const std::string& name, const std::string& text = {}, bool flower = true) {
  return pick_template({name, text, flower}, {});
}

TEST(TemplateChoice, ANameTellsTheGeneration) {
  const struct {
    std::string name, expected;
  } cases[] = {{"rwkv7-g1h-2.9b-20260710-ctx10240", "bot"},
               {"RWKV7-G1K-13.3B-20260930-ctx25600", "bot"},
               {"rwkv7-g1z", "bot"},
               {"rwkv7-g1-0.4b", "assistant"},
               {"rwkv7-g1a3-1.5b", "assistant"},
               {"rwkv7-g1d-0.1b-20260129-ctx8192", "assistant"},
               {"rwkv7-g1g", "assistant"},
               {"rwkv7-g10h-1b", "world"},
               {"rwkv7-g1half", "world"},
               {"bag1h", "world"},
               {"RWKV-x070-World-2.9B-v3-20250211-ctx4096", "assistant"},
               {"rwkv7-world-1.5b", "assistant"},
               {"RWKV-x060-World-1B6-v2.1-20240328-ctx4096", "world"},
               {"RWKV-4-Raven-7B-v12", "raven"},
               {"RWKV-4-Pile-169M-20220807-8023", "pile"},
               {"model", "world"},
               {"", "world"}};
  for (const auto& [name, expected] : cases) {
    EXPECT_EQ(pick(name).name, expected) << name;
    EXPECT_EQ(pick(name).warning, "") << name;
  }
  EXPECT_EQ(pick("rwkv7-g1h", "", false).name, "assistant");  // its ends of turns could not be drawn
}

TEST(TemplateChoice, ATemplateOfTheFolderTellsWhereTheNameDoesNot) {
  const std::string official = "{%- set t = rwkv_prompt_template | default('bot') %}{{ 'User✿' }}";
  EXPECT_EQ(pick("model", official).name, "bot");
  EXPECT_EQ(pick("model", official).warning, "");
  EXPECT_EQ(pick("model", "{{ 'User: ' + m }}{{ '\\n\\nAssistant:' }}").name, "world");
  EXPECT_EQ(pick("model", "{{ 'User: ' + m }}{{ '\\n\\nAssistant: <think' }}").name, "assistant");
  EXPECT_EQ(pick("model", "### User ### Assistant ### Tool Output").name, "function_calling");
  EXPECT_EQ(pick("model", "rwkv-world").name, "world");
  EXPECT_EQ(pick("RWKV7-Goose-World3-1.5B", "rwkv-world").name, "assistant");
  EXPECT_EQ(pick("model", " none\n").name, "none");
  EXPECT_EQ(pick("model", "{% set n = {'user': 'User', 'assistant': 'Assistant'} %}{{ n[m.role] + ': ' }}").name, "world");
  EXPECT_EQ(pick("rwkv7-g1d", official).name, "assistant");
}

TEST(TemplateChoice, AnUnknownTemplateIsNamedWithWhatIsTakenInstead) {
  const std::string chatml = "{{ '<|im_start|>' + message.role }}";
  const TemplateChoice plain = pick("model", chatml);
  EXPECT_EQ(plain.name, "world");
  EXPECT_THAT(plain.warning, testing::HasSubstr("35 bytes"));
  EXPECT_THAT(plain.warning, testing::ContainsRegex("fingerprint [0-9a-f]{8}"));
  EXPECT_THAT(plain.warning, testing::HasSubstr("\"world\" is taken"));
  EXPECT_NE(pick("model", "### User:\n### Assistant:").warning, "");
  EXPECT_NE(pick("model", "<|user|>User<|Assistant|>").warning, "");
  EXPECT_THAT(pick("rwkv7-g1h", chatml).warning, testing::HasSubstr("\"bot\" is taken"));
  EXPECT_EQ(pick("model", chatml + " ").warning, plain.warning);
  EXPECT_NE(pick("model", chatml + "x").warning, plain.warning);
}

TEST(TemplateChoice, WhatTheUserNamesIsTaken) {
  EXPECT_EQ(pick_template({"rwkv7-g1h", "x", true}, "raven").name, "raven");
  EXPECT_EQ(pick_template({"rwkv7-g1h", "x", true}, "raven").warning, "");
  EXPECT_EQ(pick_template({"m", "", false}, "bot").name, "bot");
  EXPECT_THAT(test::thrown(ErrorKind::misuse, [] { pick_template({}, "chatml"); }),
              testing::HasSubstr("no chat template chatml; use one of assistant, bot, function_calling, world"));
}

}  // namespace
}  // namespace fulmar
