// The host's own thread: loads, swaps and ends engines.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/fail.h"
#include "base/log.h"
#include "base/platform.h"
#include "host/host.h"

namespace fulmar::host {
namespace {

constexpr std::chrono::seconds kAfterCancel{10};  // for the last holders of a cancelled model's answers

Error as_error(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorKind::out_of_memory, "the host's memory did not suffice for the model"};
  } catch (const std::exception& other) {
    return {ErrorKind::internal, other.what()};
  }
}

// As clients are told: who asked for a file that is there has made no mistake.
Error told(const Error& error, const Shelf& shelf) {
  const ErrorKind kind = error.kind() == ErrorKind::not_found ? ErrorKind::bad_file : error.kind();
  return {kind, shelf.without_folder(error.what()), error.param()};
}

bool same_but_for_adapters(const ModelSpec& a, const ModelSpec& b) {
  return a.file == b.file && a.name == b.name && a.strategy == b.strategy && a.vocab == b.vocab && a.state == b.state &&
         a.state_order == b.state_order && a.chat_template == b.chat_template && a.slots == b.slots && a.reranker == b.reranker;
}

bool same_adapters(const std::vector<Adapter>& a, const std::vector<Adapter>& b) {
  return std::ranges::equal(a, b, [](const Adapter& one, const Adapter& other) {
    return one.file == other.file && one.mode == other.mode && one.scaling == other.scaling &&
           one.scale == other.scale;
  });
}

}  // namespace

void Host::run() {
  for (;;) {
    Order order;
    bool looks = false;
    {
      std::unique_lock lock(mutex_);
      const auto due = [this] { return quit_ || look_ || sooner_ || !orders_.empty() || !graveyard_.empty(); };
      if (const std::optional<Clock::time_point> until = next_look())
        work_.wait_until(lock, *until, due);
      else
        work_.wait(lock, due);
      if (quit_ || draining_) {
        for (Order& waiting : std::exchange(orders_, {}))
          for (Done& done : waiting.done) {
            lock.unlock();
            done(std::make_exception_ptr(Error(ErrorKind::unavailable, "the server is shutting down")));
            lock.lock();
          }
        if (quit_) return;
      }
      looks = look_;
      sooner_ = false;
      if (!orders_.empty()) {
        order = std::move(orders_.front());
        orders_.pop_front();
        at_work_ = order.spec.file.empty() ? fmt::format("the model {} is being unloaded", order.id)
                                           : fmt::format("the model {} is being loaded", order.id);
      }
    }
    bury();
    tend();
    if (looks) look_through_shelf();
    if (!order.done.empty()) carry_out(order);
    unload_idle();
  }
}

void Host::carry_out(Order& order) {
  std::exception_ptr failure;
  try {
    if (order.spec.file.empty())
      unload_now(order);
    else
      load_now(order);
  } catch (...) {
    const Error error = as_error(std::current_exception());
    log_error("{}: {}", order.id, error.what());
    failure = std::make_exception_ptr(told(error, shelf_));
  }
  {
    const std::lock_guard lock(mutex_);
    at_work_.clear();
    loading_.clear();
    if (!order.spec.file.empty() && !failure) troubles_.erase(order.id);
    if (failure && !order.id.empty()) {
      constexpr size_t most = 64;
      if (troubles_.size() >= most) troubles_.clear();
      troubles_[order.id] = as_error(failure).what();
    }
  }
  tell();
  for (const Done& done : order.done) done(failure);
}

void Host::unload_now(const Order& order) {
  std::list<Resident> gone;
  {
    const std::lock_guard lock(mutex_);
    if (const auto one = resident(order.id); one != residents_.end()) gone.splice(gone.end(), residents_, one);
    // Whoever names no model is not left without one.
    const auto next = std::ranges::max_element(residents_, {}, &Resident::used);
    if (current_ == order.id) current_ = next == residents_.end() ? std::string() : next->served->id;
  }
  tell();
  retire(std::move(gone), order.grace);
}

