// Drivers that give little memory at once and small grids: the slots' states lie in pieces, long steps in several
// launches, and what cannot be cut is refused with the cure.
#include <gmock/gmock.h>

#include "base/fail.h"
#include "faults/harness.h"
#include "model/made_model.h"
#include "vulkan/device.h"

namespace fulmar::faults {
namespace {

using testing::HasSubstr;

class MemoryFaults : public FaultTest {};

// Logits of some tokens in slots far apart, one of them copied to another on the way.
std::vector<float> far_apart(Model& model) {
  const uint32_t last = model.slots() - 1;
  const std::vector<uint32_t> slots = {0, last / 2, last};
  std::vector<float> all;
  for (const uint32_t slot : slots) model.reset_slot(slot);
  for (int32_t turn = 0; turn < 3; ++turn) {
    std::vector<ops::Segment> segments;
    std::vector<int32_t> tokens;
    std::vector<uint32_t> picks;
    for (const uint32_t slot : slots) {
      segments.push_back({slot, static_cast<uint32_t>(tokens.size()), 2});
      tokens.insert(tokens.end(), {turn, static_cast<int32_t>(segments.size())});
      picks.push_back(static_cast<uint32_t>(tokens.size()) - 1);
    }
    const std::span<const float> logits = model.step(tokens, segments, picks);
    all.insert(all.end(), logits.begin(), logits.end());
    if (turn == 0) model.copy_slot(last, 0);
  }
  std::vector<float> state(model.state_floats());
  model.read_slot(last, state);
  all.insert(all.end(), state.begin(), state.end());
  return all;
}

std::unique_ptr<Model> made(uint32_t slots, uint32_t rows) {
  LoadOptions options;
  options.strategy = "vulkan:0 fp32";
  options.slots = slots;
  options.step_tokens = rows;
  return Model::load(options, std::make_shared<test::MadeModel>(test::made_config(6, 64, 128)));
}

TEST_F(MemoryFaults, StatesOfManySlotsLieInPieces) {
  constexpr uint32_t slots = 1000;
  const std::vector<float> few = far_apart(*made(4, 8));
  const auto model = made(slots, slots);
  ASSERT_GT(slots * model->state_floats() * 4, 2 * most_bytes) << "three pieces or more";
  EXPECT_EQ(far_apart(*model), few);
}

TEST_F(MemoryFaults, AStepThatDoesNotFitSaysWhatToDo) {
  const auto error = error_of([] { made(1, 60000); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::out_of_memory);
  EXPECT_THAT(error->what(), HasSubstr("--step-tokens"));
}

TEST_F(MemoryFaults, AWeightThatDoesNotFitIsNamed) {
  LoadOptions options;
  options.strategy = "vulkan:0 fp32";
  options.slots = 1;
  const auto source = std::make_shared<test::MadeModel>(test::made_config(1, 64, 80'000));  // a head of 20 MB
  const auto error = error_of([&] { Model::load(options, source); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::out_of_memory);
  EXPECT_THAT(error->what(), HasSubstr("head.weight"));
  EXPECT_THAT(error->what(), HasSubstr("smaller format"));
}

TEST_F(MemoryFaults, AStepOfMoreRowsThanAGridHasGroupsIsCut) {  // the layer ends the process for a larger launch
  constexpr uint32_t rows = 300;
  static_assert(rows > 2 * most_groups, "the norms' grid has a workgroup a row");
  const auto model = made(2, rows);
  std::vector<int32_t> tokens(rows);
  for (uint32_t i = 0; i < rows; ++i) tokens[i] = static_cast<int32_t>(i * 37 % 128);
  const auto feed = [&](uint32_t slot, uint32_t first, uint32_t count) {
    const ops::Segment segment{slot, 0, count};
    const uint32_t last = count - 1;
    const auto logits = model->step(std::span(tokens).subspan(first, count), {&segment, 1}, {&last, 1});
    return std::vector<float>(logits.begin(), logits.end());
  };
  model->reset_slot(0);
  model->reset_slot(1);
  const std::vector<float> whole = feed(0, 0, rows);
  std::vector<float> piecewise;
  for (uint32_t first = 0; first < rows; first += 100) piecewise = feed(1, first, 100);
  EXPECT_LT(test::largest_difference(whole, piecewise), 1e-4f);
}

// Whether a buffer of each kind can be had from a device of two heaps, the first of which is full.
bool takes_the_second_heap(bool integrated) {
  std::string why;
  const vulkan::Instance* instance = vulkan::Instance::open(why);
  if (!instance) fail(ErrorKind::unsupported, "{}", why);
  vulkan::PhysicalDevice physical = instance->devices().at(0);
  VkPhysicalDeviceMemoryProperties& memory = physical.memory;
  const uint32_t types = memory.memoryTypeCount, heaps = memory.memoryHeapCount;
  require(types == 1 && heaps == 1, "a software device of one heap: {} types, {} heaps", types, heaps);
  memory.memoryTypes[types] = {memory.memoryTypes[0].propertyFlags, heaps};
  memory.memoryHeaps[heaps] = memory.memoryHeaps[0];
  ++memory.memoryTypeCount, ++memory.memoryHeapCount;
  physical.integrated = integrated;
  const Misbehave faults("two_heaps no_memory_in_type=0");
  vulkan::Device device(*instance, physical);
  const auto error = error_of([&] {
    for (const auto kind : {vulkan::MemoryKind::device, vulkan::MemoryKind::arena, vulkan::MemoryKind::upload,
                            vulkan::MemoryKind::readback})
      vulkan::Allocation(device, 1 << 20, kind);
  });
  if (error) {
    EXPECT_EQ(error->kind(), ErrorKind::out_of_memory);
    EXPECT_THAT(error->what(), HasSubstr("has no room for 1 MiB"));
  }
  return !error;
}

// All heaps of an integrated card are the same memory; a discrete one would put weights behind its bus.
TEST_F(MemoryFaults, AFullHeapLeadsToTheNextOneWhereBothAreTheSameMemory) {
  EXPECT_TRUE(takes_the_second_heap(true));
  EXPECT_FALSE(takes_the_second_heap(false));
}

}  // namespace
}  // namespace fulmar::faults
