// Requests whose prompts are being read, for others that begin alike: these wait, and go on from the state that is there
// then. Owned by the engine thread.
#pragma once
#include <span>
#include <vector>

#include "engine/generation.h"

namespace fulmar {

// So many tokens that another reads just now are worth waiting for.
inline constexpr uint32_t worth_waiting = 64;

class Readers {
 public:
  explicit Readers(size_t slots) { all_.reserve(slots); }

  // It has got its slots, and leaves them.
  void add(Generation& one) { all_.push_back({++last_, &one}); }
  void remove(const Generation& one) {
    std::erase_if(all_, [&](const Reader& reader) { return reader.one == &one; });
  }

  bool none() const { return all_.empty(); }

  // Whether the job is to wait for one that reads the beginning of these tokens, more than the `known` first ones, of which
  // there is a state already; that one is asked for the state at the place where the two texts part. Never for longer than
  // that one reads, and only a few times, so that it begins whatever becomes of others.
  bool awaits(const Job& job, std::span<const StatePtr> origins, std::span<const Token> tokens, uint32_t known);
  // The same of a job that waits already.
  bool awaits_still(const Job& job) const;

 private:
  struct Reader {
    uint64_t number;
    Generation* one;
  };
  std::vector<Reader> all_;
  uint64_t last_ = 0;
};

}  // namespace fulmar
