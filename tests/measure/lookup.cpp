// Measures the look-up of an embedding's rows: the vector code, and beside it the plain code it stands for.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "cpu/lookup.h"

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
template <class Row>
double measure(const Row& row) {
  using Clock = std::chrono::steady_clock;
  std::mt19937 random(1);
  std::vector<double> times;
  for (int round = 0; round < 51; ++round) {
    std::vector<uint32_t> tokens(rows);
    for (uint32_t& token : tokens) token = static_cast<uint32_t>(random() % V);
    const Clock::time_point begun = Clock::now();
    for (uint32_t i = 0; i < rows; ++i) row(tokens[i], tokens[(i + 1) % rows], i);
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begun).count());
  }
  std::nth_element(times.begin(), times.begin() + 25, times.end());
  return times[25];
}

}  // namespace
}  // namespace fulmar

int main() {
  using namespace fulmar;
  const std::vector<float> weight(C, 1.5f), bias(C, 0.25f);
  std::vector<float> x(size_t{rows} * C);
  fmt::print("{} rows of {}\n{:<8} {:>10} {:>10} {:>14}\n", rows, C, "format", "plain us", "us", "of it, norm us");
  for (const Format format : {Format::f32, Format::f16, Format::bf16, Format::q8_0, Format::q6_K, Format::q4_K}) {
    std::span<std::byte> bytes;
    const Tensor table = make_tensor(format, {V, C}, bytes);
    std::fill(bytes.begin(), bytes.end(), std::byte{0x2a});  // the values are small numbers in every format
    const auto at = [&](uint32_t i) { return x.data() + size_t{i} * C; };
    const double plain = measure([&](uint32_t token, uint32_t, uint32_t i) {
      to_floats(table, uint64_t{token} * C, C, at(i));
      plain_norm(at(i), weight.data(), bias.data());
    });
    const double now = measure([&](uint32_t token, uint32_t next, uint32_t i) {
      cpu::prefetch_row(table, C, next);
      cpu::lookup_row(table, C, token, at(i));
      cpu::lookup_norm(at(i), weight.data(), bias.data(), 1e-5f, C);
    });
    const double norm = measure(
        [&](uint32_t, uint32_t, uint32_t i) { cpu::lookup_norm(at(i), weight.data(), bias.data(), 1e-5f, C); });
    fmt::print("{:<8} {:>10.1f} {:>10.1f} {:>14.1f}\n", info(format).name, plain, now, norm);
  }
}