void Host::load_now(const Order& order) {
  if (!order.replaces) {
    const std::lock_guard lock(mutex_);
    if (resident(order.id) != residents_.end()) return;
  }
  EngineOptions wanted = options_.engine;
  wanted.model = order.spec;
  // Whatever is wrong with the file or the strategy costs nobody his model.
  const bool fits = !options_.fits || options_.fits(wanted);
  if (order.replaces && change_adapters(order)) return;
  tend();
  if (fits) return retire(publish(keep(make(order.spec, order.id)), order), order.grace);

  std::optional<Order> before;
  std::list<Resident> gone;
  {
    const std::lock_guard lock(mutex_);
    if (const auto current = resident(current_); current != residents_.end() && !current->spec.file.empty())
      before = Order{current->spec, current_, true, true, order.grace, {}, current->served->base};
    gone = take_out(order, true);
  }
  retire(std::move(gone), order.grace);
  wait_for_retired();
  try {
    publish(keep(make(order.spec, order.id)), order);
  } catch (...) {
    const Error why = as_error(std::current_exception());
    if (!before) throw why;
    std::string after;
    try {
      publish(keep(make(before->spec, before->id)), *before);
      after = fmt::format("; the model {}, which had to go for it, was loaded again", before->id);
    } catch (...) {
      after = fmt::format("; the model {}, which had to go for it, could not be loaded again either: {}", before->id,
                          as_error(std::current_exception()).what());
    }
    throw Error(why.kind(), why.what() + after, why.param());
  }
}

// The cheap kind of a load: the same file in the same places, with other adapters.
bool Host::change_adapters(const Order& order) {
  std::shared_ptr<Engine> engine;
  {
    const std::lock_guard lock(mutex_);
    const auto current = resident(current_);
    if (current == residents_.end() || !same_but_for_adapters(current->spec, order.spec) ||
        same_adapters(current->spec.adapters, order.spec.adapters))
      return false;
    engine = current->served->engine;
  }
  try {
    engine->set_adapters(order.spec.adapters, order.grace);
  } catch (const Error& error) {
    // What only a model that is loaded anew can take, as experts.
    if (error.kind() != ErrorKind::unsupported) throw;
    log_info("{}; the model is loaded anew", error.what());
    return false;
  }
  const std::lock_guard lock(mutex_);
  if (const auto current = resident(current_); current != residents_.end()) {
    current->spec = order.spec;
    current->names.clear();
    Served changed = *current->served;
    changed.base = order.usual;
    current->served = std::make_shared<Served>(std::move(changed));
    known_[current_] = {order.spec, order.usual};
  }
  return true;
}

std::unique_ptr<Engine> Host::make(const ModelSpec& spec, const std::string& id) {
  EngineOptions wanted = options_.engine;
  wanted.model = spec;
  {
    const std::lock_guard lock(mutex_);
    loading_ = id;
    loaded_ = 0;
  }
  tell();
  wanted.model.progress = [this, others = spec.progress](uint64_t done, uint64_t total) {
    if (others) others(done, total);
    const double now = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
    {
      const std::lock_guard lock(mutex_);
      if (now < loaded_ + 0.01 && now < 1) return;
      loaded_ = now;
    }
    tell();
  };
  return options_.make(wanted);
}

// An engine that its last holder leaves to the host's thread, for it may be the engine's own thread that lets it go.
std::shared_ptr<Engine> Host::keep(std::unique_ptr<Engine> engine) {
  return {engine.release(), [this](Engine* left) {
            const std::lock_guard lock(mutex_);
            graveyard_.emplace_back(left);
            work_.notify_all();
          }};
}

// From here on it is found, and what had to go for it is not.
std::list<Host::Resident> Host::publish(std::shared_ptr<Engine> engine, const Order& order) {
  const auto served = std::make_shared<Served>();
  served->id = engine->model().id;
  served->engine = std::move(engine);
  served->base = order.usual;
  std::list<Resident> gone;
  {
    const std::lock_guard lock(mutex_);
    gone = take_out(order, false);
    constexpr size_t most_known = 256;
    if (known_.size() >= most_known) known_.clear();
    if (!order.spec.file.empty()) known_[served->id] = {order.spec, order.usual};
    if (order.current || current_.empty()) current_ = served->id;
    loading_.clear();
    residents_.push_back({order.spec, served, {}, Clock::now()});
  }
  tell();
  return gone;
}

