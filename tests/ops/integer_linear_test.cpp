// Linear by integers: what is given is what the rounded inputs give, bit for bit the same in any company, and no further
// from what the inputs themselves give than rounding explains.
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "cpu/arranged.h"
#include "cpu/integer_kernels.h"
#include "harness.h"
#include "ops/memory.h"

namespace fulmar::ops {
namespace {

class IntegerLinearTest : public OpTest {
 protected:
  void SetUp() override {
    OpTest::SetUp();
    if (!IsSkipped() && !backend_->caps().host_memory) GTEST_SKIP() << "no integer kernels";
  }
  void TearDown() override {
    cpu::leave_out_dot_instructions(false);
    OpTest::TearDown();
  }
};
INSTANTIATE_TEST_SUITE_P(All, IntegerLinearTest, testing::ValuesIn(candidates()),
                         [](const auto& candidate) { return candidate.param.name; });

std::vector<Format> integer_formats() {
  std::vector<Format> list;
  for (const Format format : matrix_formats())
    if (cpu::rounding(format, Activations::i16) == Activations::i16) list.push_back(format);
  return list;
}

// One Linear with arranged weights.
class One {
 public:
  One(Backend& backend, Format format, uint32_t N, uint32_t K, Activations activations, uint32_t most)
      : backend_(backend), N_(N), K_(K), weights_(uint64_t{N} * K) {
    tape_.activations = activations;
    tape_.inputs = {tape_.value("x", K)};
    tape_.outputs = {tape_.value("y", N)};
    tape_.ops = {Linear{tape_.inputs[0], tape_.outputs[0], tape_.weight("w", N, K, format)}};
    const FormatInfo& f = info(format);
    const std::vector<float> values = random_floats(weights_.size(), 7);
    std::vector<std::byte> encoded(f.matrix_bytes(N, K));
    for (uint32_t n = 0; n < N; ++n) f.encode_row(encoded.data(), N, K, n, values.data() + uint64_t{n} * K);
    for (uint32_t n = 0; n < N; ++n) f.decode_row(encoded.data(), N, K, n, weights_.data() + uint64_t{n} * K);
    buffer_ = backend.allocate(encoded.size() + 64, Where::device);
    arranged_ = backend.upload_arranged(*buffer_, 64, tape_.weights[0], activations, encoded);
    const BatchShape shape{most, 1, 0};
    arena_ = backend.allocate(plan_arena(tape_, shape).bytes, Where::device);
    Memory memory;
    memory.weights = {{buffer_.get(), 64, arranged_}};
    memory.activations = arena_.get();
    program_ = backend.compile(tape_, memory, shape);
  }
  bool arranged() const { return arranged_; }
  std::vector<float> run(std::span<const float> x) {
    const auto rows = static_cast<uint32_t>(x.size() / K_);
    const Segment segment{0, 0, rows};
    program_->start({rows, {&segment, 1}, {}, {&x, 1}});
    const auto y = program_->finish()[0];
    return {y.begin(), y.end()};
  }
  // In double precision; `size` is the sum of the terms' magnitudes.
  double product(std::span<const float> x, uint32_t n, double& size) const {
    double sum = size = 0;
    for (uint32_t k = 0; k < K_; ++k) {
      const double term = static_cast<double>(weights_[uint64_t{n} * K_ + k]) * static_cast<double>(x[k]);
      sum += term;
      size += std::fabs(term);
    }
    return sum;
  }
  // The most that rounding inputs to so many steps on each side takes off a product.
  double bound(std::span<const float> x, uint32_t n, float steps) const {
    double sum = 0;
    for (uint32_t k = 0; k < K_; ++k) {
      float largest = 0;
      for (uint32_t i = k / 32 * 32; i < k / 32 * 32 + 32; ++i) largest = std::max(largest, std::fabs(x[i]));
      sum += std::fabs(static_cast<double>(weights_[uint64_t{n} * K_ + k])) * static_cast<double>(largest / steps) * 0.501;
    }
    return sum;
  }

