// Measuring memory bandwidth; see bandwidth.h.
#include "bandwidth.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "base/platform.h"

namespace fulmar::tools {
namespace {

constexpr uint64_t buffer_bytes = uint64_t{512} << 20;
// At least this many passes, for at least this long: on a shared machine the first ones may be slow.
constexpr int passes = 5;
constexpr double least_seconds = 1;

double best_seconds(const std::function<void()>& body) {
  double best = 1e9, spent = 0;
  for (int i = 0; i < passes || spent < least_seconds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const double pass = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::min(best, pass);
    spent += pass;
  }
  return best;
}

// Eight sums at once keep several loads in flight.
uint64_t sum(std::span<const uint64_t> words) {
  std::array<uint64_t, 8> sums{};
  for (size_t i = 0; i + 8 <= words.size(); i += 8)
    for (size_t j = 0; j < 8; ++j) sums[j] += words[i + j];
  uint64_t total = 0;
  for (const uint64_t s : sums) total += s;
  return total;
}

Bandwidth measure_reads(uint32_t threads) {
  if (threads == 0) threads = usable_cores();
  const std::vector<uint64_t> words(buffer_bytes / 8, 1);
  std::atomic<uint64_t> total = 0;  // used, so that the reads cannot be left out
  const double seconds = best_seconds([&] {
    std::vector<std::jthread> team;
    for (uint32_t t = 0; t < threads; ++t)
      team.emplace_back([&, t] {
        const size_t begin = words.size() * t / threads, end = words.size() * (t + 1) / threads;
        total += sum({words.data() + begin, end - begin});
      });
  });
  if (total == 0) return {};
  return {buffer_bytes / seconds, fmt::format("read by {} thread{}", threads, threads == 1 ? "" : "s")};
}

Bandwidth measure_copies(ops::Backend& backend) {
  constexpr uint64_t half = buffer_bytes / 2;
  constexpr int copies = 8;  // a pass: enough that waiting for the last one does not count
  const auto from = backend.allocate(half, ops::Where::device),
             to = backend.allocate(half, ops::Where::device);
  std::array<std::byte, 64> last;
  const double seconds = best_seconds([&] {
    for (int i = 0; i < copies; ++i) backend.copy(*to, 0, *from, 0, half);
    backend.download(last, *to, 0);
  });
  return {2.0 * half * copies / seconds, "copied on the device, reads and writes counted"};
}

// Some drivers leave copies to an engine that is several times slower than what kernels do.
Bandwidth measure_kernel_reads(ops::Backend& backend) {
  constexpr uint32_t K = 4096, N = buffer_bytes / (2 * K);
  ops::Tape tape;
  tape.inputs = {tape.value("x", K)};
  tape.outputs = {tape.value("y", N)};
  tape.ops.push_back(ops::Linear{tape.inputs[0], tape.outputs[0], tape.weight("W", N, K, Format::f16)});
  const ops::BatchShape shape{1, 1, 0};
  const auto weight = backend.allocate(buffer_bytes, ops::Where::device),
             activations = backend.allocate(ops::plan_arena(tape, shape).bytes, ops::Where::device);
  ops::Memory memory;
  memory.weights = {{weight.get(), 0}};
  memory.activations = activations.get();
  constexpr bool timing = true;
  const auto program = backend.compile(tape, memory, shape, timing);
  const std::vector<float> x(K);
  const std::span<const float> input(x);
  const ops::Segment segment{0, 0, 1};
  double best = 1e9;
  best_seconds([&] {
    program->start({1, {&segment, 1}, {}, {&input, 1}});
    program->finish();
    for (const ops::OpTime& time : program->times()) best = std::min(best, time.seconds);
  });
  return {buffer_bytes / best, "read on the device by a matrix-vector product"};
}

}  // namespace

Bandwidth measure_bandwidth(ops::Backend& backend, uint32_t threads) {
  if (backend.caps().host_memory) return measure_reads(threads);
  const Bandwidth copies = measure_copies(backend);
  if (backend.caps().software) return copies;
  const Bandwidth reads = measure_kernel_reads(backend);
  return reads.bytes_per_second > copies.bytes_per_second ? reads : copies;
}

}  // namespace fulmar::tools
