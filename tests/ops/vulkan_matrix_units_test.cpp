// Matrix units round inputs to f16: only where a tape allows it, and never to infinity.
#include <gtest/gtest.h>

#if FULMAR_HAS_VULKAN
#include <cmath>
#include <limits>

#include "device_under_test.h"
#include "fulmar/error.h"
#include "vulkan/backend.h"
#include "vulkan/linear_shape.h"
#include "vulkan/self_check.h"

namespace fulmar::vulkan {
namespace {

class MatrixUnitsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (enumerate(why).empty()) GTEST_SKIP() << why;
    try {
      backend_ = make_backend(device_under_test(), MatrixUnits::always);
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  // The one output, W [N, K] full of `w` times rows full of `x`, when all its elements are the same.
  float product(Format format, bool half_inputs, float w, float x) {
    constexpr uint32_t N = 40, K = 96, T = 20;
    const FormatInfo& f = info(format);
    ops::Tape tape;
    tape.half_inputs = half_inputs;
    tape.inputs = {tape.value("x", K)};
    tape.outputs = {tape.value("y", N)};
    tape.ops.push_back(ops::Linear{tape.inputs[0], tape.outputs[0], tape.weight("w", N, K, format)});
    std::vector<std::byte> encoded(f.matrix_bytes(N, K));
    const std::vector<float> row(K, w), rows(T * K, x);
    for (uint32_t n = 0; n < N; ++n) f.encode_row(encoded.data(), N, K, n, row.data());
    const auto weight = backend_->allocate(encoded.size(), ops::Where::device);
    backend_->upload(*weight, 0, encoded);
    const ops::BatchShape shape{T, 1, 0};
    const auto activations = backend_->allocate(ops::plan_arena(tape, shape).bytes, ops::Where::device);
    ops::Memory memory;
    memory.weights = {{weight.get(), 0}};
    memory.activations = activations.get();
    const auto program = backend_->compile(tape, memory, shape);
    const std::span<const float> input(rows);
    const ops::Segment segment{0, 0, T};
    program->start({T, {&segment, 1}, {}, {&input, 1}});
    const auto y = program->finish()[0];
    for (const float value : y) EXPECT_TRUE(value == y[0] || std::isnan(y[0])) << value << " and " << y[0];
    return y[0] / K;
  }

  std::unique_ptr<ops::Backend> backend_;
};

TEST_F(MatrixUnitsTest, PlainKernelsPassTheCheckAtStart) {
  const KernelCheck check = check_kernels(*backend_);
  EXPECT_TRUE(check.right);
  EXPECT_TRUE(check.subnormals_kept);
}

TEST_F(MatrixUnitsTest, InputsAreRoundedOnlyWhereTheTapeAllowsIt) {
  const float x = 1 + 0x1p-12f;  // halfs end at 2^-10
  EXPECT_EQ(product(Format::f16, true, 1, x), 1);
  EXPECT_EQ(product(Format::bf16, true, 1, x), 1);
  EXPECT_EQ(product(Format::f16, false, 1, x), x);
  EXPECT_EQ(product(Format::f32, true, 1, x), x) << "weights kept in f32 ask for f32 arithmetic";
}

TEST_F(MatrixUnitsTest, InputsPastTheRangeOfHalvesStayFinite) {
  EXPECT_EQ(product(Format::f16, true, 0x1p-6f, 1e6f), 65504 * 0x1p-6f);
  EXPECT_EQ(product(Format::f16, true, 0x1p-6f, -1e6f), -65504 * 0x1p-6f);
  EXPECT_EQ(product(Format::bf16, true, 0x1p20f, 0x1p-6f), 65504 * 0x1p-6f);
  EXPECT_EQ(product(Format::i8, true, -1e6f, 0x1p-6f), -65504 * 0x1p-6f);
}

TEST_F(MatrixUnitsTest, InputsThatAreNoNumberMakeNone) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(product(Format::f16, true, 1, none)));
  EXPECT_TRUE(std::isnan(product(Format::q8_0, true, 1, -none)));
}

TEST(VulkanCoopShape, TilesAreWholeProductsAndFitTheDevice) {
  for (const uint32_t subgroup : {8u, 16u, 32u, 64u})
    for (const uint32_t max_workgroup : {256u, 512u, 1024u})
      for (const uint32_t shared_bytes : {32768u, 49152u})
        for (const MatrixTile tile : {MatrixTile{16, 16, 16}, {8, 16, 16}, {8, 8, 16}, {16, 8, 8}})
          for (const bool software : {false, true})
            for (const uint32_t rows : {5u, 9u, 16u, 17u, 40u, 100u, 4096u})
              for (const uint32_t outputs : {1u, 64u, 1024u, 65536u})
                for (const uint32_t K : {32u, 96u, 256u, 8192u})
                  for (const bool one_order : {false, true}) {
                    const LinearDevice device{subgroup, max_workgroup, shared_bytes, software, false, tile};
                    const CoopShape s = coop_shape(rows, outputs, K, device, one_order);
                    EXPECT_LE(s.teams() * subgroup, max_workgroup);
                    EXPECT_EQ(s.rows % (tile.m * s.teams_t), 0u);
                    EXPECT_EQ(s.outputs % (tile.n * s.teams_n), 0u);
                    EXPECT_LE(s.rows / (tile.m * s.teams_t), 2u) << "the kernel has names for two";
                    EXPECT_LE(s.outputs / (tile.n * s.teams_n), 2u) << "the kernel has names for two";
                    EXPECT_EQ(s.step % (tile.k * s.teams_k), 0u);
                    EXPECT_EQ(s.step % 32, 0u) << "whole chunks of every format";
                    EXPECT_TRUE(s.rows == 16 || s.rows < 2 * rows || software || one_order)
                        << "half of the tile would be empty";
                    EXPECT_LE(s.bytes(tile), shared_bytes);
                    if (one_order) {
                      EXPECT_EQ(s.teams_k, 1u);
                    }
                  }
}

}  // namespace
}  // namespace fulmar::vulkan
#endif
