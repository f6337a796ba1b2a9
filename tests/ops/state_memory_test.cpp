// States by slot: what is written is read, copies are whole, and no buffer is larger than drivers allocate.
#include "ops/state_memory.h"

#include <gmock/gmock.h>

#include "base/fail.h"
#include "harness.h"

namespace fulmar::ops {
namespace {

using testing::Each;
using testing::ElementsAre;

class StateMemoryTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(All, StateMemoryTest, testing::ValuesIn(candidates()),
                         [](const auto& candidate) { return candidate.param.name; });

Tape tape_of(uint32_t state_floats) {
  Tape tape;
  tape.state_floats = state_floats;
  return tape;
}

std::vector<float> read(StateMemory& states, uint32_t slot) {
  std::vector<float> out(states.floats(), -1.0f);
  states.read(slot, out);
  return out;
}

TEST_P(StateMemoryTest, SlotsBeginAtZeroAndKeepWhatIsWrittenAndCopied) {
  for (const uint32_t floats : {1u, 63u, 64u, 1000u}) {
    const auto states = backend_->make_states(tape_of(floats), 5);
    EXPECT_EQ(states->slots(), 5u);
    ASSERT_EQ(states->floats(), floats);
    for (uint32_t slot = 0; slot < 5; ++slot) EXPECT_THAT(read(*states, slot), Each(0.0f));
    const std::vector<float> a = random_floats(floats, 1), b = random_floats(floats, 2);
    states->write(1, a);
    states->write(4, b);
    states->copy(2, 4);
    states->copy(4, 1);
    states->copy(1, 1);
    EXPECT_EQ(read(*states, 1), a);
    EXPECT_EQ(read(*states, 2), b);
    EXPECT_EQ(read(*states, 4), a);
    EXPECT_THAT(read(*states, 0), Each(0.0f));
    EXPECT_THAT(read(*states, 3), Each(0.0f));
  }
}

TEST_P(StateMemoryTest, RefusesSlotsAndSizesThatAreNotItsOwn) {
  const auto states = backend_->make_states(tape_of(8), 2);
  std::vector<float> eight(8), nine(9);
  EXPECT_THROW(states->copy(2, 0), Error);
  EXPECT_THROW(states->copy(0, 2), Error);
  EXPECT_THROW(states->read(2, eight), Error);
  EXPECT_THROW(states->read(0, nine), Error);
  EXPECT_THROW(states->write(2, eight), Error);
  EXPECT_THROW(states->write(0, nine), Error);
}

TEST_P(StateMemoryTest, ATapeWithoutStatesHasSlotsOfNothing) {
  const auto states = backend_->make_states(tape_of(0), 3);
  states->copy(1, 2);
  states->write(2, {});
  EXPECT_TRUE(read(*states, 2).empty());
}

// Only counts what is asked of it.
class CountingBackend final : public Backend {
 public:
  explicit CountingBackend(uint64_t max_buffer_bytes) { caps_.max_buffer_bytes = max_buffer_bytes; }
  const Caps& caps() const override { return caps_; }
  std::unique_ptr<Buffer> allocate(uint64_t bytes, Where) override {
    struct Counted : Buffer {
      explicit Counted(uint64_t size) { bytes_ = size; }
    };
    mebibytes.push_back(bytes >> 20);
    return std::make_unique<Counted>(bytes);
  }
  std::unique_ptr<Buffer> adopt(std::span<const std::byte>, std::shared_ptr<const void>) override { return nullptr; }
  void upload(Buffer&, uint64_t, std::span<const std::byte>) override {}
  void download(std::span<std::byte>, const Buffer&, uint64_t) override {}
  void copy(Buffer&, uint64_t, const Buffer&, uint64_t, uint64_t) override {}
  std::unique_ptr<Program> compile(const Tape&, const Memory&, const BatchShape&, bool) override { return nullptr; }

  std::vector<uint64_t> mebibytes;

 private:
  Caps caps_;
};

TEST(PlainStates, PiecesStayWithinAGibibyteAndWhatTheDeviceGives) {
  constexpr uint64_t floats = 75 << 20;  // 300 MiB
  CountingBackend ample(~uint64_t{0}), small(uint64_t{700} << 20), tiny(uint64_t{100} << 20);
  const PlainStates states(ample, floats, 7);
  EXPECT_THAT(ample.mebibytes, ElementsAre(900, 900, 300));
  EXPECT_EQ(states.place(2).buffer, states.place(0).buffer);
  EXPECT_NE(states.place(3).buffer, states.place(0).buffer);
  EXPECT_EQ(states.place(4).at, uint64_t{300} << 20);
  PlainStates(small, floats, 3);
  EXPECT_THAT(small.mebibytes, ElementsAre(600, 300));
  PlainStates(tiny, floats, 2);  // the device is asked all the same, and says what it lacks
  EXPECT_THAT(tiny.mebibytes, ElementsAre(300, 300));
}

}  // namespace
}  // namespace fulmar::ops
