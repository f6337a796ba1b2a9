// Random numbers that are the same on every machine: the standard library's distributions are not.
#pragma once
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace fulmar::load {

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  double share() { return static_cast<double>(random_() >> 11) * 0x1p-53; }  // 0 or above, below 1
  uint64_t below(uint64_t end) { return static_cast<uint64_t>(share() * static_cast<double>(end)); }
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }  // both allowed

  template <typename T>
  void shuffle(std::vector<T>& all) {
    for (size_t left = all.size(); left > 1; --left) std::swap(all[left - 1], all[below(left)]);
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace fulmar::load
