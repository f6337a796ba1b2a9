// States on their way out of slots: into sessions, into the prefix index, to those who asked for them, and to the choices
// that share a prompt. Owned by the engine thread.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "engine/generation.h"
#include "engine/prefix_index.h"
#include "engine/state_pool.h"
#include "model/model.h"

namespace fulmar {

class Keeping {
 public:
  Keeping(Model& model, StateStore& sessions, PrefixIndex& prefixes, const JobLimits& limits)
      : model_(model),
        sessions_(sessions),
        prefixes_(prefixes),
        cache_answers_(!limits.reproducible),
        tuned_start_(limits.tuned_start),
        fingerprint_(limits.model) {}
  void set_fingerprint(const Fingerprint& model) { fingerprint_ = model; }

  // It stands at a mark: its slots' states go to whoever wants them.
  void pass_mark(Generation& one);
  // It has read what was left of a long session, of which it keeps that.
  void pass_lead(Generation& one);
  // It is about to go on: choices that still wait for the state it has now get that as a value, and itself where it may
  // have to come back to it.
  void before_step(Generation& one);
  // Its slots are of no use: it failed, or was cancelled.
  void give_up(const Generation& one);
  // It is done, or its client went away, and its slots are still its own. True where its last event must wait until what
  // is kept of it is durable: hand it to wait_for() then.
  bool end(Generation& one);
  void wait_for(std::unique_ptr<Generation> one);
  // Of the one that ended last: the state whose numbers a stream's slot has, null where nobody has kept that.
  StatePtr left_in_slot(size_t stream) const { return stream < left_.size() ? left_[stream] : nullptr; }

  bool is_waiting() const { return !waiting_.empty(); }
  // Gives back those that are durable or could not be kept; with `wait` once all are.
  void settle(bool wait, const std::function<void(std::unique_ptr<Generation>)>& back);

 private:
  struct Waiting {
    std::unique_ptr<Generation> one;
    std::vector<Ticket> tickets;
  };
  using States = std::vector<std::shared_ptr<State>>;
  std::shared_ptr<State> read_slot(const Generation& one, size_t stream, std::span<const Token> lead,
                                   std::span<const Token> fed);
  States read_slots(const Generation& one, std::span<const Token> fed, std::span<const Token> more = {});
  States fall_back(const Generation& one, const TurnTokens& tokens);
  void hand_on(Generation& one);
  void keep_lead(const Generation& one);
  void cache(const Generation& one, const TurnTokens& tokens, const std::vector<StatePtr>& states);
  void put(Generation& one, const TurnTokens& tokens, const std::vector<StatePtr>& states);

  Model& model_;
  StateStore& sessions_;
  PrefixIndex& prefixes_;
  const std::shared_ptr<StatePool> pool_ = std::make_shared<StatePool>();
  const bool cache_answers_;  // a row that decoded may be other numbers than one of a prompt
  const bool tuned_start_;
  Fingerprint fingerprint_;
  std::vector<Ticket> tickets_;  // of the one that ended last
  std::vector<StatePtr> left_;   // likewise
  std::vector<Waiting> waiting_;
};

}  // namespace fulmar
