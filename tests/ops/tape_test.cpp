// Tapes are checked, planned and costed before anything runs.
#include "ops/tape.h"

#include <gtest/gtest.h>

#include "fulmar/error.h"
#include "ops/memory.h"

namespace fulmar::ops {
namespace {

// x -> a -> b -> c, each [rows, 64]; a is dead when c is written.
Tape chain() {
  Tape tape;
  const ValueId x = tape.value("x", 64), a = tape.value("a", 64), b = tape.value("b", 64),
                c = tape.value("c", 64);
  tape.inputs = {x};
  tape.outputs = {c};
  const auto linear = [&](ValueId from, ValueId to, const char* name) {
    tape.ops.push_back(Linear{from, to, tape.weight(name, 64, 64, Format::f16)});
  };
  linear(x, a, "first");
  linear(a, b, "second");
  linear(b, c, "third");
  return tape;
}

TEST(Tape, AChainOfValuesNeedsOnlyTwoInMemory) {
  const Tape tape = chain();
  const uint64_t one = 5 * 64 * 4;
  EXPECT_EQ(plan_arena(tape, {5, 1, 1}).bytes, 2 * one);
  EXPECT_EQ(plan_arena(tape, {5, 1, 1}, false).bytes, 4 * one);
}

TEST(Tape, ValuesThatLiveAtOnceNeverShareBytes) {
  const Tape tape = chain();
  const ArenaPlan plan = plan_arena(tape, {7, 1, 1});
  for (const Op& op : tape.ops) {
    const Uses u = uses(tape, op);
    EXPECT_NE(plan.offsets[u.reads[0]], plan.offsets[u.writes[0]]);
  }
}

TEST(Tape, IndependentLinearsSideBySideLeaveEachOthersInputsAlone) {
  Tape tape;
  std::vector<ValueId> x, y;
  for (int i = 0; i < 3; ++i) tape.inputs.push_back(x.emplace_back(tape.value("x", 64)));
  for (int i = 0; i < 3; ++i) {
    tape.outputs.push_back(y.emplace_back(tape.value("y", 64)));
    tape.ops.push_back(Linear{x[i], y[i], tape.weight("w", 64, 64, Format::f16)});
  }
  const ArenaPlan plan = plan_arena(tape, {7, 1, 1});
  for (const ValueId read : x)
    for (const ValueId written : y) EXPECT_NE(plan.offsets[read], plan.offsets[written]);
}

TEST(Tape, ReadingAValueNobodyWroteIsRefused) {
  Tape tape = chain();
  tape.inputs.clear();
  EXPECT_THROW(plan_arena(tape, {1, 1, 1}), Error);
}

TEST(Tape, CheckNamesTheOpWhoseWidthsDoNotFit) {
  Tape tape = chain();
  tape.values[1].width = 32;
  try {
    check(tape);
    FAIL() << "a tape of mismatched widths passed";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("op 0 (linear)"), std::string::npos) << error.what();
  }
}

TEST(Tape, CheckRefusesStateOutOfRange) {
  Tape tape = chain();
  Shift shift{3, 10, 1, {}};
  shift.outputs[0] = {tape.value("y", 64), tape.vector("mix", 64), none};
  tape.ops.push_back(shift);
  tape.state_floats = 73;
  EXPECT_THROW(check(tape), Error);
  tape.state_floats = 74;
  EXPECT_NO_THROW(check(tape));
}

TEST(Tape, CheckRefusesExpertsWithoutScores) {
  Tape tape;
  Experts experts{};
  experts.count = 3;
  experts.active = 2;
  experts.scores = tape.value("scores", 2);
  experts.k = tape.value("k", 64);
  for (uint32_t e = 0; e < 3; ++e) experts.h[e] = tape.value("h", 64);
  tape.ops.push_back(experts);
  EXPECT_NO_THROW(check(tape));
  tape.values[experts.scores].width = 1;
  EXPECT_THROW(check(tape), Error);
  tape.values[experts.scores].width = 2;
  std::get<Experts>(tape.ops[0]).active = 4;
  EXPECT_THROW(check(tape), Error);
}

TEST(Tape, CostCountsWeightsOnceAndActivationsPerRow) {
  const Tape tape = chain();
  const Cost c = cost(tape, tape.ops[0], {3, 1, 1});
  EXPECT_EQ(c.weight_bytes, 64u * 64 * 2);
  EXPECT_EQ(c.activation_bytes, 2u * 3 * 64 * 4);
  EXPECT_EQ(c.flops, 2u * 3 * 64 * 64);
}

TEST(Tape, DumpNamesValuesWeightsAndFormats) {
  const std::string text = dump(chain());
  EXPECT_NE(text.find("second:f16[64,64]"), std::string::npos) << text;
  EXPECT_NE(text.find("b[64] third"), std::string::npos) << text;
}

}  // namespace
}  // namespace fulmar::ops
