// Strategy strings mean what the grammar says, and what cannot be run is refused with the way out.
#include "model/strategy.h"

#include <gtest/gtest.h>

#include <random>

#include "fulmar/error.h"
#include "model/program_cache.h"

namespace fulmar {
namespace {

StrategyPart part(const char* text) {
  return parse_strategy(text).parts.at(0);
}

TEST(Strategy, FormsThatRun) {
  struct Row {
    const char* text;
    const char* device;
    uint32_t index;
    std::optional<Format> base, matrices;
  };
  for (const Row& row :
       std::initializer_list<Row>{{"cpu", "cpu", 0, {}, {}},
                                  {"cpu fp32", "cpu", 0, {}, {}},
                                  {"vulkan fp16", "vulkan", 0, Format::f16, {}},
                                  {"vulkan:3 bf16", "vulkan", 3, Format::bf16, {}},
                                  {"  vulkan   fp16i8 ", "vulkan", 0, Format::f16, Format::i8},
                                  {"cpu fp32i8", "cpu", 0, {}, Format::i8},
                                  {"CPU FP16I8", "cpu", 0, Format::f16, Format::i8},
                                  {"cuda fp16i4", "cuda", 0, Format::f16, Format::nf4},
                                  {"cpu i4", "cpu", 0, {}, Format::nf4},
                                  {"cuda i8", "cuda", 0, {}, Format::i8}}) {
    SCOPED_TRACE(row.text);
    const Strategy strategy = parse_strategy(row.text);
    ASSERT_EQ(strategy.parts.size(), 1u);
    const StrategyPart& s = strategy.parts[0];
    EXPECT_FALSE(s.layers);
    EXPECT_EQ(s.device, row.device);
    EXPECT_EQ(s.index, row.index);
    EXPECT_EQ(s.base, row.base);
    EXPECT_EQ(s.matrices, row.matrices);
  }
}

TEST(Strategy, FormsThatAreRefused) {
  for (const char* text : {"metal fp16",
                           "mps fp32",
                           "dml fp16",
                           "vulkan fp64",
                           "auto fp64",
                           "auto *3",
                           "auto fp16 *3",
                           "auto fp16 -> cpu",
                           "cpu -> auto",
                           "vulkan:x fp16",
                           "vulkan: fp16",
                           "vulkan fp16 fp16",
                           "vulkan fp16i3",
                           "vulkan fp16fp16",
                           "fp16",
                           "cpu fp32 extra",
                           "vulkan:99999999999 fp16",
                           "-> cpu",
                           "cpu ->",
                           "cpu -> -> cpu",
                           "cpu *",
                           "cpu *+",
                           "cpu *-1",
                           "cpu *3 *4",
                           "cpu *3+ fp32",
                           "cpu *99999999999",
                           "->",
                           "cpu fp32 * 3",
                           "cpu - > cpu"}) {
    SCOPED_TRACE(text);
    try {
      parse_strategy(text);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::misuse);
      EXPECT_NE(std::string(error.what()).find("vulkan fp16"), std::string::npos) << error.what();
    }
  }
}

TEST(Strategy, ARefusalNamesTheWordAndWhereItStands) {
  try {
    parse_strategy("vulkan fp16 *2 -> toaster fp32");
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'toaster' (character 19)"), std::string::npos) << error.what();
  }
}

TEST(Strategy, EveryFormatOfTheTableIsAPrecisionAloneAndBehindABase) {
  for (const Format format : matrix_formats()) {
    const std::string word(info(format).precision);
    if (word.empty() || format == Format::f32 || format == Format::f16 || format == Format::bf16) continue;
    SCOPED_TRACE(word);
    EXPECT_EQ(part(("cpu " + word).c_str()).matrices, format);
    EXPECT_EQ(part(("cpu fp16" + word).c_str()).matrices, format);
    EXPECT_EQ(part(("cpu fp16" + word).c_str()).base, Format::f16);
    EXPECT_EQ(part(("cpu fp32" + word).c_str()).matrices, format);
  }
}

TEST(Strategy, NothingAndAutoLeaveTheChoiceToTheProgram) {
  for (const char* text : {"", "  ", "auto", " Auto "})
    EXPECT_TRUE(parse_strategy(text).parts.empty()) << text;
  EXPECT_TRUE(parse_strategy("auto FP16i8").parts.empty());
  EXPECT_EQ(parse_strategy("auto FP16i8").precision, "fp16i8");
  EXPECT_EQ(to_string(parse_strategy(" Auto  fp16")), "auto fp16");
}

TEST(Strategy, PartsAreJoinedByArrowsWithOrWithoutBlanks) {
  for (const char* text :
       {"vulkan:0 fp16 *20+ -> cpu fp32 *1", "vulkan fp16 *20+->cpu fp32 *1", "vulkan FP16*20+-> cpu fp32*1"})
    EXPECT_EQ(to_string(parse_strategy(text)), "vulkan:0 fp16 *20+ -> cpu fp32 *1") << text;
}

TEST(Strategy, AnyWordsAreEitherRefusedOrShareAllLayers) {
  constexpr const char* pieces[] = {"vulkan", "cpu", "cuda:1", "fp16", "fp32",       "i8",   "fp16i8",
                                    "*0",     "*3",  "*40+",   "->",   "->",         " ",    " ",
                                    " ",      ":",   "*",      "+",    "4294967296", "\xff", "auto"};
  std::mt19937 random(1);
  uint32_t accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (uint32_t left = 1 + random() % 12; left > 0; --left) text += pieces[random() % std::size(pieces)];
    SCOPED_TRACE(text);
    try {
      const Strategy strategy = parse_strategy(text);
      if (strategy.parts.empty()) continue;
      ++accepted;
      EXPECT_EQ(to_string(parse_strategy(to_string(strategy))), to_string(strategy));
      uint32_t units = 0;
      for (const Share& share : share_units(strategy.parts, 33)) {
        EXPECT_LE(share.resident, share.units);
        units += share.units;
      }
      EXPECT_EQ(units, 33u);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::misuse);
    }
  }
  EXPECT_GT(accepted, 100u);
}

