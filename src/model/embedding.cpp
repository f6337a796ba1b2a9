// Embedding lookup; see embedding.h.
#include "model/embedding.h"

#include <algorithm>
#include <exception>
#include <mutex>

#include "base/fail.h"
#include "cpu/lookup.h"

namespace fulmar {
namespace {

// Calls look_up(begin, end) for parts of [0, rows), on several threads where there is work for them: a part of so
// many floats takes some 10 us, and waking who sleeps as much as two of them. The first exception is thrown again.
template <class LookUp>
void share_rows(ThreadPool& team, size_t rows, uint64_t width, const LookUp& look_up) {
  constexpr uint64_t part_floats = 16384, too_few = 4;
  const size_t part = std::max<size_t>({1, part_floats / width, rows / ThreadPool::max_units + 1});
  const size_t parts = (rows + part - 1) / part;
  if (parts < too_few) return look_up(size_t{0}, rows);
  std::mutex mutex;
  std::exception_ptr failure;
  auto take = [&](size_t i) {
    try {
      look_up(i * part, std::min(rows, (i + 1) * part));
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  team.run(
      static_cast<uint32_t>(parts),
      [](void* body, uint32_t i, uint32_t) { (*static_cast<decltype(take)*>(body))(i); }, &take);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

Embedding::Embedding(const SourcePtr& source, const rwkv::Config& config)
    : table_(source->load("emb.weight")),
      weight_(to_floats(source->load("blocks.0.ln0.weight"))),
      bias_(to_floats(source->load("blocks.0.ln0.bias"))),
      V_(config.V),
      C_(config.C),
      eps_(config.norm_eps) {}

void Embedding::lookup(std::span<const int32_t> tokens, float* x, ThreadPool& team) const {
  for (const int32_t token : tokens)
    if (token < 0 || static_cast<uint32_t>(token) >= V_)
      fail(ErrorKind::bad_request, "token {} is outside the model's vocabulary of {}", token, V_);
  share_rows(team, tokens.size(), C_, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      if (i + 1 < tokens.size()) cpu::prefetch_row(table_, C_, static_cast<uint32_t>(tokens[i + 1]));
      float* row = x + i * C_;
      cpu::lookup_row(table_, C_, static_cast<uint32_t>(tokens[i]), row);
      cpu::lookup_norm(row, weight_.data(), bias_.data(), eps_, C_);
    }
  });
}

LookedUpInputs::LookedUpInputs(const ops::Tape& tape, const SourcePtr& source, uint32_t max_rows) {
  for (const ops::ValueId id : tape.inputs) {
    const ops::Value& value = tape.values[id];
    if (value.name == "x" || value.name == "v_first") continue;  // handed over from tape to tape
    Input& input = inputs_.emplace_back();
    if (value.name == "embedded") continue;
    input.table = source->load(value.name);
    input.width = value.width;
    input.rows.resize(uint64_t{max_rows} * value.width);
  }
}

void LookedUpInputs::append(std::span<const int32_t> tokens, std::span<const float> x,
                            std::vector<std::span<const float>>& inputs, ThreadPool& team) {
  for (Input& input : inputs_) {
    if (input.width == 0) {
      inputs.push_back(x);
      continue;
    }
    share_rows(team, tokens.size(), input.width, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        cpu::lookup_row(input.table, input.width, static_cast<uint32_t>(tokens[i]), &input.rows[i * input.width]);
    });
    inputs.emplace_back(input.rows.data(), tokens.size() * input.width);
  }
}

}  // namespace fulmar
