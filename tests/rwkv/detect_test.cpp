// A checkpoint is recognised by its tensors, and one that does not fit is refused by a message that names the
// tensor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "rwkv/memory_source.h"

namespace fulmar {
namespace {

using test::MemorySource, test::V7Shape, test::v7_checkpoint;

TEST(Detect, ShapesOfAModelAreReadFromItsTensors) {
  for (const bool long_vectors : {true, false})
    for (const bool first_values : {true, false}) {
      V7Shape shape;
      shape.long_vectors = long_vectors;
      shape.first_values = first_values;
      const rwkv::Config config = rwkv::detect(v7_checkpoint(shape));
      EXPECT_EQ(rwkv::name(config.version), "v7");
      EXPECT_EQ(config.L, 3u);
      EXPECT_EQ(config.C, 32u);
      EXPECT_EQ(config.H, 2u);
      EXPECT_EQ(config.N, 16u);
      EXPECT_EQ(config.V, 11u);
      // Padded to multiples of 8.
      EXPECT_EQ(config.F, 104u);
      EXPECT_EQ(config.Dw, 8u);
      EXPECT_EQ(config.Da, 8u);
      EXPECT_EQ(config.Dv, 8u);
      EXPECT_EQ(config.Dg, 16u);
      EXPECT_EQ(config.head_norm_eps, 64e-5f);
      // 2 VC + 4 C, and a layer: 4 CC + 2 FC + 18 C and the LoRA factors (v0..v2 from layer 1 on).
      const uint64_t C = 32, layer = 4 * C * C + 2 * 100 * C + 18 * C + 2 * C * (5 + 6 + 9),
                     values = C + 2 * C * 3;
      EXPECT_EQ(config.parameters, 2 * 11 * C + 4 * C + 3 * layer + 2 * values);
    }
  V7Shape one;
  one.L = 1;
  EXPECT_EQ(rwkv::detect(v7_checkpoint(one)).Dv, 0u);
}

TEST(Detect, MetadataSetsTheGroupNormEps) {
  MemorySource source = v7_checkpoint();
  for (const auto& [text, eps] : {std::pair("1e-5", 1e-5f), std::pair("0.00064", 64e-5f)}) {
    source.gn_eps = text;
    EXPECT_EQ(rwkv::detect(source).head_norm_eps, eps);
  }
  for (const char* bad : {"x", "1e-5x", " 1e-5", "0", "-1e-5", "inf", "nan", "1e-99", "1e99"}) {
    source.gn_eps = bad;
    try {
      rwkv::detect(source);
      ADD_FAILURE() << bad << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), "model.pth: the metadata's gn_eps is \"" + std::string(bad) +
                                  "\", expected a number above 0");
    }
  }
}