// Of a model of 32 layers: 33 units, the last one the head.
TEST(Strategy, LayersAreSharedAsTheGrammarSays) {
  struct Row {
    const char* text;
    std::vector<std::pair<uint32_t, uint32_t>> shares;  // units, resident
  };
  for (const Row& row :
       std::initializer_list<Row>{{"cuda fp16", {{33, 33}}},
                                  {"cuda fp16i8 *20 -> cuda fp16", {{20, 20}, {13, 13}}},
                                  {"cuda fp16i8 *20+", {{33, 20}}},
                                  {"cuda fp16i8 *20 -> cpu fp32", {{20, 20}, {13, 13}}},
                                  {"cuda:0 fp16 *20 -> cuda:1 fp16", {{20, 20}, {13, 13}}},
                                  {"cuda fp16 *12 -> cpu fp32 *1", {{12, 12}, {21, 21}}},
                                  {"cuda fp16i8 *0+ -> cpu fp32 *1", {{32, 0}, {1, 1}}},
                                  {"cuda fp16 -> cuda fp16i8 *10", {{23, 23}, {10, 10}}},
                                  {"cpu -> vulkan -> cpu", {{11, 11}, {11, 11}, {11, 11}}},
                                  {"cpu -> vulkan", {{16, 16}, {17, 17}}},
                                  {"vulkan *40 -> cpu", {{33, 33}, {0, 0}}},
                                  {"vulkan *40+ -> cpu *3", {{33, 33}, {0, 0}}},
                                  {"vulkan *30 -> cpu *30 -> vulkan *1", {{30, 30}, {3, 3}, {0, 0}}},
                                  {"vulkan *4+ -> cpu -> vulkan *2", {{31, 4}, {0, 0}, {2, 2}}},
                                  {"vulkan *4+ -> cpu *5+ -> vulkan *2", {{4, 4}, {27, 5}, {2, 2}}},
                                  {"vulkan *5 -> cpu *0", {{5, 5}, {28, 28}}},
                                  {"vulkan *0 -> cpu", {{0, 0}, {33, 33}}},
                                  {"vulkan *3", {{33, 33}}}}) {
    SCOPED_TRACE(row.text);
    std::vector<std::pair<uint32_t, uint32_t>> got;
    for (const Share& share : share_units(parse_strategy(row.text).parts, 33))
      got.push_back({share.units, share.resident});
    EXPECT_EQ(got, row.shares);
  }
}

TEST(Strategy, ValuesLoraFactorsAndOddRowsKeepTheBaseFormat) {
  const StrategyPart s = part("vulkan fp16i8");
  EXPECT_EQ(choose_format(s, "blocks.0.att.key.weight", Format::f32, 64), Format::i8);
  EXPECT_EQ(choose_format(s, "blocks.0.att.key.weight", Format::f32, 48), Format::f16);
  EXPECT_EQ(choose_format(s, "blocks.0.ffn.value.weight", Format::f32, 64), Format::i8);
  EXPECT_EQ(choose_format(s, "blocks.0.att.value.weight", Format::f32, 64), Format::f16);
  EXPECT_EQ(choose_format(s, "blocks.0.att.w1", Format::f32, 64), Format::f16);
  EXPECT_EQ(choose_format(part("cpu fp32"), "head.weight", Format::bf16, 64), Format::bf16);
  EXPECT_EQ(choose_format(part("cpu fp32"), "head.weight", Format::f64, 64), Format::f32);
}

TEST(Strategy, Fp32NeverRoundsTheInputsOfMatrixProducts) {
  for (const char* text : {"vulkan fp32", "vulkan fp32i8"})
    for (const Format stored : {Format::f32, Format::f16, Format::bf16})
      EXPECT_FALSE(half_inputs(part(text), stored)) << text;
  for (const char* text : {"vulkan fp16", "vulkan bf16", "vulkan fp16i8"})
    EXPECT_TRUE(half_inputs(part(text), Format::f32)) << text;
  for (const char* text : {"cpu", "vulkan", "vulkan i8"}) {
    EXPECT_TRUE(half_inputs(part(text), Format::bf16)) << text;
    EXPECT_FALSE(half_inputs(part(text), Format::f32)) << text;
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
