// The op test harness; see harness.h.
#include "harness.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <map>
#include <numeric>

#include "ops/plain.h"
#include "ops/state_memory.h"

namespace fulmar::ops {
namespace {

constexpr uint32_t slots = 97;

std::vector<float> random_floats(std::mt19937& random, uint64_t count, Range range) {
  std::uniform_real_distribution<float> uniform(range.low, range.high);
  std::vector<float> out(count);
  for (float& x : out) x = uniform(random);
  return out;
}

// A backend with everything a program needs; fed the same random numbers as its twin.
struct Bench {
  Bench(Backend& b, const Case& c, const BatchShape& shape, uint32_t seed)
      : backend(b), slot_states(b, c.tape.state_floats + 64, slots) {
    std::mt19937 random(seed);
    const auto range = [](const std::vector<Range>& list, size_t i) {
      return i < list.size() ? list[i] : Range{};
    };
    for (size_t i = 0; i < c.tape.weights.size(); ++i) {
      const Weight& w = c.tape.weights[i];
      const FormatInfo& format = info(w.format);
      const std::vector<float> values =
          random_floats(random, uint64_t{w.rows} * w.cols, range(c.weight_ranges, i));
      std::vector<std::byte> encoded(format.matrix_bytes(w.rows, w.cols));
      for (uint64_t row = 0; row < w.rows; ++row)
        format.encode_row(encoded.data(), w.rows, w.cols, row, values.data() + row * w.cols);
      buffers.push_back(b.allocate(encoded.size() + 64, Where::device));
      b.upload(*buffers.back(), 64, encoded);
      memory.weights.push_back({buffers.back().get(), 64});
    }
    activations = b.allocate(plan_arena(c.tape, shape).bytes, Where::device);
    memory.activations = activations.get();
    memory.states = &slot_states;
    const std::vector<float> values = random_floats(random, slots * slot_states.floats(), c.state_range);
    for (uint32_t slot = 0; slot < slots; ++slot) slot_states.write(slot, of_slot(std::span(values), slot));
    program = b.compile(c.tape, memory, shape);
  }
  std::vector<float> states() {
    std::vector<float> out(slots * slot_states.floats());
    for (uint32_t slot = 0; slot < slots; ++slot) slot_states.read(slot, of_slot(std::span(out), slot));
    return out;
  }
  template <typename T>
  std::span<T> of_slot(std::span<T> all, uint32_t slot) const {
    return all.subspan(slot * slot_states.floats(), slot_states.floats());
  }
  Backend& backend;
  PlainStates slot_states;
  Memory memory;
  std::vector<std::unique_ptr<Buffer>> buffers;
  std::unique_ptr<Buffer> activations;
  std::unique_ptr<Program> program;
};

// Largest difference, relative to the largest magnitude wanted.
void expect_close(std::span<const float> got, std::span<const float> want, float tolerance,
                  const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  float scale = 1e-3f, worst = 0;
  size_t where = 0;
  for (const float w : want) scale = std::max(scale, std::fabs(w));
  for (size_t i = 0; i < got.size(); ++i) {
    const float difference = std::fabs(got[i] - want[i]);
    if (!(difference <= worst)) {  // catches NaN too
      worst = difference;
      where = i;
    }
  }
  EXPECT_LE(worst, tolerance * scale)
      << what << ": element " << where << " is " << (got.empty() ? 0 : got[where]) << ", expected "
      << (want.empty() ? 0 : want[where]);
}

// One backend of each kind for all tests. They go before main returns: later, a driver may have ended itself.
struct Instances : testing::Environment {
  void TearDown() override { made.clear(); }
  std::map<std::string, std::pair<std::unique_ptr<Backend>, std::string>> made;
};
Instances* const instances = new Instances;  // GoogleTest owns it
const auto* const registered = testing::AddGlobalTestEnvironment(instances);

}  // namespace

std::vector<float> random_floats(uint64_t count, uint32_t seed, Range range) {
  std::mt19937 random(seed);
  return random_floats(random, count, range);
}

Backend* instance(const Candidate& candidate, std::string& why_none) {
  auto [at, fresh] = instances->made.try_emplace(candidate.name);
  if (fresh) at->second.first = candidate.make(at->second.second);
  why_none = at->second.second;
  return at->second.first.get();
}

uint32_t Ragged::total() const {
  return std::accumulate(rows.begin(), rows.end(), 0u);
}

std::string to_string(const Ragged& ragged) {
  return fmt::format("rows {}", fmt::join(ragged.rows, "+"));
}

std::vector<Ragged> awkward_batches() {
  return {{{1}},        {{2}},
          {{1, 1}},     {{7}},
          {{1, 5, 1}},  {{1, 1, 1, 1, 1, 1, 1, 1, 1}},
          {{13, 1, 3}}, {{1, 33, 1, 2, 27}},
          {{64}},       {{70}}};
}

void expect_same_as_plain(Backend& backend, const Case& c, const Ragged& ragged, uint32_t spare,
                          uint32_t seed) {
  const uint32_t rows = ragged.total(), segments = static_cast<uint32_t>(ragged.rows.size());
  std::vector<Segment> list;
  for (uint32_t i = 0, first = 0; i < segments; first += ragged.rows[i++])
    list.push_back({(i * 37 + 11) % slots, first, ragged.rows[i]});
  std::vector<uint32_t> picks;
  for (uint32_t r = 0; r < rows; r += 1 + r % 3) picks.push_back(r);
  const BatchShape shape{rows + spare, segments + spare, static_cast<uint32_t>(picks.size()) + spare};

  const auto plain = make_plain_backend();
  Bench got(backend, c, shape, seed), want(*plain, c, shape, seed);
  std::mt19937 random(seed + 1);
  for (int step = 0; step < 2; ++step) {
    std::vector<std::vector<float>> inputs;
    std::vector<std::span<const float>> views;
    for (size_t i = 0; i < c.tape.inputs.size(); ++i) {
      const Value& value = c.tape.values[c.tape.inputs[i]];
      inputs.push_back(random_floats(
          random, uint64_t{value.picked ? static_cast<uint32_t>(picks.size()) : rows} * value.width,
          i < c.input_ranges.size() ? c.input_ranges[i] : Range{}));
    }
    views.assign(inputs.begin(), inputs.end());
    const Batch batch{rows, list, picks, views};
    want.program->start(batch);
    got.program->start(batch);
    const auto wanted = want.program->finish(), found = got.program->finish();
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i)
      expect_close(found[i], wanted[i], c.tolerance,
                   fmt::format("step {}, output {}, {}, spare {}", step,
                               c.tape.values[c.tape.outputs[i]].name, to_string(ragged), spare));
    expect_close(got.states(), want.states(), c.tolerance,
                 fmt::format("step {}, states, {}, spare {}", step, to_string(ragged), spare));
  }
}

}  // namespace fulmar::ops