TEST(Detect, WhatDoesNotFitIsNamed) {
  struct Case {
    std::function<void(MemorySource&)> change;
    std::string message;
    ErrorKind kind = ErrorKind::bad_file;
  };
  const auto add = [](const char* name, Shape shape) {
    return [=](MemorySource& source) { source.add(name, shape); };
  };
  const auto remove = [](const char* name) {
    return [=](MemorySource& source) { source.tensors.erase(name); };
  };
  const auto only = [](std::vector<const char*> names) {
    return [=](MemorySource& source) {
      source.tensors.clear();
      for (const char* name : names) source.add(name, {8});
    };
  };
  for (const Case& test : std::vector<Case>{
           {add("blocks.2.att.key.weight", {30, 32}), "blocks.2.att.key.weight is [30,32], expected [32,32]"},
           {add("blocks.1.ffn.value.weight", {100, 32}),
            "blocks.1.ffn.value.weight is [100,32], expected [32,100]"},
           {add("blocks.1.att.w1", {32, 6}), "blocks.1.att.w1 is [32,6], expected [32,5]"},
           {add("blocks.1.att.x_g", {2, 16}), "blocks.1.att.x_g is [2,16], expected [32]"},
           {add("blocks.1.att.x_g", {33}), "blocks.1.att.x_g is [33], expected [32]"},
           {add("blocks.1.att.x_g", {}), "blocks.1.att.x_g is [], expected [32]"},
           {add("emb.weight", {11}), "emb.weight is [11], expected a matrix"},
           {add("emb.weight", {0, 32}), "emb.weight: the vocabulary is 0"},
           {add("head.weight", {12, 32}), "head.weight is [12,32], expected [11,32]"},
           {add("blocks.0.att.r_k", {4, 8}), "a head size of 8 is not a multiple of 16"},
           {add("blocks.0.att.r_k", {2, 24}), "a head size of 24 is not a multiple of 16"},
           {add("blocks.0.att.r_k", {1, 256}), "a head size of 256"},
           {add("blocks.0.att.r_k", {3, 16}), "which does not make the 32 channels"},
           {add("blocks.0.att.w1", {32, 0}), "blocks.0.att.w1: the width is 0"},
           {remove("emb.weight"), "emb.weight is missing"},
           {remove("head.weight"), "head.weight is missing"},
           {remove("blocks.0.ln0.bias"), "blocks.0.ln0.bias is missing"},
           {remove("blocks.1.att.v1"), "blocks.1.att.v1 is missing, but blocks.2.att.v1 is there"},
           {remove("blocks.2.ffn.x_k"), "blocks.2.ffn.x_k is missing, but blocks.0.ffn.x_k is there"},
           {remove("blocks.0.att.r_k"), "blocks.0.att.r_k is missing, but blocks.1.att.r_k is there"},
           {add("blocks.4.ln1.weight", {32}),
            "blocks.3.ln1.weight is missing, but blocks.0.ln1.weight is there"},
           {add("blocks.4000000000.ln1.weight", {32}), "does not name a layer below 1024"},
           {add("blocks.-1.ln1.weight", {32}), "does not name a layer below 1024"},
           {add("blocks.", {32}), "does not name a layer below 1024"},
           {[](MemorySource& s) { s.tensors["emb.weight"].format = Format::i32; },
            "emb.weight holds i32, expected floats"},
           {add("head.bias", {11}), "a head with a bias is not supported;", ErrorKind::unsupported},
           {add("blocks.0.ffn.s_emb.weight", {8}), "blocks.0.ffn.s1 is missing"},
           {add("blocks.0.qkv.qq.weight", {8, 32}), "RWKV v7b", ErrorKind::unsupported},
           {add("blocks.0.rosa.x_q", {32}), "RWKV v8", ErrorKind::unsupported},
           {add("rosa_qkv.emb.weight", {11, 32}), "RWKV v8", ErrorKind::unsupported},
           {add("blocks.1.ffn.enn.weight", {11, 32}), "RWKV v8", ErrorKind::unsupported},
           {add("blocks.0.ln3.weight", {32}), "RWKV v8", ErrorKind::unsupported},
           {add("head_q.weight", {8, 32}), "head QK", ErrorKind::unsupported},
           {add("blocks.2.att.novelty", {32}),
            "blocks.2.att.novelty [32] is there, which RWKV v7 does not have: a model of another kind is not "
            "run",
            ErrorKind::unsupported},
           {add("ln_in.weight", {32}), "ln_in.weight [32] is there", ErrorKind::unsupported},
           {add("blocks.1.att.v3", {32}), "blocks.1.att.v3", ErrorKind::unsupported},
           {add("blocks.1.att.key.lora_A", {8, 32}), "blocks.1.att.key.lora_A", ErrorKind::unsupported},
           {add("moe_info", {2}), "moe_info", ErrorKind::unsupported},
           {[](MemorySource& s) {
              s.add("blocks.0.att.gate.weight", {32, 32});
              s.add("blocks.1.att.gate.weight", {32, 32});
            },
            "blocks.0.att.gate.weight [32,32] and 1 more tensors are there", ErrorKind::unsupported},
           {only({"blocks.0.att.time_maa_x"}), "emb.weight is missing"},
           {only({"model.layers.0.mlp"}),
            "is no RWKV model: blocks.0.att.r_k is missing, and so is blocks.0.att.time_decay (the file has "
            "tensors like model.layers.0"},
           {only({}), "there are no tensors at all"},
       }) {
    MemorySource source = v7_checkpoint();
    test.change(source);
    try {
      rwkv::detect(source);
      ADD_FAILURE() << "expected: " << test.message;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), test.kind) << error.what();
      EXPECT_THAT(error.what(), testing::StartsWith("model.pth: "));
      EXPECT_THAT(error.what(), testing::HasSubstr(test.message));
    }
  }
}

TEST(Detect, WhatTrainersKeepBesideAModelIsPassedOver) {
  MemorySource source = v7_checkpoint();
  for (const char* name :
       {"optimizer.state.0.exp_avg", "rng_state", "blocks.0.att.v0", "blocks.0.att.time_state"})
    source.add(name, {32});
  EXPECT_EQ(rwkv::name(rwkv::detect(source).version), "v7");
}

