// Turns and steps; see loop.h.
#include "engine/loop.h"

#include <algorithm>
#include <new>
#include <thread>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "engine/constraints.h"
#include "engine/text_vector.h"

namespace fulmar {
namespace {

void leave_queue(const Job& job) {
  if (job.siblings) --job.siblings->waiting;
}

}  // namespace

Loop::Loop(Model& model, std::shared_ptr<const Tokenizer> tokenizer, StateStore& sessions, Queue& queue,
           Counters& counters, const JobLimits& limits, uint64_t prefix_bytes)
    : model_(model),
      tokenizer_(std::move(tokenizer)),
      queue_(queue),
      counters_(counters),
      vocab_(limits.vocab),
      budget_{model.max_rows(), model.max_picks()},
      prefixes_(prefix_bytes),
      admission_(sessions, prefixes_, limits),
      keeping_(model, sessions, prefixes_, limits),
      slots_(model.slots()),
      residents_(model.slots()),
      drawing_(model.config().outputs(), model.slots(), model.team()) {
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) free_.push_back(slot);
  order_.reserve(slots_.size());
  demands_.reserve(slots_.size());
  tokens_.reserve(budget_.rows);
  leaving_.reserve(slots_.size());
}

void Loop::change_model(const Fingerprint& model) {
  prefixes_.clear();
  admission_.set_fingerprint(model);
  keeping_.set_fingerprint(model);
}

void Loop::run() {
  for (bool goes_on = true; goes_on;) {
    try {
      goes_on = turn();
    } catch (...) {  // no memory even for a sentence
      end_all(Finish::failed, nullptr);
    }
  }
}

// False where it was the last.
bool Loop::turn() {
  const bool idle = order_.empty() && !std::exchange(look_again_, false);
  const Order order = queue_.next(!idle ? Hands::full : keeping_.is_waiting() ? Hands::waiting : Hands::empty);
  settle(false);
  if (order != Order::run) {
    const Error why(ErrorKind::unavailable, queue_.refusal() + "; the answer was not complete");
    end_all(Finish::cancelled, &why);
  }
  if (order == Order::quit) {
    const Error gone(ErrorKind::unavailable, "the engine has shut down");
    queue_.answer_call(&gone);
    return false;
  }
  drop_closed();
  if (!queue_.has_call())
    admit();
  else if (order_.empty() && !keeping_.is_waiting())
    answer_call();
  release_where([](const Generation& one) { return one.done(); }, true);
  if (order_.empty()) return true;
  try {
    step();
  } catch (...) {
    fail_step(as_error(std::current_exception()));
  }
  return true;
}

void Loop::answer_call() {
  queue_.answer_call();
  look_again_ = true;
}

// Sessions whose turns have become durable, or could not be kept.
void Loop::settle(bool wait) {
  keeping_.settle(wait, [this](std::unique_ptr<Generation> one) {
    one->let_go_of_sessions();
    leaving_.push_back(std::move(one));
    look_again_ = true;
  });
  if (order_.empty()) deliver();
}

void Loop::change_adapters(const std::vector<Adapter>& adapters) {
  try {
    model_.set_adapters(adapters);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::device_lost) lose_device(error);
    if (error.kind() == ErrorKind::internal)
      queue_.refuse(fmt::format("{}; restart the server", error.what()));
    throw;
  }
}

// Clients that went away, or want no more for now: their slots are free from here on, and soon their places in the queue,
// which may be too long to be read for every step.
void Loop::drop_closed() {
  constexpr std::chrono::milliseconds seldom(50);
  if (const Clock::time_point now = Clock::now(); now - looked_ >= seldom) {
    looked_ = now;
    while (const std::optional<Job> job = queue_.pop_unwanted()) drop(*job);
  }
  for (const uint32_t who : order_) slots_[who]->heed();
  release_where([](const Generation& one) { return one.closed(); }, true);
}

// Out of the queue, and nothing of it was begun.
void Loop::drop(const Job& job) {
  leave_queue(job);
  if (!job.sink->closed()) send_end(*job.sink, job.sink->wish() == Wish::end ? Finish::stop : Finish::paused, nullptr);
}

