// A model whose device was lost answers as before once it is built again, wherever the loss showed.
#include <gmock/gmock.h>

#include <random>

#include "faults/harness.h"
#include "model/made_model.h"

namespace fulmar::faults {
namespace {

class RebuildFaults : public FaultTest {};

std::shared_ptr<test::MadeModel> tuned() {
  auto model = std::make_shared<test::MadeModel>(test::made_config(3, 64, 96));
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (int layer = 0; layer < 3; ++layer) {
    std::vector<float> state(2 * 32 * 32);
    for (float& x : state) x = normal(random);
    model->tensors["blocks." + std::to_string(layer) + ".att.time_state"] = from_floats(state, {2, 32, 32});
  }
  return model;
}

std::vector<float> answers(Model& model) {
  for (uint32_t slot = 0; slot < 3; ++slot) model.reset_slot(slot);
  return test::logits_of(model);
}

TEST_F(RebuildFaults, AModelAnswersAsBeforeWithItsTunedStateAndOnEveryStrategy) {
  for (const char* strategy : {"vulkan:0 fp32", "vulkan:0 fp32 *1 -> cpu fp32", "vulkan:0 fp32 *1+"})
    for (const char* words : {"lose_submit=60", "lose_wait=60"}) {
      SCOPED_TRACE(std::string(strategy) + ", " + words);
      std::unique_ptr<Model> model;
      std::vector<float> before;
      {
        model = Model::load(test::options_for(strategy), tuned());
        before = answers(*model);
      }
      {
        const Misbehave faults(words);
        model = Model::load(test::options_for(strategy), tuned());
      }
      const auto error = error_of([&] {
        for (int turn = 0; turn < 20; ++turn) answers(*model);
      });
      ASSERT_TRUE(error);
      EXPECT_EQ(error->kind(), ErrorKind::device_lost);
      int checked = 0;
      model->rebuild([&] { ++checked; });
      EXPECT_GT(checked, 10) << "a shutdown can stop it between two weights";
      EXPECT_EQ(answers(*model), before);
    }
}

TEST_F(RebuildFaults, AModelOnADeviceThatStoppedIsNotBuiltAgain) {
  const Setting patience("FULMAR_GPU_TIMEOUT", "0.3");
  std::unique_ptr<Model> model;
  {
    const Misbehave faults("stop=60");
    model = Model::load(test::options_for("vulkan:0 fp32"), tuned());
  }
  const auto lost = error_of([&] {
    for (int turn = 0; turn < 20; ++turn) answers(*model);
  });
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->kind(), ErrorKind::device_lost);
  const auto error = error_of([&] { model->rebuild([] {}); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), testing::HasSubstr("never ended"));
}

}  // namespace
}  // namespace fulmar::faults