TEST(Canonical, NumbersStandWhereTheFormulasLookForThem) {
  const auto source = std::make_shared<MemorySource>(v7_checkpoint());
  const rwkv::Config config = rwkv::detect(*source);
  const SourcePtr canonical = rwkv::canonical(source, config);

  const auto expect = [&](const std::string& name, Shape shape,
                          const std::function<float(uint64_t, uint64_t)>& value) {
    SCOPED_TRACE(name);
    const Tensor tensor = canonical->load(name);
    ASSERT_EQ(tensor.shape, shape);
    EXPECT_EQ(canonical->info(name)->shape, shape);
    const std::vector<float> floats = to_floats(tensor);
    const uint64_t cols = shape.back();
    for (uint64_t i = 0; i < floats.size(); ++i) ASSERT_EQ(floats[i], value(i / cols, i % cols)) << i;
  };
  const auto vector = [](uint64_t, uint64_t c) { return static_cast<float>(c); };
  expect("blocks.1.att.x_r", {32}, vector);
  expect("blocks.1.att.r_k", {32}, vector);
  expect("ln_out.bias", {32}, vector);
  // [in, out] transposed, then rows or columns of zeros: w1 is [C=32, 5] in the file, w2 [5, 32].
  expect("blocks.1.att.w1", {8, 32},
         [](uint64_t r, uint64_t c) { return r < 5 ? static_cast<float>(c * 5 + r) : 0.0f; });
  expect("blocks.1.att.w2", {32, 8},
         [](uint64_t r, uint64_t c) { return c < 5 ? static_cast<float>(c * 32 + r) : 0.0f; });
  expect("blocks.2.att.v1", {8, 32},
         [](uint64_t r, uint64_t c) { return r < 3 ? static_cast<float>(c * 3 + r) : 0.0f; });
  expect("blocks.1.ffn.key.weight", {104, 32},
         [](uint64_t r, uint64_t c) { return r < 100 ? static_cast<float>(r * 32 + c) : 0.0f; });
  expect("blocks.1.ffn.value.weight", {32, 104},
         [](uint64_t r, uint64_t c) { return c < 100 ? static_cast<float>(r * 100 + c) : 0.0f; });
  EXPECT_EQ(canonical->label(), "model.pth");
  EXPECT_FALSE(canonical->info("blocks.0.att.v1"));
  EXPECT_THROW(canonical->load("blocks.0.att.v1"), Error);
}

TEST(Canonical, BigMatricesAreNeverCopied) {
  V7Shape shape;
  shape.F = 128;
  const auto source = std::make_shared<MemorySource>(v7_checkpoint(shape));
  const SourcePtr canonical = rwkv::canonical(source, rwkv::detect(*source));
  for (const char* name : {"emb.weight", "head.weight", "blocks.1.att.key.weight", "blocks.1.ffn.key.weight",
                           "blocks.1.ffn.value.weight", "blocks.1.att.x_r", "blocks.1.att.r_k"})
    EXPECT_EQ(canonical->load(name).data.data(), source->load(name).data.data()) << name;
}

TEST(RealModels, AreRecognisedByVersion) {
  const auto models = std::filesystem::path(FULMAR_SOURCE_DIR) / ".." / "shared" / "models";
  if (!std::filesystem::exists(models)) GTEST_SKIP() << "no models at " << models;
  const SourcePtr tiny = open_weights(models / "tiny-rwkv-7v0/tiny-rwkv-7v0-834K.safetensors");
  const rwkv::Config config = rwkv::detect(*tiny);
  EXPECT_EQ(std::vector({config.L, config.C, config.H, config.N, config.F, config.V, config.Dw}),
            std::vector({12u, 64u, 1u, 64u, 256u, 256u, 32u}));
  const SourcePtr canonical = rwkv::canonical(tiny, config);
  for (const std::string& name : canonical->names())
    EXPECT_EQ(canonical->load(name).shape, canonical->info(name)->shape) << name;
  const rwkv::Config reverse =
      rwkv::detect(*open_weights(models / "reverse-rwkv7/reverse-L4-D32-N16-f32.safetensors"));
  EXPECT_EQ(std::vector({reverse.L, reverse.C, reverse.H, reverse.N, reverse.F, reverse.V}),
            std::vector({4u, 32u, 2u, 16u, 128u, 12u}));
  for (const auto& [file, version, H] : {std::tuple("tiny-rwkv-4v0/tiny-rwkv-4v0-660K.pth", "v4", 0u),
                                         std::tuple("tiny-rwkv-5v2/tiny-rwkv-5v2-730K.pth", "v5.2", 8u),
                                         std::tuple("tiny-rwkv-6v0/tiny-rwkv-6v0-1m.pth", "v6", 8u)}) {
    const rwkv::Config older = rwkv::detect(*open_weights(models / file));
    EXPECT_EQ(rwkv::name(older.version), version) << file;
    EXPECT_EQ(older.H, H) << file;
  }
}

}  // namespace
}  // namespace fulmar
