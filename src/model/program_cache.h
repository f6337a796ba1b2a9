// Programs by batch shape: compiled when a shape first comes along, replayed from then on.
#pragma once
#include <list>
#include <map>
#include <memory>

#include "ops/backend.h"

namespace fulmar {

class ProgramCache {
 public:
  // Keeps references to tape, backend and memory; at most `capacity` programs. `memory.activations` is shared
  // with others that run at other times; a shape it is too small for gets an arena of its own.
  ProgramCache(const ops::Tape& tape, ops::Backend& backend, ops::Memory memory, size_t capacity);

  // A program for at least this much; without picks, one that stops before the head. `timing` programs are
  // kept apart.
  ops::Program& find(const ops::BatchShape& needed, bool timing);

  // From now on the weights lie there: all programs are dropped.
  void move_weights(const std::vector<ops::DeviceTensor>& weights);

  // The capacity compiled for a need: few enough shapes to be cached, close enough that little work is
  // wasted.
  static uint32_t bucket(uint32_t needed);

 private:
  struct Key {
    ops::BatchShape shape;
    bool timing;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    std::unique_ptr<ops::Buffer> activations;  // null: the shared ones
    std::unique_ptr<ops::Program> program;
    uint64_t last_use = 0;
  };

  const ops::Tape& tape_;
  ops::Tape headless_;
  ops::Backend& backend_;
  ops::Memory memory_;
  size_t capacity_;
  std::map<Key, Entry> programs_;
  uint64_t uses_ = 0;
};

}  // namespace fulmar
