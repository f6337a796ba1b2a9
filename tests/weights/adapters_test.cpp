// Merged weights against the formulas in float64, for every kind of adapter, several types and awkward ranks.
#include "weights/adapters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weights/adapter_files.h"

namespace fulmar {
namespace {

using test::made, test::MadeTensor, test::MadeTensors, test::TempFile;

const std::string name = "blocks.0.att.key.weight", prefix = "blocks.0.att.key.";

// A row-major matrix in float64.
struct Plain {
  uint64_t rows, cols;
  std::vector<double> values;
  explicit Plain(const MadeTensor& t) : rows(t.shape[0]), cols(t.shape.back()), values(t.values) {}
  double& at(uint64_t r, uint64_t c) { return values[r * cols + c]; }
  double at(uint64_t r, uint64_t c) const { return values[r * cols + c]; }
};

Plain low_rank(Plain W, const Plain& A, const Plain& B, double s) {
  for (uint64_t n = 0; n < W.rows; ++n)
    for (uint64_t c = 0; c < W.cols; ++c)
      for (uint64_t k = 0; k < A.rows; ++k) W.at(n, c) += s * B.at(n, k) * A.at(k, c);
  return W;
}

// One file's tensors and how it is to be read.
struct Given {
  MadeTensors tensors;
  std::string mode;
  float scaling = 2;
};

// A model of one matrix and a vector, and the adapters' files as long as they are needed.
class Merging {
 public:
  Merging(const MadeTensor& matrix, const std::vector<Given>& adapters) {
    model_file_ = std::make_unique<TempFile>(
        test::safetensors_of({{name, matrix}, {"blocks.0.ln1.weight", made({1, 1, 6}, 9)}}),
        "model.safetensors");
    model = open_weights(model_file_->path());
    std::vector<Adapter> list;
    for (const Given& given : adapters) {
      files_.push_back(
          std::make_unique<TempFile>(test::safetensors_of(given.tensors), "adapter.safetensors"));
      list.push_back({files_.back()->path().string(), given.mode, given.scaling});
    }
    merged = adapt(model, list);
  }
  void expect(const Plain& expected, double tolerance) const {
    EXPECT_TRUE(merged->changes(name));
    const std::vector<float> got = to_floats(merged->load(name));
    ASSERT_EQ(got.size(), expected.values.size());
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(static_cast<double>(got[i]), expected.values[i],
                  tolerance * (1 + std::abs(expected.values[i])))
          << "element " << i;
  }
  SourcePtr model;
  std::shared_ptr<const AdaptedSource> merged;