void Loop::admit() {
  if (const std::string file = watch_.news(); !file.empty())
    log_warning(
        "{}: the file changed while it is in use, so answers may be wrong from here on: restart, and "
        "replace a "
        "model by renaming the new file over it",
        file);
  const auto may_begin = [this](const Job& job) { return admission_.may_begin(job, free_.size()); };
  while (!free_.empty()) {
    std::optional<Job> job = queue_.pop(free_.front(), may_begin);
    if (!job) return;
    if (job->sink->wish() != Wish::more) {
      admission_.pass_over();
      drop(*job);
      continue;
    }
    leave_queue(*job);
    if (!begin(std::move(*job))) return;
  }
}

// False where the device was lost.
bool Loop::begin(Job job) {
  const std::shared_ptr<Sink> sink = job.sink;
  try {
    Beginning beginning = admission_.begin(job);
    const uint32_t popped = free_.front();  // which the job was popped for
    const std::vector<uint32_t> slots = choose_slots(beginning);
    fill(slots, beginning);
    count_prefix(beginning);
    const uint32_t who = slots[0];
    auto one = std::make_unique<Generation>(job, std::move(beginning), slots, tokenizer_, vocab_, model_.heads());
    one->rest(counters_.steps);  // there may be nothing to feed
    for (const uint32_t slot : slots)
      if (slot != popped) queue_.share(popped, slot);
    if (std::ranges::count(slots, popped) == 0) queue_.leave(popped);
    slots_[who] = std::move(one);
    free_.erase(free_.begin(), free_.begin() + static_cast<std::ptrdiff_t>(slots.size()));
    order_.push_back(who);
    admission_.readers().add(*slots_[who]);
    counters_.queue_seconds.add(std::chrono::duration<double>(Clock::now() - job.since).count());
    counters_.live = static_cast<uint32_t>(order_.size());
  } catch (...) {
    const Error error = as_error(std::current_exception());
    if (job.siblings) job.siblings->reading = false;
    for (const uint32_t slot : free_) queue_.leave(slot);
    look_again_ = true;
    send_end(*sink, Finish::failed, &error);
    if (error.kind() != ErrorKind::device_lost) return true;
    lose_device(error);
    return false;
  }
  return true;
}

// One a stream, which then stand first among the free ones: those that have their states already, else those that have been
// free for longest.
std::vector<uint32_t> Loop::choose_slots(const Beginning& beginning) {
  const size_t streams = beginning.states.size();
  for (size_t i = 0; i < streams; ++i) {
    const auto first = free_.begin() + static_cast<std::ptrdiff_t>(i);
    const auto has = beginning.states[i] ? residents_.find(beginning.states[i], *first) : std::nullopt;
    if (!has) continue;
    if (const auto at = std::find(first, free_.end(), *has); at != free_.end()) std::rotate(first, at, at + 1);
  }
  return {free_.begin(), free_.begin() + static_cast<std::ptrdiff_t>(streams)};
}

void Loop::fill(const std::vector<uint32_t>& slots, const Beginning& beginning) {
  for (size_t i = 0; i < slots.size(); ++i) {
    const StatePtr& state = beginning.states[i];
    if (!beginning.slots.empty())
      model_.copy_slot(slots[i], beginning.slots[i]);
    else if (const auto at = state ? residents_.find(state, slots[i]) : std::nullopt)
      model_.copy_slot(slots[i], *at);
    else if (state && !state->floats.empty())
      model_.write_slot(slots[i], state->floats);
    else if (state)  // all its tokens, to be fed again; what began from a tuned state never lost its numbers
      model_.reset_slot_untuned(slots[i]);
    else
      model_.reset_slot(slots[i]);
    residents_.forget(slots[i]);
  }
}

void Loop::count_prefix(const Beginning& beginning) {
  counters_.cached_tokens += beginning.read;
  counters_.prompt_tokens += beginning.read;
  if (beginning.cacheable) ++(beginning.read > 0 ? counters_.prefix_hits : counters_.prefix_misses);
}