bool Host::in_use(const Resident& one) const {
  const auto is_held = [](const ServedPtr& served) { return served.use_count() > 1; };
  return is_held(one.served) || std::ranges::any_of(one.names, is_held);
}

// The one that the new model replaces, and as many as are too many then; those that are not in use and were asked for
// longest ago first. `all`: memory does not suffice otherwise, so every one.
std::list<Host::Resident> Host::take_out(const Order& order, bool all) {
  std::list<Resident> gone;
  const auto take = [&](std::list<Resident>::iterator one) {
    if (one != residents_.end()) gone.splice(gone.end(), residents_, one);
  };
  take(resident(order.id));
  if (order.replaces && options_.most == 1) take(resident(current_));
  while (!residents_.empty() && (all || residents_.size() >= options_.most))
    take(std::ranges::min_element(residents_, {}, [this](const Resident& one) { return std::pair(in_use(one), one.used); }));
  return gone;
}

// They are found no more. What is left of their answers has the time of grace, and other loads need not wait for that.
void Host::retire(std::list<Resident> gone, double grace) {
  constexpr double for_ever = 1e7;  // what a clock can count
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(grace, for_ever)));
  for (Resident& one : gone) retiring_.push_back({one.served->id, one.served->engine, grace, until, false});
  gone.clear();
  tend();
}

// Ends those whose last answer has ended, and cancels what is left where the grace is over.
void Host::tend() {
  for (Retiring& one : retiring_) {
    if (one.cancelled || Clock::now() < one.until) continue;
    const std::shared_ptr<Engine> held = one.engine.lock();
    if (!held) continue;
    log_warning("the model {} goes: what was still being answered after {} seconds is cancelled", one.id, one.grace);
    held->drain(0, fmt::format("the model {} was unloaded, and the answer was not complete within {} seconds of grace", one.id,
                               one.grace));
    one.cancelled = true;
    one.until = Clock::now() + kAfterCancel;
  }
  retiring_.remove_if([](const Retiring& one) { return one.engine.expired() || (one.cancelled && Clock::now() >= one.until); });
  bury();
}

// Until their memory is free, or will not be soon.
void Host::wait_for_retired() {
  while (!retiring_.empty()) {
    {
      const auto first = std::ranges::min_element(retiring_, {}, &Retiring::until);
      std::unique_lock lock(mutex_);
      work_.wait_until(lock, first->until, [this] { return quit_ || !graveyard_.empty(); });
      if (quit_) return;
    }
    tend();
  }
}

std::optional<Host::Clock::time_point> Host::next_look() const {
  std::optional<Clock::time_point> next;
  for (const Resident& one : residents_) {
    const std::optional<double> idle = idle_of(one);
    if (!idle) continue;
    const auto look = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::clamp(*idle / 2, 0.01, 1.0)));
    if (!next || look < *next) next = look;
  }
  for (const Retiring& one : retiring_)
    if (!next || one.until < *next) next = one.until;
  return next;
}

void Host::bury() {
  std::vector<std::unique_ptr<Engine>> dead;
  {
    const std::lock_guard lock(mutex_);
    dead.swap(graveyard_);
  }
  if (dead.empty()) return;
  dead.clear();
  return_memory_now();  // a driver's compiler leaves pieces in the heaps of many threads
}

// Seconds after which it goes; nothing where it stays, as who could not come back does.
std::optional<double> Host::idle_of(const Resident& one) const {
  const double seconds = one.idle.value_or(options_.idle_seconds > 0 ? options_.idle_seconds : -1);
  return seconds >= 0 && known_.contains(one.served->id) ? std::optional(seconds) : std::nullopt;
}

// They come back when they are asked for.
void Host::unload_idle() {
  std::list<Resident> idle;
  {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Clock::now();
    for (auto one = residents_.begin(); one != residents_.end();) {
      const auto here = one++;
      const std::optional<double> seconds = idle_of(*here);
      if (!seconds || now - here->used < std::chrono::duration<double>(*seconds) || in_use(*here)) continue;
      log_info("the model {} was not asked for {} seconds: it is unloaded", here->served->id, *seconds);
      idle.splice(idle.end(), residents_, here);
    }
  }
  if (idle.empty()) return;
  tell();
  retire(std::move(idle), 0);
}

}  // namespace fulmar::host
