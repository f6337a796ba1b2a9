// What a request may begin from, and when: sessions, states of its own, the prefix of another prompt. Owned by the engine
// thread.
#pragma once
#include <string>
#include <vector>

#include "engine/beginning.h"
#include "engine/prefix_index.h"
#include "engine/queue.h"
#include "engine/readers.h"

namespace fulmar {

class Admission {
 public:
  Admission(StateStore& sessions, PrefixIndex& prefixes, JobLimits limits)
      : sessions_(sessions), prefixes_(prefixes), limits_(std::move(limits)), readers_(limits_.slots) {}
  void set_fingerprint(const Fingerprint& model) { limits_.model = model; }

  // A turn of a session waits for the one before it, a session that is on disk for the disk, a choice for the one that
  // reads their prompt, a prompt for another that begins alike and is being read. Never waits itself.
  Verdict may_begin(const Job& job, size_t free_slots);
  // Of the job that may begin; to be called before another is asked about. Its sessions are its own until it lets go of
  // Beginning::lease. Throws Error where there is nothing that it could begin from.
  Beginning begin(const Job& job);
  void pass_over() { lease_.reset(); }  // the job that may begin does not
  Readers& readers() { return readers_; }

 private:
  bool leases(const Request& request, Lease& lease) const;
  bool awaits_reader(const Job& job);
  void check_length(const Job& job, const Beginning& beginning) const;
  void find_states(const Job& job, Beginning& beginning) const;
  void find_prefix(const Job& job, Beginning& beginning);
  void add_marks(const Job& job, uint32_t shared, Beginning& beginning) const;

  StateStore& sessions_;
  PrefixIndex& prefixes_;
  JobLimits limits_;
  Readers readers_;
  // Of the job that was asked about last.
  Lease lease_;
  std::vector<FoundSession> found_;  // by stream
};

}  // namespace fulmar
