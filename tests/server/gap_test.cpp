// What stands behind a gap goes into the prompt as the model is trained to read it.
#include "server/harness.h"

namespace fulmar::test {
namespace {

TEST(Suffix, MakesThePromptOfATextWithAGap) {
  Harness harness;
  EXPECT_EQ(harness.client().post("/v1/completions", R"({"prompt":"The sky is ","suffix":" and blue.","max_tokens":1})").status, 200);
  EXPECT_EQ(harness.engine.last_input().text, "✿prefix✿✿suffix✿ and blue.✿middle✿The sky is ");
  EXPECT_EQ(harness.client().post("/v1/completions", R"({"prompt":"The sky is ","suffix":"","max_tokens":1})").status, 200);
  EXPECT_EQ(harness.engine.last_input().text, "The sky is ");
}

}  // namespace
}  // namespace fulmar::test
