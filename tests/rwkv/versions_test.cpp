// Checkpoints of the versions before v7 are told apart, and mean the same by the same name afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "rwkv/checkpoints.h"
#include "rwkv/state.h"

namespace fulmar {
namespace {

using test::MemorySource;

using namespace test::older;

using Value = std::function<double(uint64_t row, uint64_t col)>;

void expect(const Source& canonical, const std::string& name, const Shape& shape, const Value& value) {
  SCOPED_TRACE(name);
  const Tensor tensor = canonical.load(name);
  ASSERT_EQ(tensor.shape, shape);
  EXPECT_EQ(canonical.info(name)->shape, shape);
  EXPECT_EQ(canonical.info(name)->format, tensor.format);
  const std::vector<float> floats = to_floats(tensor);
  for (uint64_t i = 0; i < floats.size(); ++i)
    ASSERT_FLOAT_EQ(floats[i], static_cast<float>(value(i / shape.back(), i % shape.back()))) << i;
}

SourcePtr canonical_of(MemorySource source) {
  const auto file = std::make_shared<MemorySource>(std::move(source));
  return rwkv::canonical(file, rwkv::detect(*file));
}

TEST(Detect, OlderVersionsAreToldApartByTheirTensors) {
  EXPECT_EQ(rwkv::name(rwkv::detect(v4_checkpoint()).version), "v4");
  EXPECT_EQ(rwkv::detect(v4_checkpoint(48)).A, 48u);
  EXPECT_EQ(rwkv::name(rwkv::detect(v6_checkpoint()).version), "v6");
  EXPECT_EQ(rwkv::detect(v6_checkpoint()).Dx, 8u);  // padded
  struct Case {
    Shape decay;
    bool gate;
    const char* version;
  };
  for (const Case& test : std::vector<Case>{{{H}, false, "v5.0"},
                                            {{H, 1, 1}, false, "v5.0"},
                                            {{H}, true, "v5.1"},
                                            {{H, 1, 1}, true, "v5.1"},
                                            {{H, N}, true, "v5.2"},
                                            {{H, N, 1}, true, "v5.2"}}) {
    const rwkv::Config config = rwkv::detect(v5_checkpoint(test.decay, "time_faaaa", test.gate));
    EXPECT_EQ(rwkv::name(config.version), test.version);
    EXPECT_EQ(config.H, H);
    EXPECT_EQ(config.N, N);
  }
}

TEST(Detect, WhatDoesNotFitAnOlderVersionIsNamed) {
  const auto message = [](MemorySource source, const char* name, const Shape& shape) {
    source.add(name, shape);
    try {
      rwkv::detect(source);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_file);
      return std::string(error.what());
    }
    return std::string("was taken");
  };
  using testing::HasSubstr;
  EXPECT_THAT(message(v4_checkpoint(), "blocks.1.att.time_decay", {C + 1}), HasSubstr("[33], expected [32]"));
  EXPECT_THAT(message(v4_checkpoint(), "blocks.0.att.key.weight", {31, C}), HasSubstr("31 rows"));
  EXPECT_THAT(message(v6_checkpoint(), "blocks.0.att.time_maa_w1", {C, 16}), HasSubstr("16 columns"));
  EXPECT_THAT(message(v6_checkpoint(), "blocks.1.att.time_maa_w2", {5, 4, C}),
              HasSubstr("expected [5,3,32]"));
  EXPECT_THAT(message(v6_checkpoint(), "blocks.0.att.time_faaaa", {5, 8}), HasSubstr("does not make the 32"));
  EXPECT_THAT(message(v6_checkpoint(), "blocks.0.att.time_faaaa", {}), HasSubstr("expected one row a head"));
  const MemorySource v5 = v5_checkpoint({H, N}, "time_faaaa", true);
  EXPECT_THAT(message(v5, "blocks.0.att.time_decay", {0, 8}), HasSubstr("expected one row a head"));
  EXPECT_THAT(message(v5, "blocks.0.att.time_decay", {16, 2}), HasSubstr("a head size of 2"));
  EXPECT_THAT(message(v5, "blocks.1.att.time_faaaa", {3, 8}), HasSubstr("expected [4,8]"));
  MemorySource neither = v5;
  neither.tensors.erase("blocks.1.att.time_faaaa");
  EXPECT_THAT(message(neither, "spare", {1}), HasSubstr("blocks.1.att.time_faaaa is missing"));
}

TEST(Canonical, MixesAndDecaysOfV4AreThoseOfTheTape) {
  const SourcePtr canonical = canonical_of(v4_checkpoint(48));
  expect(*canonical, "blocks.1.att.time_mix_k", {C}, [](uint64_t, uint64_t c) { return 1.0 - double(c); });
  expect(*canonical, "blocks.1.ffn.time_mix_r", {C}, [](uint64_t, uint64_t c) { return 1.0 - double(c); });
  expect(*canonical, "blocks.0.att.time_decay", {48},
         [](uint64_t, uint64_t c) { return -std::exp(double(c)); });
  expect(*canonical, "blocks.0.att.time_first", {48}, [](uint64_t, uint64_t c) { return double(c); });
}

TEST(Canonical, HeadsOfV5AreSpreadOverTheirChannels) {
  const Value head = [](uint64_t, uint64_t c) { return double(c / N); };
  const Value channel = [](uint64_t, uint64_t c) { return double(c); };
  const auto decay = [](const Value& x) {
    return [x](uint64_t r, uint64_t c) { return std::exp(-std::exp(x(r, c))); };
  };
  const auto exponential = [](const Value& x) {
    return [x](uint64_t r, uint64_t c) { return std::exp(x(r, c)); };
  };
  struct Case {
    Shape shape;
    const char* first;
    Value decay, faaaa;
  };
  for (const Case& test :
       std::vector<Case>{{{H}, "time_first", decay(head), exponential(head)},
                         {{H, 1, 1}, "time_faaaa", decay(head), head},
                         {{H, N}, "time_faaaa", decay(channel), channel},
                         {{H, N, 1}, "time_first", decay(channel), exponential(channel)}}) {
    const SourcePtr canonical = canonical_of(v5_checkpoint(test.shape, test.first, true));
    expect(*canonical, "blocks.1.att.time_decay", {C}, test.decay);
    expect(*canonical, "blocks.1.att.time_faaaa", {C}, test.faaaa);
  }
}

TEST(Canonical, TheFiveMixesOfV6StandAlone) {
  const SourcePtr canonical = canonical_of(v6_checkpoint());
  const std::string letters = "wkvrg";
  for (uint64_t i = 0; i < 5; ++i) {
    // [C, 5 D] and [5, D, C] in the file; D = 3 is padded to 8.
    expect(*canonical, std::string("blocks.1.att.time_maa_w1.") + letters[i], {8, C},
           [&](uint64_t r, uint64_t c) { return r < 3 ? double(c * 15 + i * 3 + r) : 0.0; });
    expect(*canonical, std::string("blocks.1.att.time_maa_w2.") + letters[i], {C, 8},
           [&](uint64_t r, uint64_t c) { return c < 3 ? double((i * 3 + c) * C + r) : 0.0; });
  }
  expect(*canonical, "blocks.0.att.time_decay_w1", {8, C},
         [](uint64_t r, uint64_t c) { return r < 6 ? double(c * 6 + r) : 0.0; });
}

TEST(Canonical, BlocksOfAFileStayUnlessRowsAreCutOrTurned) {
  MemorySource v6 = v6_checkpoint();
  const auto in_blocks = [&](const std::string& name) {
    const Tensor plain = v6.tensors.at(name);
    std::span<std::byte> bytes;
    Tensor blocks = make_tensor(Format::q8_0, plain.shape, bytes);
    TensorRef matrix = plain;
    if (matrix.shape.size() == 1) matrix.shape.insert(matrix.shape.begin(), 1);
    quantize(matrix, Format::q8_0, matrix.shape[0], matrix.shape[1], bytes);
    v6.tensors[name] = blocks;
    return to_floats(blocks);
  };
  in_blocks("blocks.0.att.key.weight");
  const std::vector<float> decay = in_blocks("blocks.0.att.time_decay_w2");
  const std::vector<float> norm = in_blocks("blocks.0.ln1.weight");
  const auto file = std::make_shared<MemorySource>(v6);
  const SourcePtr canonical = rwkv::canonical(file, rwkv::detect(*file));
  const Tensor key = canonical->load("blocks.0.att.key.weight");
  EXPECT_EQ(key.format, Format::q8_0);
  EXPECT_EQ(key.data.data(), v6.tensors.at("blocks.0.att.key.weight").data.data());
  expect(*canonical, "blocks.0.att.time_decay_w2", {C, 8},
         [&](uint64_t r, uint64_t c) { return c < 6 ? double(decay[c * C + r]) : 0.0; });
  expect(*canonical, "blocks.0.ln1.weight", {C}, [&](uint64_t, uint64_t c) { return double(norm[c]); });
}

TEST(State, EverySequenceStartsWhereTheModelSays) {
  MemorySource v4 = v4_checkpoint();
  const rwkv::Config config4 = rwkv::detect(v4);
  const std::vector<float> start4 = rwkv::initial_state(v4, config4, {1, 2});
  ASSERT_EQ(start4.size(), 5 * C);  // att_x, aa, bb, pp, ffn_x
  for (uint64_t i = 0; i < start4.size(); ++i) EXPECT_EQ(start4[i], i / C == 3 ? -1e30f : 0.0f) << i;

  MemorySource v6 = v6_checkpoint();
  v6.add("blocks.1.att.time_state", {H, N, N});
  const rwkv::Config config = rwkv::detect(v6);
  const SourcePtr canonical = rwkv::canonical(std::make_shared<MemorySource>(v6), config);
  const std::vector<float> start = rwkv::initial_state(*canonical, config, {0, 2});
  const rwkv::LayerState layer = rwkv::layer_state(config, 1);
  ASSERT_EQ(start.size(), 2 * rwkv::layer_state_floats(config));
  for (uint64_t i = 0; i < layer.wkv; ++i) ASSERT_EQ(start[i], 0.0f) << i;
  for (uint64_t h = 0; h < H; ++h)
    for (uint64_t key = 0; key < N; ++key)
      for (uint64_t value = 0; value < N; ++value)  // the file has the value first
        ASSERT_EQ(start[layer.wkv + (h * N + key) * N + value], float((h * N + value) * N + key));
  for (uint64_t i = layer.ffn_x; i < start.size(); ++i) ASSERT_EQ(start[i], 0.0f) << i;

  v6.add("blocks.0.att.time_state", {H, N, N + 1});
  EXPECT_THROW(rwkv::initial_state(v6, config, {0, 2}), Error);
}

}  // namespace
}  // namespace fulmar
