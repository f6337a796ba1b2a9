// RWKV-Infer's words mean what they mean there, and what means nothing is refused by name.
#include "api/infer/load_words.h"

#include <gmock/gmock.h>

#include "fulmar/error.h"

namespace fulmar::api::infer {
namespace {

using testing::HasSubstr;

std::string complaint(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    return error.what();
  }
  return "nothing was refused";
}

TEST(LoadWords, PrecisionsGoToTheFirstDeviceAndStrategiesStay) {
  EXPECT_EQ(strategy_of("bf16"), "auto bf16");
  EXPECT_EQ(strategy_of("INT8"), "auto fp16i8");
  EXPECT_EQ(strategy_of("fp16i8"), "auto fp16i8");
  EXPECT_EQ(strategy_of("bf16i8"), "auto bf16i8");
  for (const char* word : {"fp8", "fp6", "fp5", "nf4"}) EXPECT_EQ(strategy_of(word), std::string("auto fp16") + word);
  for (const char* whole : {"vulkan:1 fp16i8 *20 -> cpu fp32", "cpu fp32", "cpu", "auto"}) EXPECT_EQ(strategy_of(whole), whole);
  const std::string refused = complaint([] { strategy_of("int4"); });
  for (const char* word : {"model_strategy", "bf16", "nf4", "vulkan fp16i8"}) EXPECT_THAT(refused, HasSubstr(word));
}

TEST(LoadWords, ModesAreFoundInLongerWords) {
  for (const char* mode : {"lora", "dora", "bone", "disha", "pissa", "mole", "hybrid", "auto"}) EXPECT_EQ(adapter_mode_of(mode), mode);
  EXPECT_EQ(adapter_mode_of("Bone"), "bone");
  EXPECT_EQ(adapter_mode_of("my-lora-v2"), "lora");
  EXPECT_EQ(adapter_mode_of("lora_bone_hybrid"), "hybrid");
  EXPECT_THAT(complaint([] { adapter_mode_of("ia3"); }), HasSubstr("mole"));
}

TEST(LoadWords, EscapesAreThoseOfPythonsStrings) {
  struct Row {
    std::string written, meant;
  };
  const std::vector<Row> rows = {{"\\n\\n", "\n\n"},
                                 {"\n", "\n"},
                                 {"plain", "plain"},
                                 {"\\\\n", "\\n"},
                                 {"\\t\\r\\a\\b\\f\\v\\'\\\"", "\t\r\a\b\f\v'\""},
                                 {"\\x41\\u00e9\\U0001f600", "A\u00e9\U0001f600"},
                                 {"\\101\\7\\1234", "A\aS4"},
                                 {"\\0", std::string(1, '\0')},
                                 {"\\777", "\u01ff"},
                                 {"a\\\nb", "ab"},
                                 {"\\q\\8", "\\q\\8"},
                                 {"\u00e9\\n", "\u00e9\n"}};
  for (const Row& row : rows) EXPECT_EQ(unescaped(row.written, "endtoken"), row.meant) << row.written;
}

TEST(LoadWords, HalfEscapesAreRefusedByTheirPlace) {
  for (const char* bad : {"a\\", "\\x4", "\\xg1", "\\u12", "\\u+123", "\\ud800", "\\U00110000", "\\U-0000001", "\\N{BULLET}"})
    EXPECT_THAT(complaint([bad] { unescaped(bad, "endtoken"); }), HasSubstr("endtoken")) << bad;
  EXPECT_THAT(complaint([] { unescaped("ab\\x4", "endtoken"); }), HasSubstr("byte 2"));
}

}  // namespace
}  // namespace fulmar::api::infer
