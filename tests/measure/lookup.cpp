// Measures the look-up of an embedding's rows: plain code, the vector code that stands for it, and a team that shares
// the rows.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "base/platform.h"
#include "cpu/lookup.h"
#include "model/embedding.h"
#include "rwkv/memory_source.h"

namespace fulmar {
namespace {

constexpr uint32_t V = 65536, C = 2048, rows = 256;

void plain_norm(float* x, const float* weight, const float* bias) {
  double mean = 0, variance = 0;
  for (uint32_t c = 0; c < C; ++c) mean += static_cast<double>(x[c]);
  mean /= C;
  for (uint32_t c = 0; c < C; ++c) variance += (static_cast<double>(x[c]) - mean) * (static_cast<double>(x[c]) - mean);
  const double scale = 1.0 / std::sqrt(variance / C + 1e-5);
  for (uint32_t c = 0; c < C; ++c)
    x[c] = static_cast<float>((static_cast<double>(x[c]) - mean) * scale) * weight[c] + bias[c];
}

// The median of many looks at 256 rows of a large table, in microseconds.
template <class LookUp>
double measure(const LookUp& look_up) {
  using Clock = std::chrono::steady_clock;
  std::mt19937 random(1);
  std::vector<double> times;
  std::vector<int32_t> tokens(rows);
  for (int round = 0; round < 51; ++round) {
    for (int32_t& token : tokens) token = static_cast<int32_t>(random() % V);
    const Clock::time_point begun = Clock::now();
    look_up(tokens);
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begun).count());
  }
  std::nth_element(times.begin(), times.begin() + 25, times.end());
  return times[25];
}

void measure(Format format, ThreadPool& alone, ThreadPool& team) {
  const auto source = std::make_shared<test::MemorySource>();
  std::span<std::byte> bytes;
  const Tensor table = make_tensor(format, {V, C}, bytes);
  std::fill(bytes.begin(), bytes.end(), std::byte{0x2a});  // the values are small numbers in every format
  const std::vector<float> weight(C, 1.5f), bias(C, 0.25f);
  source->tensors["emb.weight"] = table;
  source->tensors["blocks.0.ln0.weight"] = from_floats(weight, {C});
  source->tensors["blocks.0.ln0.bias"] = from_floats(bias, {C});
  rwkv::Config config;
  config.C = C;
  config.V = V;
  const Embedding embedding(source, config);

  std::vector<float> x(size_t{rows} * C);
  using Tokens = std::span<const int32_t>;
  const double plain = measure([&](Tokens tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      to_floats(table, static_cast<uint64_t>(tokens[i]) * C, C, &x[i * C]);
      plain_norm(&x[i * C], weight.data(), bias.data());
    }
  });
  const double one = measure([&](Tokens tokens) { embedding.lookup(tokens, x.data(), alone); });
  const double all = measure([&](Tokens tokens) { embedding.lookup(tokens, x.data(), team); });
  const double norm = measure([&](Tokens tokens) {
    for (size_t i = 0; i < tokens.size(); ++i)
      cpu::lookup_norm(&x[i * C], weight.data(), bias.data(), 1e-5f, C);
  });
  fmt::print("{:<8} {:>10.1f} {:>10.1f} {:>14.1f} {:>10.1f}\n", info(format).name, plain, one, norm, all);
}

}  // namespace
}  // namespace fulmar

int main() {
  using namespace fulmar;
  ThreadPool alone(1), team(std::min(usable_cores(), 8u), std::chrono::microseconds(0));
  fmt::print("{} rows of {}, a team of {}\n{:<8} {:>10} {:>10} {:>14} {:>10}\n", rows, C, team.threads(), "format",
             "plain us", "alone us", "of it, norm us", "team us");
  for (const Format format : {Format::f32, Format::f16, Format::bf16, Format::q8_0, Format::q6_K, Format::q4_K})
    measure(format, alone, team);
}
