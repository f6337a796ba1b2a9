// Strategy strings mean what the grammar says, and what cannot be run is refused with the way out.
#include "engine/strategy.h"

#include <gtest/gtest.h>

#include "engine/program_cache.h"
#include "fulmar/error.h"

namespace fulmar {
namespace {

TEST(Strategy, FormsThatRun) {
  struct Row {
    const char* text;
    const char* device;
    uint32_t index;
    std::optional<Format> base, matrices;
  };
  for (const Row& row :
       std::initializer_list<Row>{{"", "", 0, {}, {}},
                                  {"cpu", "cpu", 0, {}, {}},
                                  {"cpu fp32", "cpu", 0, {}, {}},
                                  {"vulkan fp16", "vulkan", 0, Format::f16, {}},
                                  {"vulkan:3 bf16", "vulkan", 3, Format::bf16, {}},
                                  {"  vulkan   fp16i8 ", "vulkan", 0, Format::f16, Format::i8},
                                  {"cpu fp32i8", "cpu", 0, {}, Format::i8},
                                  {"cuda i8", "cuda", 0, {}, Format::i8}}) {
    SCOPED_TRACE(row.text);
    const Strategy s = parse_strategy(row.text);
    EXPECT_EQ(s.device, row.device);
    EXPECT_EQ(s.index, row.index);
    EXPECT_EQ(s.base, row.base);
    EXPECT_EQ(s.matrices, row.matrices);
  }
}

TEST(Strategy, FormsThatAreRefused) {
  for (const char* text :
       {"metal fp16", "vulkan fp64", "vulkan:x fp16", "vulkan: fp16", "vulkan fp16 fp16", "vulkan fp16i3",
        "vulkan fp16fp16", "fp16", "cpu fp32 extra", "vulkan:99999999999 fp16"}) {
    SCOPED_TRACE(text);
    try {
      parse_strategy(text);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::misuse);
      EXPECT_NE(std::string(error.what()).find("vulkan fp16"), std::string::npos) << error.what();
    }
  }
  for (const char* text : {"vulkan fp16 *10 -> cpu fp32", "vulkan fp16 *10+", "vulkan *3"}) {
    SCOPED_TRACE(text);
    try {
      parse_strategy(text);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    }
  }
}

TEST(Strategy, ValuesLoraFactorsAndOddRowsKeepTheBaseFormat) {
  const Strategy s = parse_strategy("vulkan fp16i8");
  EXPECT_EQ(choose_format(s, "blocks.0.att.key.weight", Format::f32, 64), Format::i8);
  EXPECT_EQ(choose_format(s, "blocks.0.att.key.weight", Format::f32, 48), Format::f16);
  EXPECT_EQ(choose_format(s, "blocks.0.ffn.value.weight", Format::f32, 64), Format::i8);
  EXPECT_EQ(choose_format(s, "blocks.0.att.value.weight", Format::f32, 64), Format::f16);
  EXPECT_EQ(choose_format(s, "blocks.0.att.w1", Format::f32, 64), Format::f16);
  EXPECT_EQ(choose_format(parse_strategy("cpu fp32"), "head.weight", Format::bf16, 64), Format::bf16);
  EXPECT_EQ(choose_format(parse_strategy("cpu fp32"), "head.weight", Format::f64, 64), Format::f32);
}

TEST(Strategy, Fp32NeverRoundsTheInputsOfMatrixProducts) {
  for (const char* text : {"vulkan fp32", "vulkan fp32i8"})
    for (const Format stored : {Format::f32, Format::f16, Format::bf16})
      EXPECT_FALSE(half_inputs(parse_strategy(text), stored)) << text;
  for (const char* text : {"vulkan fp16", "vulkan bf16", "vulkan fp16i8"})
    EXPECT_TRUE(half_inputs(parse_strategy(text), Format::f32)) << text;
  for (const char* text : {"", "vulkan", "vulkan i8"}) {
    EXPECT_TRUE(half_inputs(parse_strategy(text), Format::bf16)) << text;
    EXPECT_FALSE(half_inputs(parse_strategy(text), Format::f32)) << text;
  }
}

TEST(ProgramCache, BucketsWasteLessThanATurn) {
  for (uint32_t n = 1; n < 5000; ++n) {
    const uint32_t bucket = ProgramCache::bucket(n);
    EXPECT_GE(bucket, n);
    EXPECT_LE(bucket, n + n / 4 + 1);
    EXPECT_EQ(ProgramCache::bucket(bucket), bucket);
  }
  EXPECT_EQ(ProgramCache::bucket(0), 0u);
}

}  // namespace
}  // namespace fulmar