 private:
  Backend& backend_;
  Tape tape_;
  uint32_t N_, K_;
  std::vector<float> weights_;  // as the format has them
  bool arranged_ = false;
  std::unique_ptr<Buffer> buffer_, arena_;
  std::unique_ptr<Program> program_;
};

// Inputs as 32 that share a scale have them.
std::vector<float> rounded(std::span<const float> x, float steps) {
  std::vector<float> out(x.begin(), x.end());
  for (size_t k = 0; k < out.size(); k += 32) {
    float largest = 0;
    for (size_t i = k; i < k + 32; ++i) largest = std::max(largest, std::fabs(x[i]));
    for (size_t i = k; i < k + 32; ++i) out[i] = std::nearbyint(x[i] * (steps / largest)) * (largest / steps);
  }
  return out;
}

struct LinearShape {
  uint32_t N, K;
};
constexpr LinearShape integer_shapes[] = {{2, 32}, {12, 64}, {33, 96}, {16, 256}, {67, 1024}, {211, 160}, {50, 2304}, {100, 512}};
constexpr uint32_t row_counts[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 17, 31, 40, 70};

void expect_products(One& one, Activations inputs, LinearShape shape) {
  const float steps = inputs == Activations::i8 ? 127.0f : 32767.0f;
  const std::vector<float> x = random_floats(uint64_t{70} * shape.K, 3);
  const std::vector<float> all = one.run(x);
  for (const uint32_t t : {0u, 5u, 8u, 37u, 69u}) {  // the others are compared below
    const auto row = std::span(x).subspan(uint64_t{t} * shape.K, shape.K);
    const std::vector<float> as_rounded = rounded(row, steps);
    for (uint32_t n = 0; n < shape.N; ++n) {
      double size = 0, unused = 0;
      const double wanted = one.product(as_rounded, n, size), got = static_cast<double>(all[t * shape.N + n]);
      ASSERT_NEAR(got, wanted, 1e-5 * size) << "row " << t << ", output " << n;
      ASSERT_NEAR(got, one.product(row, n, unused), one.bound(row, n, steps) + 1e-5 * size)
          << "row " << t << ", output " << n;
    }
  }
  for (const uint32_t rows : row_counts) {
    const std::vector<float> some = one.run(std::span(x).first(uint64_t{rows} * shape.K));
    for (size_t i = 0; i < some.size(); ++i) ASSERT_EQ(some[i], all[i]) << rows << " rows, element " << i;
  }
}

TEST_P(IntegerLinearTest, GivesWhatTheRoundedInputsGiveInAnyCompany) {
  for (const bool without_dots : {false, true}) {
    cpu::leave_out_dot_instructions(without_dots);
    for (const Format format : integer_formats())
      for (const Activations wanted : {Activations::i8, Activations::i16})
        for (const LinearShape shape : integer_shapes) {
          if (shape.K % info(format).block) continue;
          const Activations inputs = cpu::rounding(format, wanted);
          SCOPED_TRACE(fmt::format("{} [{},{}], {} bits{}", info(format).name, shape.N, shape.K,
                                   inputs == Activations::i8 ? 8 : 16, without_dots ? ", without dots" : ""));
          One one(*backend_, format, shape.N, shape.K, wanted, 70);
          ASSERT_TRUE(one.arranged());
          expect_products(one, inputs, shape);
          if (HasFatalFailure()) return;
        }
  }
}

// q8_0 of other programs has codes of -128, and sums are largest where all have one sign.
TEST_P(IntegerLinearTest, TheLargestCodesAndInputsDoNotOverflow) {
  for (const Format format : integer_formats())
    for (const Activations wanted : {Activations::i8, Activations::i16}) {
      const uint32_t N = 16, K = 256;
      Tape tape;
      tape.activations = wanted;
      tape.inputs = {tape.value("x", K)};
      tape.outputs = {tape.value("y", N)};
      tape.ops = {Linear{tape.inputs[0], tape.outputs[0], tape.weight("w", N, K, format)}};
      const FormatInfo& f = info(format);
      std::vector<float> values(K, -1.0f), decoded(K);
      std::vector<std::byte> encoded(f.matrix_bytes(N, K));
      for (uint32_t n = 0; n < N; ++n) f.encode_row(encoded.data(), N, K, n, values.data());
      if (f.name == "q8_0" || f.name == "i8") std::fill_n(encoded.begin(), N * K, std::byte{0x80});
      f.decode_row(encoded.data(), N, K, 3, decoded.data());
      const auto buffer = backend_->allocate(encoded.size(), Where::device);
      const BatchShape shape{9, 1, 0};
      const auto arena = backend_->allocate(plan_arena(tape, shape).bytes, Where::device);
      ASSERT_TRUE(backend_->upload_arranged(*buffer, 0, tape.weights[0], wanted, encoded));
      Memory memory;
      memory.weights = {{buffer.get(), 0, true}};
      memory.activations = arena.get();
      const auto program = backend_->compile(tape, memory, shape);
      const Segment segment{0, 0, 9};
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> x(9 * K, sign);
        const std::span<const float> input(x);
        program->start({9, {&segment, 1}, {}, {&input, 1}});
        double sum = 0;
        for (const float w : decoded) sum += static_cast<double>(w) * static_cast<double>(sign);
        for (const float y : program->finish()[0]) ASSERT_NEAR(y, sum, 1e-4 * std::fabs(sum)) << f.name;
      }
    }
}

TEST_P(IntegerLinearTest, WhatIsNoNumberStaysNone) {
  constexpr uint32_t N = 20, K = 64;
  for (const Activations wanted : {Activations::i8, Activations::i16})
    for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      One one(*backend_, Format::q4_0, N, K, wanted, 3);
      std::vector<float> x(3 * K, 1.0f);
      x[K + 41] = odd;
      const std::vector<float> y = one.run(x);
      for (uint32_t n = 0; n < 3 * N; ++n) EXPECT_EQ(std::isfinite(y[n]), n / N != 1) << n;
    }
}

