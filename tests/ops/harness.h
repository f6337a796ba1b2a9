// Runs a small tape on a backend and on the plain twin, on the same random numbers, and compares outputs and
// states.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ops/backend.h"

namespace fulmar::ops {

// Every backend to test, by name; a backend absent from this machine makes its tests skip, saying why.
struct Candidate {
  std::string name;
  std::function<std::unique_ptr<Backend>(std::string& why_none)> make;
  bool half_inputs = false;  // what its tapes allow
  int64_t instructions = 0;  // Highway's targets that the CPU's kernels are chosen from; 0: this machine's
};
std::vector<Candidate> candidates();
// Highway's targets that the CPU's kernels were compiled for and this machine can run, the best first.
std::vector<std::pair<int64_t, std::string>> instruction_sets();
// Lets the CPU's kernels be chosen again, from these targets.
void choose_instructions(int64_t targets);
// The one instance of a candidate for the whole test program; null and a reason where there is none.
Backend* instance(const Candidate& candidate, std::string& why_none);

// One batch: rows per segment; slots are taken in a scattered order, so that a slot is never its segment's
// index.
struct Ragged {
  std::vector<uint32_t> rows;
  uint32_t total() const;
};
std::string to_string(const Ragged& ragged);
std::vector<Ragged> awkward_batches();  // single rows, long rows, mixtures, 1 to 70 rows

// How a value or weight is filled: uniform in [low, high].
struct Range {
  float low = -1, high = 1;
};
std::vector<float> random_floats(uint64_t count, uint32_t seed, Range range = {});

struct Case {
  Tape tape;
  std::vector<Range> input_ranges;   // by tape input; default [-1, 1]
  std::vector<Range> weight_ranges;  // by weight
  Range state_range;
  float tolerance = 1e-5f;  // relative to the largest magnitude of the output compared
};

// Runs two steps in a row (so that states written are read back), with `spare` unused capacity in the
// compiled shape.
void expect_same_as_plain(Backend& backend, const Case& c, const Ragged& batch, uint32_t spare,
                          uint32_t seed);

// The parameterized fixture: TEST_P(OpTest, Name) runs on every candidate.
class OpTest : public testing::TestWithParam<Candidate> {
 protected:
  void SetUp() override {
    choose_instructions(GetParam().instructions);
    std::string why;
    backend_ = instance(GetParam(), why);
    if (!backend_) GTEST_SKIP() << why;
  }
  void TearDown() override { choose_instructions(0); }
  // Where f16 inputs are allowed, Linear is held to what they can give: 2^-11 for each, and their sum.
  void expect_same(Case c, const Ragged& batch, uint32_t spare, uint32_t seed) {
    c.tape.half_inputs = GetParam().half_inputs;
    const auto linear = [](const Op& op) { return std::holds_alternative<Linear>(op); };
    if (c.tape.half_inputs && std::any_of(c.tape.ops.begin(), c.tape.ops.end(), linear))
      c.tolerance = std::max(c.tolerance, 2e-3f);
    expect_same_as_plain(*backend_, c, batch, spare, seed);
  }
  // All awkward batches, exact fit and with room to spare.
  void expect_same_for_all_batches(const Case& c) {
    uint32_t seed = 1;
    for (const Ragged& batch : awkward_batches())
      for (const uint32_t spare : {0u, 3u}) expect_same(c, batch, spare, seed++);
  }
  Backend* backend_ = nullptr;
};

}  // namespace fulmar::ops
