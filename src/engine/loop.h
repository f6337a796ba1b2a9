// The engine thread's work: takes requests from the queue into slots and runs steps until there is nothing left to do.
//
// A turn of the loop: orders, turns of sessions that have become durable and closed sinks first, a change of the model
// once nothing is under way, then free slots take the requests whose turn it is (queue.h, admission.h), then every live
// request gives its decode row or a part of its prompt (scheduler.h), the model computes all rows at once, and each
// picked row becomes a token of its request (drawing.h, generation.h). What was drawn is told the sinks while the model
// computes the next step. All of it happens on one thread, but for the drawing, whose team it waits for; only the queue,
// the counters and the sinks are shared with others.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/histogram.h"
#include "base/mapped_file.h"
#include "engine/admission.h"
#include "engine/drawing.h"
#include "engine/generation.h"
#include "engine/keeping.h"
#include "engine/prefix_index.h"
#include "engine/queue.h"
#include "engine/residents.h"
#include "engine/scheduler.h"
#include "model/model.h"

namespace fulmar {

struct Counters {
  std::atomic<uint64_t> steps{0}, prompt_tokens{0}, completion_tokens{0}, cached_tokens{0};
  std::atomic<uint64_t> prefix_hits{0}, prefix_misses{0}, prefix_bytes{0}, prefix_states{0};
  std::atomic<uint32_t> live{0};
  Histogram queue_seconds{buckets::waits}, step_seconds{buckets::steps}, device_seconds{buckets::steps}, step_tokens{buckets::tokens};

  mutable std::mutex memory_mutex;
  std::vector<DeviceUse> memory;
};

class Loop {
 public:
  // Keeps references to all but the tokenizer. `limits`: of the model as it is.
  Loop(Model& model, std::shared_ptr<const Tokenizer> tokenizer, StateStore& sessions, Queue& queue, Counters& counters,
       const JobLimits& limits, uint64_t prefix_bytes);

  // Until it is told to quit.
  void run();
  // The weights are others now, and with them what states fit. On the loop's thread, with nothing under way.
  void change_model(const Fingerprint& model);
  // See Engine::set_adapters; likewise.
  void change_adapters(const std::vector<Adapter>& adapters);

 private:
  using Clock = std::chrono::steady_clock;

  bool turn();
  void answer_call();
  void settle(bool wait);
  void drop_closed();
  void drop(const Job& job);
  void admit();
  bool begin(Job job);
  std::vector<uint32_t> choose_slots(const Beginning& beginning);
  void fill(const std::vector<uint32_t>& slots, const Beginning& beginning);
  void count_prefix(const Beginning& beginning);
  void step();
  void pass_marks();
  void share_form_work();
  void look_at_memory(Clock::time_point now);
  void embed();
  uint64_t drawn() const;
  void deliver() noexcept;
  void fail_step(const Error& error);
  void lose_device(const Error& error);
  void rebuild();
  void end_all(Finish finish, const Error* error);
  void send_end(Sink& sink, Finish finish, const Error* error);
  template <class Over>
  void release_where(const Over& over, bool keep);
  bool keeps(Generation& one) noexcept;

  Model& model_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  Queue& queue_;
  Counters& counters_;
  const uint32_t vocab_;
  const StepBudget budget_;

  PrefixIndex prefixes_;
  Admission admission_;
  Keeping keeping_;
  // Requests by their first slot; a mixture has several.
  std::vector<std::unique_ptr<Generation>> slots_;
  std::vector<uint32_t> free_;   // slots of nobody, the longest free first
  Residents residents_;          // in those
  std::vector<uint32_t> order_;  // first slots of live requests, in order of arrival
  std::vector<Demand> demands_;  // reused by every step, as the following
  std::vector<const Constraint*> forms_;
  StepPlan plan_;
  bool planned_ = false;        // plan_ is this step's
  std::vector<Token> tokens_;   // [rows]
  std::vector<float> state_;    // of the slot whose text is embedded
  std::vector<std::unique_ptr<Generation>> leaving_;  // out of their slots, perhaps with news
  bool look_again_ = false;  // jobs that could not begin may now
  Drawing drawing_;
  FileWatch watch_;
  std::optional<Clock::time_point> rebuilt_;
  Clock::time_point looked_;  // for closed sinks in the queue
  Clock::time_point weighed_;  // the devices' memory
};

}  // namespace fulmar
