// A model brings the profiles that lie beside it, and what is wrong with one costs no start.
#include "model/model_profiles.h"

#include <gmock/gmock.h>

#include "weights/source.h"

namespace fulmar {
namespace {

TEST(ModelProfiles, EachFileIsOneAndABadOneIsPassedOver) {
  ModelFolder folder;
  EXPECT_TRUE(profiles_of(folder).empty());
  EXPECT_EQ(describe_profiles(folder, {}).what, "");
  folder.generation_config = TextFile{"g.json", R"({"top_p": 7})"};
  folder.fake_think_generation_config = TextFile{"fake.json", R"({"top_p": 0.28})"};
  folder.tools_generation_config = TextFile{"tools.json", R"({"top_p": 0.76, "penalty_decay": 0.996})"};
  const std::vector<SamplingProfile> profiles = profiles_of(folder);
  ASSERT_EQ(profiles.size(), 2u);
  EXPECT_EQ(profiles[0].name, "fake");
  EXPECT_EQ(profiles[0].sampling.top_p, 0.28f);
  EXPECT_EQ(profiles[1].name, "tools");
  EXPECT_EQ(profiles[1].sampling.rule, PenaltyRule::rapid);
  const Found found = describe_profiles(folder, profiles);
  EXPECT_EQ(found.what, "fake, tools");
  EXPECT_EQ(found.where, "fake.json");
}

TEST(ModelProfiles, TheDemoModelBringsItsOwn) {
  const std::string path = FULMAR_SOURCE_DIR "/models/fulmar-demo.safetensors";
  const ModelFolder folder = look_around(path, *open_weights(path));
  const std::vector<SamplingProfile> profiles = profiles_of(folder);
  ASSERT_EQ(profiles.size(), 1u);
  EXPECT_EQ(profiles[0].name, "open");
  EXPECT_EQ(profiles[0].sampling.top_p, 0.3f);
  EXPECT_THAT(describe_profiles(folder, profiles).where, testing::HasSubstr("fulmar-demo.generation_config.json"));
}

}  // namespace
}  // namespace fulmar