void Loop::step() {
  const Clock::time_point began = Clock::now();
  planned_ = false;
  demands_.clear();
  for (const uint32_t who : order_) {
    keeping_.before_step(*slots_[who]);
    slots_[who]->append_demands(demands_);
  }
  plan_step(demands_, budget_, plan_);
  planned_ = true;
  tokens_.clear();
  uint64_t prompt_rows = 0;
  for (const StepPlan::Share& share : plan_.shares) {
    const Demand& demand = demands_[share.demand];
    prompt_rows += slots_[demand.who]->feed(demand, share.rows, tokens_);
  }

  const uint64_t step = ++counters_.steps;
  const Clock::time_point begun = Clock::now();
  model_.start({tokens_, plan_.segments, plan_.picks});
  deliver();
  share_form_work();
  for (const uint32_t who : order_) slots_[who]->prepare_draw();
  const std::span<float> logits = model_.finish();
  counters_.prompt_tokens += prompt_rows;
  const std::chrono::duration<double> in_model = Clock::now() - begun;
  counters_.device_seconds.add(in_model.count());
  counters_.step_tokens.add(static_cast<double>(tokens_.size()));
  log_debug("step {}: {} rows of {} sequences, {} picked, {:.2f} ms in the model", step, tokens_.size(),
            plan_.segments.size(), plan_.picks.size(), 1e3 * in_model.count());
  const uint64_t before = drawn();
  drawing_.draw(plan_, demands_, logits, slots_, step);
  counters_.completion_tokens += drawn() - before;
  pass_marks();
  embed();
  const Clock::time_point ended = Clock::now();
  counters_.step_seconds.add(std::chrono::duration<double>(ended - began).count());
  look_at_memory(ended);
  release_where([](const Generation& one) { return one.done(); }, true);
}

// Forms have as much of a step each, whatever others cost and however many answers are held to one.
void Loop::share_form_work() {
  forms_.clear();
  for (const uint32_t who : order_)
    if (const Constraint* const form = slots_[who]->form()) forms_.push_back(form);
  std::ranges::sort(forms_);
  forms_.erase(std::ranges::unique(forms_).begin(), forms_.end());
  for (const Constraint* const form : forms_) form->allow(std::max(least_form_work, max_step_form_work / forms_.size()));
}

// Seldom, for it makes a list.
void Loop::look_at_memory(Clock::time_point now) {
  if (now - weighed_ < std::chrono::seconds(1)) return;
  weighed_ = now;
  std::vector<DeviceUse> uses;
  for (const DeviceMemory& device : model_.memory()) uses.push_back({device.device, device.used.now, device.used.peak});
  const std::lock_guard lock(counters_.memory_mutex);
  counters_.memory = std::move(uses);
}

void Loop::pass_marks() {
  for (const StepPlan::Share& share : plan_.shares) {
    Generation& one = *slots_[demands_[share.demand].who];
    if (one.at_lead_end()) keeping_.pass_lead(one);
    if (one.at_mark()) keeping_.pass_mark(one);
  }
  counters_.prefix_bytes = prefixes_.bytes();
  counters_.prefix_states = prefixes_.states();
}

// Those that have read a text whose vector is wanted, before their slots are free.
void Loop::embed() {
  for (const uint32_t slot : order_) {
    if (!slots_[slot]->wants_vector()) continue;
    state_.resize(model_.state_floats());
    model_.read_slot(slot, state_);
    slots_[slot]->embed(state_vector(model_.config(), state_));
  }
}

uint64_t Loop::drawn() const {
  uint64_t sum = 0;
  for (const uint32_t slot : order_) sum += slots_[slot]->drawn();
  return sum;
}

// Tells the sinks what the last step drew: while the next one is under way, or at once where there is none.
void Loop::deliver() noexcept {
  for (const uint32_t slot : order_) slots_[slot]->deliver();
  for (const std::unique_ptr<Generation>& one : leaving_) one->deliver();
  leaving_.clear();
}