TEST_P(IntegerLinearTest, OfZerosAndTheSmallestInputsItMakesZeros) {
  constexpr uint32_t N = 20, K = 64;
  for (const Activations wanted : {Activations::i8, Activations::i16}) {
    One one(*backend_, Format::q4_K, N, 256, wanted, 2);
    std::vector<float> x(2 * 256, 0.0f);
    x[K] = std::numeric_limits<float>::denorm_min();
    for (const float y : one.run(x)) EXPECT_NEAR(y, 0.0f, 1e-30f);
  }
}

// | `q4_0` | codes | scale | 4.5 | 0.0859 | 0.0863 | `i8` | 0.0861 |
struct Documented {
  std::string inputs;
  double error;
};
std::map<std::string, Documented> documented() {
  std::map<std::string, Documented> rows;
  std::ifstream file(std::string(FULMAR_SOURCE_DIR) + "/docs/formats.md");
  const auto word = [](const std::string& cell) {
    const size_t begin = cell.find('`') + 1;
    return cell.substr(begin, cell.find('`', begin) - begin);
  };
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells;
    std::istringstream words(line);
    for (std::string cell; std::getline(words, cell, '|');) cells.push_back(cell);
    if (cells.size() == 9 && cells[1].find('`') != cells[1].npos) rows[word(cells[1])] = {word(cells[7]), std::stod(cells[8])};
  }
  return rows;
}

TEST(IntegerLinear, TheTableOfFormatsSaysWhatInputsBecomeAndWhatThatCosts) {
  constexpr uint32_t N = 128, K = 256, T = 128;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> w(N * K), x(T * K);
  for (float& v : w) v = normal(random);
  for (float& v : x) v = normal(random);
  const std::map<std::string, Documented> rows = documented();
  for (const Format format : matrix_formats()) {
    const std::string name(info(format).precision);
    if (format == Format::f32) continue;
    SCOPED_TRACE(name);
    ASSERT_TRUE(rows.contains(name));
    const std::string& inputs = rows.at(name).inputs;
    if (inputs == "f32") {  // the format's own error, which another test measures
      EXPECT_EQ(cpu::rounding(format, Activations::by_format), Activations::f32);
      continue;
    }
    std::vector<std::byte> bytes(info(format).matrix_bytes(N, K));
    std::vector<float> kept(N * K), given = rounded(x, inputs == "i8" ? 127.0f : 32767.0f);
    for (uint32_t n = 0; n < N; ++n) info(format).encode_row(bytes.data(), N, K, n, w.data() + n * K);
    for (uint32_t n = 0; n < N; ++n) info(format).decode_row(bytes.data(), N, K, n, kept.data() + n * K);
    double lost = 0, all = 0;
    for (uint32_t n = 0; n < N; ++n)
      for (uint32_t t = 0; t < T; ++t) {
        double wanted = 0, got = 0;
        for (uint32_t k = 0; k < K; ++k) {
          wanted += static_cast<double>(w[n * K + k]) * static_cast<double>(x[t * K + k]);
          got += static_cast<double>(kept[n * K + k]) * static_cast<double>(given[t * K + k]);
        }
        lost += (got - wanted) * (got - wanted), all += wanted * wanted;
      }
    const double error = std::sqrt(lost / all);
    EXPECT_NEAR(rows.at(name).error, error, error / 50 + 5e-5) << fmt::format("{:.4f}", error);
    // Where the machine has instructions for it.
    const bool bytes_too = cpu::integer_kernels().most_code_bits_of_bytes > 0;
    const std::string by_default = cpu::rounding(format, Activations::by_format) == Activations::i8 ? "i8" : "i16";
    EXPECT_EQ(by_default, bytes_too ? inputs : "i16");
  }
}

TEST(IntegerLinear, InputsHaveEightBitsOnlyWhereTheFormatHidesThat) {
  using cpu::rounding;
  for (const Format format : matrix_formats()) {
    EXPECT_EQ(rounding(format, Activations::f32), Activations::f32) << info(format).name;
    if (rounding(format, Activations::i16) == Activations::f32) {
      EXPECT_EQ(rounding(format, Activations::by_format), Activations::f32) << info(format).name;
    }
  }
  for (const Format format : {Format::i8, Format::q8_0, Format::q6_K, Format::q5_K, Format::q5_0, Format::q5_1})
    EXPECT_EQ(rounding(format, Activations::by_format), Activations::i16) << info(format).name;
  for (const Format format : {Format::f32, Format::f16, Format::bf16, Format::nf4, Format::fp8})
    EXPECT_EQ(rounding(format, Activations::i8), Activations::f32) << info(format).name;
}

}  // namespace
}  // namespace fulmar::ops
