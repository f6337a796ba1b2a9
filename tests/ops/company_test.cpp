// What a row of a Linear gives does not depend on the rows computed with it: bit for bit, on every backend.
#include <fmt/format.h>

#include "cpu/linear.h"
#include "harness.h"

namespace fulmar::ops {
namespace {

constexpr uint32_t most = 70;

// One Linear and its weights; programs of any shape.
class Company {
 public:
  Company(Backend& backend, const Tape& permissions, Format format, uint32_t N, uint32_t K)
      : backend_(backend), tape_(permissions), N_(N), K_(K), x_(random_floats(uint64_t{most} * K, 3)) {
    tape_.inputs = {tape_.value("x", K)};
    tape_.outputs = {tape_.value("y", N)};
    tape_.ops = {Linear{tape_.inputs[0], tape_.outputs[0], tape_.weight("w", N, K, format)}};
    const std::vector<float> values = random_floats(uint64_t{N} * K, 7);
    std::vector<std::byte> encoded(info(format).matrix_bytes(N, K));
    for (uint32_t n = 0; n < N; ++n)
      info(format).encode_row(encoded.data(), N, K, n, values.data() + uint64_t{n} * K);
    weights_ = backend.allocate(encoded.size(), Where::device);
    backend.upload(*weights_, 0, encoded);
  }

  // Rows [first, first + rows), of which the first `decodes` decode.
  std::vector<float> run(uint32_t first, uint32_t rows, uint32_t decodes) {
    const BatchShape shape{rows, rows, 0, decodes, decodes < rows};
    auto& [arena, program] = programs_[shape];
    if (!program) {
      arena = backend_.allocate(plan_arena(tape_, shape).bytes, Where::device);
      Memory memory;
      memory.weights = {{weights_.get(), 0}};
      memory.activations = arena.get();
      program = backend_.compile(tape_, memory, shape);
    }
    std::vector<Segment> segments;
    for (uint32_t i = 0; i < decodes; ++i) segments.push_back({i, i, 1, true});
    if (decodes < rows) segments.push_back({decodes, decodes, rows - decodes});
    const std::span<const float> input = std::span(x_).subspan(uint64_t{first} * K_, uint64_t{rows} * K_);
    program->start({rows, segments, {}, {&input, 1}, decodes});
    const auto y = program->finish()[0];
    return {y.begin(), y.end()};
  }

  // Each row alone, then in batches of all kinds.
  void expect_rows_are_what_they_are_alone() {
    std::vector<float> alone[2];  // of prompts, of rows that decode
    for (uint32_t row = 0; row < most; ++row)
      for (const uint32_t decodes : {0u, 1u}) {
        const std::vector<float> y = run(row, 1, decodes);
        alone[decodes].insert(alone[decodes].end(), y.begin(), y.end());
      }
    for (const uint32_t rows : {2u, 5u, 8u, 9u, 17u, 33u, most})
      for (const uint32_t decodes : {0u, rows / 3, rows}) {
        const std::vector<float> together = run(0, rows, decodes);
        for (uint32_t row = 0; row < rows; ++row)
          for (uint32_t n = 0; n < N_; ++n)
            ASSERT_EQ(together[row * N_ + n], alone[row < decodes][row * N_ + n])
                << rows << " rows of which " << decodes << " decode: row " << row << ", output " << n;
      }
  }

 private:
  Backend& backend_;
  Tape tape_;
  uint32_t N_, K_;
  std::vector<float> x_;
  std::unique_ptr<Buffer> weights_;
  std::map<BatchShape, std::pair<std::unique_ptr<Buffer>, std::unique_ptr<Program>>> programs_;
};

struct LinearShape {
  uint32_t N, K;
};

TEST_P(OpTest, RowsOfReproducibleTapesAreTheSameInAnyCompany) {
  const bool cpu = backend_->caps().host_memory;
  Tape tape;
  tape.half_inputs = GetParam().half_inputs;
  tape.reproducible = true;
  for (const Format format : matrix_formats()) {
    const bool often = format == Format::f16 || format == Format::q4_0;
    if (!cpu && format != Format::q4_0) continue;  // the others' kernels differ in decoding only
    for (const LinearShape shape : {LinearShape{67, 1024}, {211, 160}, {29, 104}, {9, 8}, {50, 5632}}) {
      if (shape.K % info(format).block || (!(often && cpu) && shape.K != 1024)) continue;
      SCOPED_TRACE(fmt::format("{} [{},{}]", info(format).name, shape.N, shape.K));
      Company(*backend_, tape, format, shape.N, shape.K).expect_rows_are_what_they_are_alone();
      if (HasFatalFailure()) return;
    }
  }
}

// The seed's promise holds without --reproducible where the kernels have as many classes as lanes anyway.
TEST_P(OpTest, RowsOnTheCpuAreTheSameInAnyCompany) {
  if (!backend_->caps().host_memory) GTEST_SKIP() << "promised with --reproducible only";
  if (cpu::sum_classes(false) != cpu::sum_classes(true)) GTEST_SKIP() << "likewise with 16 lanes";
  for (const Format format : {Format::f16, Format::q4_0})
    Company(*backend_, Tape(), format, 67, 1024).expect_rows_are_what_they_are_alone();
}

}  // namespace
}  // namespace fulmar::ops
