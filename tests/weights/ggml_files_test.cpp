// Files of llama.cpp and rwkv.cpp: names, layouts and blocks come back as BlinkDL's checkpoints have them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "weights/ggml_writers.h"
#include "weights/source.h"

namespace fulmar {
namespace {

using namespace test;

std::vector<float> numbers(const Source& source, std::string_view name) {
  return to_floats(source.load(name));
}

// 1, 2, 3, ... and from where to count.
std::string counted(std::size_t count, float first = 1) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = first + static_cast<float>(i);
  return raw(values);
}

TEST(Gguf, NamesAndLayoutsOfVersion7AreBlinkDLs) {
  const std::string bytes =
      gguf(gguf_model("rwkv7", 2), {{"token_embd.weight", {3, 4}, 0, counted(12)},
                                    {"blk.1.time_mix_lerp_fused.weight", {6, 1, 1, 4}, 0, counted(24)},
                                    {"blk.1.time_mix_w1.weight", {2, 4}, 0, counted(8)},
                                    {"blk.0.time_mix_v0.weight", {4}, 0, counted(4)},
                                    {"blk.1.time_mix_v0.weight", {4}, 0, counted(4, 9)},
                                    {"blk.0.time_mix_value.weight", {1, 4}, 0, counted(4)},
                                    {"blk.1.time_mix_r_k.weight", {4}, 0, counted(4)},
                                    {"blk.1.channel_mix_lerp_k.weight", {4}, 0, counted(4)},
                                    {"blk.1.attn_norm_2.bias", {4}, 0, counted(4)}});
  const TempFile file(bytes, "model.gguf");
  const SourcePtr source = open_weights(file.path());
  EXPECT_EQ(numbers(*source, "blocks.1.att.x_r"), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(numbers(*source, "blocks.1.att.x_g"), (std::vector<float>{21, 22, 23, 24}));
  EXPECT_EQ(source->info("blocks.1.att.x_g")->shape, (Shape{1, 1, 4}));
  EXPECT_EQ(source->info("blocks.1.att.w1")->shape, (Shape{4, 2}));
  EXPECT_EQ(numbers(*source, "blocks.1.att.w1"), (std::vector<float>{1, 5, 2, 6, 3, 7, 4, 8}));
  EXPECT_EQ(source->info("blocks.1.att.r_k")->shape, (Shape{2, 2}));
  EXPECT_EQ(source->info("blocks.1.ffn.x_k")->shape, (Shape{1, 1, 4}));
  EXPECT_EQ(numbers(*source, "blocks.1.ln2.bias"), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_FALSE(source->info("blocks.0.att.v0")) << "a copy of a0 that nothing uses";
  EXPECT_TRUE(source->info("blocks.0.att.value.weight"));
  EXPECT_EQ(numbers(*source, "head.weight"), numbers(*source, "emb.weight")) << "tied weights";
  source->release("blocks.1.att.x_g");
}

TEST(Gguf, NamesAndLayoutsOfVersion6AreBlinkDLs) {
  auto pairs = gguf_model("rwkv6", 2);
  pairs.push_back(gguf_pair("rwkv6.rescale_every_n_layers", 2u));
  const std::string halves = raw(std::vector<uint16_t>{f32_to_f16(0.75f), f32_to_f16(-2)});
  const TempFile file(gguf(pairs, {{"blk.0.time_mix_lerp_fused.weight", {5, 1, 1, 2}, 0, counted(10)},
                                   {"blk.0.time_mix_lerp_x.weight", {2}, 0, counted(2)},
                                   {"blk.0.time_mix_w2.weight", {5, 2, 1}, 0, counted(10)},
                                   {"blk.0.time_mix_first.weight", {1, 2}, 0, counted(2)},
                                   {"blk.0.time_mix_decay.weight", {2}, 0, counted(2)},
                                   {"blk.1.time_mix_output.weight", {1, 2}, 0, counted(2)},
                                   {"blk.2.time_mix_output.weight", {1, 2}, 0, counted(2)},
                                   {"blk.5.channel_mix_value.weight", {1, 2}, 1, halves}}),
                      "model.gguf");
  const SourcePtr source = open_weights(file.path());
  EXPECT_EQ(numbers(*source, "blocks.0.att.time_maa_w"), (std::vector<float>{1, 2}));
  EXPECT_EQ(numbers(*source, "blocks.0.att.time_maa_k"), (std::vector<float>{3, 4}));
  EXPECT_EQ(numbers(*source, "blocks.0.att.time_maa_g"), (std::vector<float>{9, 10}));
  EXPECT_EQ(source->info("blocks.0.att.time_maa_w2")->shape, (Shape{5, 1, 2}));
  EXPECT_EQ(source->info("blocks.0.att.time_decay")->shape, (Shape{1, 1, 2}));
  EXPECT_EQ(source->info("blocks.0.att.time_faaaa")->shape, (Shape{1, 2}));
  // Layer i was divided by 2^(i / 2).
  EXPECT_EQ(numbers(*source, "blocks.1.att.output.weight"), (std::vector<float>{1, 2}));
  EXPECT_EQ(numbers(*source, "blocks.2.att.output.weight"), (std::vector<float>{2, 4}));
  EXPECT_EQ(numbers(*source, "blocks.5.ffn.value.weight"), (std::vector<float>{3, -8}));
  EXPECT_EQ(source->info("blocks.5.ffn.value.weight")->format, Format::f16);
}

TEST(Gguf, EpsilonsAndOtherMetadataAreAnswered) {
  auto pairs = gguf_model();
  pairs.push_back(gguf_pair("rwkv7.attention.layer_norm_epsilon", 1e-5f));
  pairs.push_back(gguf_pair("rwkv7.attention.group_norm_epsilon", 1e-4f));
  const TempFile file(gguf(pairs, {{"token_embd.weight", {1, 2}, 0, counted(2)}}), "model.gguf");
  const SourcePtr source = open_weights(file.path());
  EXPECT_FLOAT_EQ(std::stof(*source->metadata("gn_eps")), 1e-4f);
  EXPECT_EQ(source->metadata("ln_eps"), std::nullopt) << "the usual one";
  EXPECT_EQ(source->metadata("rwkv7.wkv.head_size"), "2");
  EXPECT_EQ(source->metadata("general.architecture"), "rwkv7");
  EXPECT_FALSE(source->vocabulary());
}

TEST(Gguf, TheVocabularyComesBackByteForByte) {
  auto pairs = gguf_model();
  pairs.push_back(gguf_pair("tokenizer.ggml.model", "rwkv"));
  pairs.push_back(gguf_array("tokenizer.ggml.tokens",
                             std::vector<std::string>{"<s>", "a", "\\x00", "\\xff\\xC3", "\\n\\r\\t", "\\\\",
                                                      "\\'", "[PAD7]", "\\x4", "\\"}));
  pairs.push_back(
      gguf_array("tokenizer.ggml.token_type", std::vector<int32_t>{3, 1, 1, 6, 4, 1, 1, 5, 1, 1}));
  pairs.push_back(gguf_pair("tokenizer.ggml.eos_token_id", 0u));
  pairs.push_back(gguf_pair("tokenizer.ggml.eot_token_id", 4u));
  const TempFile file(gguf(pairs, {}), "model.gguf");
  const auto vocabulary = open_weights(file.path())->vocabulary();
  ASSERT_TRUE(vocabulary);
  const std::vector<std::string> expected{
      "", "a", std::string(1, '\0'), "\xff\xc3", "\n\r\t", "\\", "'", "", "x4", "\\"};
  EXPECT_EQ(vocabulary->tokens, expected);
  EXPECT_EQ(vocabulary->end_of_text, 0u);
  EXPECT_EQ(vocabulary->end_of_turn, 4u);
}

// What converters wrote as the end of a text, and what a program must make of it.
TEST(Gguf, TokenZeroEndsATextAndNoTokenWithATextLosesIt) {
  struct Case {
    std::string first;
    std::vector<int32_t> kinds;  // of the first and the last token
    uint32_t eos;
    std::optional<uint32_t> end;
  };
  for (const Case& test : std::vector<Case>{{"<s>", {3, 1}, 0, 0},
                                            {"<s>", {3, 1}, 2, 0},   // llama.cpp's converter, for years
                                            {"<s>", {3, 1}, 1, 0},   // the empty line
                                            {"<s>", {3, 1}, 99, 0},  // outside of the vocabulary
                                            {"<s>", {}, 2, 0},       // kinds not told apart
                                            {"a", {1, 3}, 2, 2},     // a vocabulary of another making
                                            {"a", {1, 1}, 2, std::nullopt},  // all tokens have texts
                                            {"a", {1, 1}, 0, 0}}) {
    auto pairs = gguf_model();
    pairs.push_back(gguf_pair("tokenizer.ggml.model", "rwkv"));
    pairs.push_back(gguf_array("tokenizer.ggml.tokens", std::vector<std::string>{test.first, "\\n\\n", "b"}));
    if (!test.kinds.empty())
      pairs.push_back(
          gguf_array("tokenizer.ggml.token_type", std::vector<int32_t>{test.kinds[0], 1, test.kinds[1]}));
    pairs.push_back(gguf_pair("tokenizer.ggml.eos_token_id", test.eos));
    const TempFile file(gguf(pairs, {}), "model.gguf");
    const auto vocabulary = open_weights(file.path())->vocabulary();
    EXPECT_EQ(vocabulary->end_of_text, test.end) << test.first << ", eos " << test.eos;
    EXPECT_EQ(vocabulary->tokens[1], "\n\n");
    EXPECT_EQ(vocabulary->tokens[0], test.first == "a" ? "a" : "");
  }
}

// A file's blocks as a tensor in the format's own layout, and what they decode to.
TEST(Gguf, BlocksBecomeTheFormatsOwnLayoutWithoutLoss) {
  for (const Format format : matrix_formats()) {
    const GgmlLayout* ggml = info(format).ggml;
    if (!ggml) continue;
    SCOPED_TRACE(info(format).name);
    const uint64_t K = ggml->block * 2, N = 3;
    std::vector<float> values(N * K);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = std::sin(static_cast<float>(i) * 0.37f) * (i % 5 == 0 ? 2.0f : 0.5f);
    std::span<std::byte> encoded;
    const Tensor matrix = make_tensor(format, {N, K}, encoded);
    std::fill(encoded.begin(), encoded.end(), std::byte{0});
    std::string blocks(N * 2 * ggml->bytes, '\0');
    for (uint64_t n = 0; n < N; ++n) {
      info(format).encode_row(encoded.data(), N, K, n, values.data() + n * K);
      ggml->unpack_row(encoded.data(), N, K, n,
                       reinterpret_cast<std::byte*>(blocks.data()) + n * 2 * ggml->bytes);
    }
    auto pairs = gguf_model("rwkv6", 2);
    pairs.push_back(gguf_pair("rwkv6.rescale_every_n_layers", 1u));
    const TempFile file(gguf(pairs, {{"output.weight", {N, K}, ggml->type, blocks},
                                     {"blk.3.channel_mix_value.weight", {N, K}, ggml->type, blocks},
                                     {"blk.0.time_mix_w1.weight", {N, K}, ggml->type, blocks}}),
                        "model.gguf");
    const SourcePtr source = open_weights(file.path());
    const Tensor loaded = source->load("head.weight");
    ASSERT_EQ(loaded.format, format);
    ASSERT_TRUE(std::equal(loaded.data.begin(), loaded.data.end(), encoded.begin(), encoded.end()));
    const std::vector<float> decoded = to_floats(matrix),
                             eightfold = numbers(*source, "blocks.3.ffn.value.weight"),
                             turned = numbers(*source, "blocks.0.att.time_maa_w1");
    EXPECT_EQ(source->load("blocks.3.ffn.value.weight").format, format);
    for (uint64_t n = 0; n < N; ++n)
      for (uint64_t k = 0; k < K; ++k) {
        ASSERT_EQ(eightfold[n * K + k], 8 * decoded[n * K + k]);
        ASSERT_EQ(turned[k * N + n], decoded[n * K + k]);
      }
  }
}

TEST(Ggmf, DecaysAreUncomputedAndFactorsTurnedBack) {
  const float w = std::exp(-std::exp(-1.5f)), u = std::exp(0.25f);
  const std::vector<GgmfTensor> v5{{"blocks.0.att.ln_x.weight", {2}, 0, counted(2)},
                                   {"blocks.0.att.time_mix_k", {2}, 0, counted(2)},
                                   {"blocks.0.att.time_decay", {2, 1, 1}, 0, raw<float>({w, 1})},
                                   {"blocks.0.att.time_first", {2, 1, 1}, 0, raw<float>({u, u})}};
  const TempFile file(ggmf(v5, 100), "model.bin");
  const SourcePtr source = open_weights(file.path());
  EXPECT_EQ(source->metadata("gn_eps"), "1e-5") << "what rwkv.cpp computes v5 with";
  EXPECT_EQ(source->info("blocks.0.att.time_decay")->shape, Shape{2});
  EXPECT_NEAR(numbers(*source, "blocks.0.att.time_decay")[0], -1.5f, 1e-6f);
  EXPECT_EQ(std::exp(numbers(*source, "blocks.0.att.time_decay")[1]), 0.0f) << "a channel that never decays";
  EXPECT_NEAR(numbers(*source, "blocks.0.att.time_first")[1], 0.25f, 1e-6f);
  EXPECT_EQ(source->info("blocks.0.att.time_mix_k")->shape, (Shape{1, 1, 2}));

  const std::vector<GgmfTensor> v4{{"blocks.0.att.time_decay", {2}, 0, raw<float>({-std::exp(0.5f), -1})}};
  file.rewrite(ggmf(v4));
  EXPECT_NEAR(numbers(*open_weights(file.path()), "blocks.0.att.time_decay")[0], 0.5f, 1e-6f);

  const std::vector<GgmfTensor> v7{{"blocks.2.att.x_rwkvag", {6, 1, 2}, 0, counted(12)},
                                   {"blocks.2.att.g2", {2, 3}, 0, counted(6)}};
  file.rewrite(ggmf(v7));
  const SourcePtr seven = open_weights(file.path());
  EXPECT_EQ(seven->metadata("gn_eps"), std::nullopt);
  EXPECT_EQ(numbers(*seven, "blocks.2.att.x_a"), (std::vector<float>{9, 10}));
  EXPECT_EQ(numbers(*seven, "blocks.2.att.g2"), (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

}  // namespace
}  // namespace fulmar
