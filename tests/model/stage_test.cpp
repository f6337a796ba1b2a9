// A stage whose backend cannot compile a step is left with no program, rather than with one that may be gone.
#include <gtest/gtest.h>

#include "base/fail.h"
#include "cpu/backend.h"
#include "model/made_model.h"
#include "model/stage.h"

namespace fulmar {
namespace {

// The CPU, which compiles nothing more once it is told so.
class FullBackend final : public ops::Backend {
 public:
  const ops::Caps& caps() const override { return cpu_->caps(); }
  std::unique_ptr<ops::Buffer> allocate(uint64_t bytes, ops::Where where) override {
    return cpu_->allocate(bytes, where);
  }
  std::unique_ptr<ops::Buffer> adopt(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) override {
    return cpu_->adopt(bytes, std::move(owner));
  }
  void upload(ops::Buffer& to, uint64_t at, std::span<const std::byte> from) override { cpu_->upload(to, at, from); }
  void download(std::span<std::byte> to, const ops::Buffer& from, uint64_t at) override {
    cpu_->download(to, from, at);
  }
  void copy(ops::Buffer& to, uint64_t to_at, const ops::Buffer& from, uint64_t from_at, uint64_t bytes) override {
    cpu_->copy(to, to_at, from, from_at, bytes);
  }
  std::unique_ptr<ops::Program> compile(const ops::Tape& tape, const ops::Memory& memory,
                                        const ops::BatchShape& shape, bool timing) override {
    if (full) fail(ErrorKind::out_of_memory, "no room for a program");
    return cpu_->compile(tape, memory, shape, timing);
  }
  bool full = false;

 private:
  std::unique_ptr<ops::Backend> cpu_ = cpu::make_backend(1);
};

TEST(Stage, AStepThatCannotBeCompiledLeavesNoProgramBehind) {
  constexpr uint32_t C = 32;
  FullBackend backend;
  test::MadeModel source(test::made_config(1, C, 64));
  source.tensors["w"] = from_floats(std::vector<float>(C * C, 1.0f), {C, C});
  StagePlan plan;
  ops::Tape& tape = plan.tape;
  tape.inputs = {tape.value("x", C)};
  tape.outputs = {tape.value("y", C)};
  tape.ops.push_back(ops::Linear{tape.inputs[0], tape.outputs[0], tape.weight("w", C, C, Format::f32)});
  const auto activations = backend.allocate(ops::plan_arena(tape, {8, 1, 0}).bytes, ops::Where::device);
  for (const size_t kept : {2, 1}) {  // with one, the program before has made room when the next fails
    auto weights = std::make_unique<WeightStore>(tape, source, backend, [](uint64_t) {});
    Stage stage(plan, backend, std::move(weights), nullptr, 0, *activations, 1, kept);
    const std::vector<float> x(8 * C, 0.5f);
    const std::span<const float> input(x);
    const auto run = [&](uint32_t rows) {
      const ops::Segment all{0, 0, rows};
      stage.start({rows, {&all, 1}, {}, {&input, 1}}, true);
      return stage.finish()[0][0];
    };
    EXPECT_EQ(run(3), C * 0.5f);
    EXPECT_FALSE(stage.times().empty());
    backend.full = true;
    EXPECT_THROW(run(5), Error);
    EXPECT_TRUE(stage.times().empty()) << kept;
    backend.full = false;
    EXPECT_EQ(run(5), C * 0.5f);
  }
}

}  // namespace
}  // namespace fulmar
