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
  folder.generation_config = TextFile{"g.json", R"({"top_p": "much"})"};
  folder.fake_think_generation_config = TextFile{"m/fake.json", R"({"top_p": 0.28, "temperature": 1e30})"};
  folder.tools_generation_config = TextFile{"m/tools.json", R"({"top_p": 0.76, "penalty_decay": 0.996})"};
  testing::internal::CaptureStderr();
  const std::vector<SamplingProfile> profiles = profiles_of(folder);
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      testing::AllOf(testing::HasSubstr("g.json: top_p is no number; it is passed over"),
                     testing::HasSubstr(
                         "m/fake.json: temperature is 1e+30, it must be from 0 to 2; it is passed over")));
  ASSERT_EQ(profiles.size(), 2u);
  EXPECT_EQ(profiles[0].sampling.temperature, 1.0f);
  EXPECT_EQ(profiles[0].name, "fake");
  EXPECT_EQ(profiles[0].sampling.top_p, 0.28f);
  EXPECT_EQ(profiles[1].name, "tools");
  EXPECT_EQ(profiles[1].sampling.rule, PenaltyRule::rapid);
  const Found found = describe_profiles(folder, profiles);
  EXPECT_EQ(found.what, "fake, tools");
  EXPECT_EQ(found.where, "m/fake.json, tools.json");
}

TEST(ModelProfiles, EachIsToldWhereItWasFound) {
  ModelFolder folder;
  folder.generation_config = TextFile{"m.gguf: fulmar.generation_config", R"({"top_p": 0.5})"};
  folder.fake_think_generation_config =
      TextFile{"m.gguf: fulmar.fake_think_generation_config", R"({"top_p": 0.5})"};
  folder.tools_generation_config = TextFile{"a: b/tools_generation_config.json", R"({"top_p": 0.5})"};
  EXPECT_EQ(describe_profiles(folder, profiles_of(folder)).where,
            "m.gguf: fulmar.generation_config, fulmar.fake_think_generation_config, a: "
            "b/tools_generation_config.json");
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