 private:
  std::unique_ptr<TempFile> model_file_;
  std::vector<std::unique_ptr<TempFile>> files_;
};

constexpr double exact = 2e-6;

TEST(Lora, AddsTheScaledProductForEveryRank) {
  for (const uint64_t r : {1, 3, 4, 5, 16, 70})
    for (const float s : {2.0f, 0.5f, -1.25f}) {
      const MadeTensor W = made({77, 130}, 1), A = made({r, 130}, 2), B = made({77, r}, 3);
      const Merging merging(W, {{{{prefix + "lora_A", A}, {prefix + "lora_B", B}}, "lora", s}});
      merging.expect(low_rank(Plain(W), Plain(A), Plain(B), static_cast<double>(s)), exact * 4);
    }
}

TEST(Lora, MatricesWiderThanATileAreMergedToTheEnd) {
  const MadeTensor W = made({9, 2500}, 1), A = made({6, 2500}, 2), B = made({9, 6}, 3);
  const Merging merging(W, {{{{prefix + "lora_A", A}, {prefix + "lora_B", B}}, "", 2}});
  merging.expect(low_rank(Plain(W), Plain(A), Plain(B), 2), exact);
}

TEST(Lora, TheResultHasTheModelsTypeWhateverTheAdaptersIs) {
  const struct {
    const char* dtype;
    Format format;
    double tolerance;  // one rounding
  } types[] = {{"F32", Format::f32, exact},
               {"F16", Format::f16, 6e-4},
               {"BF16", Format::bf16, 4.5e-3},
               {"F64", Format::f32, exact}};
  for (const auto& type : types)
    for (const char* adapter : {"F32", "F16", "BF16"}) {
      const MadeTensor W = made({24, 40}, 1, type.dtype), A = made({7, 40}, 2, adapter),
                       B = made({24, 7}, 3, adapter);
      const Merging merging(W, {{{{prefix + "lora_A", A}, {prefix + "lora_B", B}}, "lora", 0.25f}});
      merging.expect(low_rank(Plain(W), Plain(A), Plain(B), 0.25), type.tolerance);
      EXPECT_EQ(merging.merged->load(name).format, type.format) << type.dtype;
      EXPECT_EQ(merging.merged->info(name)->format, type.format) << type.dtype;
    }
}

TEST(Lora, RowsThatNoKernelTakesAreMergedAllTheSame) {
  const MadeTensor W = made({24, 13}, 1, "F16"), A = made({7, 13}, 2), B = made({24, 7}, 3);
  const Merging merging(W, {{{{prefix + "lora_A", A}, {prefix + "lora_B", B}}, "lora", 2}});
  merging.expect(low_rank(Plain(W), Plain(A), Plain(B), 2), 6e-4);
  EXPECT_EQ(merging.merged->load(name).format, merging.merged->info(name)->format);
}

TEST(Lora, NamesOfOtherTrainersMeanTheSame) {
  const MadeTensor W = made({24, 40}, 1), A = made({7, 40}, 2), B = made({24, 7}, 3);
  for (const auto& [before, after] : {std::pair("base_model.model.", ".weight"), std::pair("module.", ""),
                                      std::pair("base_model.model.model.", ".default.weight")}) {
    const std::string full = before + prefix;
    const Merging merging(W, {{{{full + "lora_A" + after, A}, {full + "lora_B" + after, B}}, "lora", 2}});
    merging.expect(low_rank(Plain(W), Plain(A), Plain(B), 2), exact);
  }
}

TEST(Dora, ColumnsGetTheLengthsOfTheMagnitudes) {
  for (const char* mode : {"lora", "dora", ""}) {
    const MadeTensor W = made({33, 65}, 1), A = made({5, 65}, 2), B = made({33, 5}, 3), M = made({1, 65}, 4);
    const Merging merging(
        W, {{{{prefix + "lora_A", A}, {prefix + "lora_B", B}, {prefix + "lora_M", M}}, mode, 1.5f}});
    Plain expected = low_rank(Plain(W), Plain(A), Plain(B), 1.5);
    for (uint64_t c = 0; c < 65; ++c) {
      double squares = 0;
      for (uint64_t n = 0; n < 33; ++n) squares += expected.at(n, c) * expected.at(n, c);
      for (uint64_t n = 0; n < 33; ++n) expected.at(n, c) *= M.values[c] / (std::sqrt(squares) + 1e-6);
    }
    merging.expect(expected, exact);
  }
}

Plain bone(const Plain& W, const MadeTensor& D, uint64_t r) {
  Plain out = W;
  for (uint64_t n = 0; n < W.rows; ++n)
    for (uint64_t c = 0; c < W.cols; ++c) {
      const auto d = [&](uint64_t i) { return D.values[(c / r * r + i) * r + c % r]; };
      for (uint64_t k = 0; k < r; ++k) out.at(n, c) += W.at(n, c / r * r + k) * d(k);
      out.at(n, c) += d(n % r);
    }
  return out;
}

TEST(Bone, BlocksAreMultipliedAndShifted) {
  for (const uint64_t r : {1, 2, 5, 10})
    for (const char* piece : {"bone", "disha"}) {
      const MadeTensor W = made({50, 70}, 1), D = made({70 / r, r, r}, 2);
      const Merging merging(W, {{{{prefix + piece, D}}, "bone", 2}});
      merging.expect(bone(Plain(W), D, r), exact * 4);
    }
}

TEST(Disha, TwoDimensionsAddOneRowForEveryRemainder) {
  for (const uint64_t r : {1, 3, 16, 40, 64})
    for (const char* piece : {"bone", "disha"}) {
      const MadeTensor W = made({50, 40}, 1), D = made({r, 50}, 2);
      const Merging merging(W, {{{{prefix + piece, D}}, "disha", 2}});
      Plain expected(W);
      for (uint64_t n = 0; n < 50; ++n)
        for (uint64_t c = 0; c < 40; ++c) expected.at(n, c) += D.values[c % r * 50 + n];
      merging.expect(expected, exact);
    }
}

TEST(Pissa, TheStartIsTakenAwayWhereverItLies) {
  const MadeTensor W = made({40, 30}, 1), A = made({6, 30}, 2), B = made({40, 6}, 3), A0 = made({5, 30}, 4),
                   B0 = made({40, 5}, 5);
  const MadeTensors trained{{prefix + "lora_A", A}, {prefix + "lora_B", B}},
      start{{prefix + "init_lora_A", A0}, {prefix + "init_lora_B", B0}};
  MadeTensors both = trained;
  both.insert(start.begin(), start.end());
  const Plain expected = low_rank(low_rank(Plain(W), Plain(A0), Plain(B0), -1), Plain(A), Plain(B), 1);
  Merging(W, {{trained, "pissa"}, {start, "pissa"}}).expect(expected, exact);
  Merging(W, {{start, "pissa"}, {trained, "pissa"}}).expect(expected, exact);
  Merging(W, {{both, "pissa"}}).expect(expected, exact);
  Merging(W, {{both, "auto"}}).expect(expected, exact);
}

TEST(Adapters, SeveralAreMergedInTheirOrderWithOneRounding) {
  const MadeTensor W = made({20, 40}, 1, "BF16"), A = made({3, 40}, 2), B = made({20, 3}, 3),
                   D = made({8, 5, 5}, 4);
  const Given lora{{{prefix + "lora_A", A}, {prefix + "lora_B", B}}, "lora", 2},
      block{{{prefix + "bone", D}}, "bone"};
  Merging(W, {lora, block}).expect(bone(low_rank(Plain(W), Plain(A), Plain(B), 2), D, 5), 4.1e-3);
  Merging(W, {block, lora}).expect(low_rank(bone(Plain(W), D, 5), Plain(A), Plain(B), 2), 4.1e-3);
}

TEST(Adapters, WholeTensorsTakeTheModelsPlace) {
  const MadeTensor W = made({8, 6}, 1), norm = made({6}, 7, "BF16"), state = made({2, 3, 3}, 8);
  const Merging merging(W, {{{{"blocks.0.ln1.weight", norm}, {"blocks.0.att.time_state", state}}, "lora"}});
  const auto values = [&](const char* tensor) {
    const std::vector<float> floats = to_floats(merging.merged->load(tensor));
    return std::vector<double>(floats.begin(), floats.end());
  };
  EXPECT_EQ(values("blocks.0.ln1.weight"), norm.values);
  EXPECT_EQ(merging.merged->info("blocks.0.ln1.weight")->shape, (Shape{1, 1, 6})) << "as the model has it";
  EXPECT_EQ(merging.merged->info("blocks.0.ln1.weight")->format, Format::bf16);
  EXPECT_EQ(values("blocks.0.att.time_state"), state.values);
  EXPECT_EQ(merging.merged->names().back(), "blocks.0.att.time_state");
}

TEST(Adapters, UntouchedTensorsStayViewsOfTheModelsFile) {
  const MadeTensor W = made({8, 6}, 1);
  const Merging merging(W, {{{{"blocks.0.ln1.weight", made({6}, 3)}}, ""}});
  EXPECT_FALSE(merging.merged->changes(name));
  EXPECT_EQ(merging.merged->load(name).data.data(), merging.model->load(name).data.data());
}

TEST(Adapters, MergingTwiceGivesTheSameBits) {
  const MadeTensor W = made({300, 200}, 1), A = made({9, 200}, 2), B = made({300, 9}, 3),
                   M = made({1, 200}, 4);
  const Merging merging(W,
                        {{{{prefix + "lora_A", A}, {prefix + "lora_B", B}, {prefix + "lora_M", M}}, "lora"}});
  EXPECT_EQ(to_floats(merging.merged->load(name)), to_floats(merging.merged->load(name)));
}

}  // namespace
}  // namespace fulmar