// The states of the slots that took part are unknown now; the others' are whole. Where the step could not
// even be planned, nobody can go on.
void Loop::fail_step(const Error& error) {
  deliver();
  if (error.kind() == ErrorKind::device_lost) return lose_device(error);
  log_error("step {} failed: {}", counters_.steps.load(), error.what());
  release_where([&](Generation& one) {
    const auto is_its = [&](const StepPlan::Share& share) { return slots_[demands_[share.demand].who].get() == &one; };
    const bool took_part = !planned_ || std::ranges::any_of(plan_.shares, is_its);
    if (took_part) one.end(Finish::failed, counters_.steps, &error);
    return took_part;
  }, false);
}

// Fails what is under way or waits, and sets the device up again: once, and once more for each time that it
// has worked for a minute since.
void Loop::lose_device(const Error& error) {
  log_error("the device was lost: {}", error.what());
  queue_.pause(fmt::format("the device was lost ({}) and is being set up again", error.what()));
  end_all(Finish::failed, &error);
  try {
    if (rebuilt_ && Clock::now() - *rebuilt_ < std::chrono::minutes(1))
      fail(ErrorKind::device_lost, "that was the second time within a minute");
    rebuild();
    rebuilt_ = Clock::now();
    log_info("the device is back: requests are taken again");
    queue_.resume();
  } catch (...) {
    const Error why = as_error(std::current_exception());
    log_error("the device stays lost: {}", why.what());
    queue_.refuse(fmt::format("the device was lost ({}) and is not back ({}); restart the server",
                              error.what(), why.what()));
  }
}

// A driver that starts again may refuse for some seconds.
void Loop::rebuild() {
  residents_.forget_all();
  const auto checkpoint = [this] {
    if (queue_.refuses_for_good()) fail(ErrorKind::unavailable, "the server is shutting down");
  };
  for (const Clock::time_point begun = Clock::now();;) {
    try {
      return model_.rebuild(checkpoint);
    } catch (const Error& error) {
      const bool may_pass = error.kind() == ErrorKind::device_lost || error.kind() == ErrorKind::internal;
      if (!may_pass || Clock::now() - begun > std::chrono::seconds(10)) throw;
      log_warning("the device is not back yet: {}", error.what());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    checkpoint();
  }
}

void Loop::end_all(Finish finish, const Error* error) {
  deliver();
  release_where([&](Generation& one) {
    one.end(finish, counters_.steps, error);
    return true;
  }, false);
  settle(true);
  admission_.pass_over();
  while (std::optional<Job> job = queue_.pop()) send_end(*job->sink, finish, error);
}

// For a request that never had a slot.
void Loop::send_end(Sink& sink, Finish finish, const Error* error) {
  Event event;
  event.finish = finish;
  event.step = counters_.steps;
  event.error = error;
  send(sink, event);
}

// Frees the slots of requests for which over(one) holds. Those that are done still have news. With `keep` their states
// are of use.
template <class Over>
void Loop::release_where(const Over& over, bool keep) {
  std::erase_if(order_, [&](uint32_t who) {
    Generation& one = *slots_[who];
    if (!over(one)) return false;
    const bool waits = keep && keeps(one);
    if (!keep) keeping_.give_up(one);
    admission_.readers().remove(one);
    for (size_t i = 0; i < one.slots().size(); ++i) {
      const uint32_t slot = one.slots()[i];
      residents_.stay(slot, keep ? keeping_.left_in_slot(i) : nullptr);
      free_.push_back(slot);
      queue_.leave(slot);
    }
    if (!waits) one.let_go_of_sessions();
    if (waits)
      keeping_.wait_for(std::move(slots_[who]));
    else
      leaving_.push_back(std::move(slots_[who]));
    look_again_ = true;
    return true;
  });
  counters_.live = static_cast<uint32_t>(order_.size());
  if (order_.empty()) deliver();
}

bool Loop::keeps(Generation& one) noexcept {
  try {
    return keeping_.end(one);
  } catch (...) {
    const Error error = as_error(std::current_exception());
    one.settle(&error);
    return false;
  }
}

}  // namespace fulmar
