// Loading from a spec: what is cheap is refused first, and what was loaded fits together.
#include "model/load.h"

#include <gmock/gmock.h>

#include "fulmar/error.h"

namespace fulmar {
namespace {

using testing::HasSubstr;

std::string refusal(const ModelSpec& spec) {
  try {
    load_parts(spec);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Loading, AWrongWordIsToldBeforeTheFileIsLookedAt) {
  ModelSpec spec;
  spec.file = "no-such-model.pth";
  EXPECT_THAT(refusal(spec), HasSubstr("no-such-model.pth"));
  ModelSpec misspelt = spec;
  misspelt.strategy = "vulcan fp16";
  EXPECT_THAT(refusal(misspelt), HasSubstr("vulcan"));
  spec.state_order = "sideways";
  EXPECT_THAT(refusal(spec), HasSubstr("sideways"));
}

TEST(Loading, AModelComesWithItsVocabularyAndWhatToSayOfIt) {
  ModelSpec spec;
  spec.file = FULMAR_SOURCE_DIR "/models/fulmar-demo.safetensors";
  spec.strategy = "cpu fp32";
  spec.slots = 2;
  spec.threads = 1;
  const LoadedParts parts = load_parts(spec);
  EXPECT_EQ(parts.model->slots(), 2u);
  EXPECT_LE(parts.tokenizer->size(), static_cast<Token>(parts.model->config().V));
  EXPECT_EQ(parts.tokenizer->bytes(parts.tokenizer->encode("Assistant:").front()).front(), 'A');
  EXPECT_EQ(parts.info.id, "fulmar-demo");
  EXPECT_EQ(parts.info.strategy, "cpu fp32");
  EXPECT_EQ(parts.info.vocab, parts.model->config().V);
  EXPECT_EQ(parts.info.state_bytes, parts.model->state_floats() * 4);
  spec.name = "mine";
  EXPECT_EQ(load_parts(spec).info.id, "mine");
}

}  // namespace
}  // namespace fulmar
