// The store: callers leave changes and wishes under a lock, one thread brings them to the file and tells what came of it.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/fail.h"
#include "base/log.h"
#include "state/leases.h"
#include "state/levels.h"
#include "state/store_file.h"
#include "state/subscribers.h"

namespace fulmar {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t most_in_a_commit = 256;
// Writing a state takes a core and the memory's bandwidth from the turns under way. So it is put off while sessions are used,
// until for so long none was; or until so many wait, and then for none until all are written: more, and some would be lost.
constexpr std::chrono::milliseconds quiet_time{100};
constexpr size_t many_to_write = 4;
constexpr std::chrono::seconds look_again_after{1};
constexpr uint64_t limit_without_file = uint64_t{256} << 20;

StoreOptions completed(StoreOptions options) {
  if (options.file == "none") options.file.clear();
  if (options.file.empty() && options.limit == 0) options.limit = limit_without_file;
  return options;
}

class Store final : public StateStore {
 public:
  explicit Store(const StoreOptions& options)
      : options_(completed(options)),
        file_(options_),
        levels_(options_, !options_.file.empty()) {
    const Clock::time_point now = Clock::now();
    file_.journal().for_each_session([&](Named session) { levels_.apply(std::move(session), now); });
    file_bytes_ = file_.bytes();
    thread_ = std::thread([this] { run(); });
  }
  ~Store() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  FoundSession find(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Clock::now();
    FoundSession found = levels_.find(id, now);
    if (found.known) used_ = now;
    if (hurries() || levels_.writes_waiting() > 0) wake_.notify_one();
    return found;
  }

  Lease lease(const std::vector<std::string>& ids) override { return leases_.take(ids); }
  Ticket put(KeptTurn turn) override { return ask(std::move(turn)); }
  void advance(Node turn, StatePtr state, const std::string& note) override {
    const std::lock_guard lock(mutex_);
    used_ = Clock::now();
    levels_.advance(turn, std::move(state), note, used_);
    if (levels_.writes_waiting() > 0) wake_.notify_one();
  }
  Ticket fork(const std::string& from, const std::string& to, bool replace, uint32_t back) override {
    return ask(Fork{from, to, replace, back});
  }
  Ticket erase(const std::string& id, bool also_below) override { return ask(Erase{id, also_below}); }
  Ticket put_document(const std::string& id, std::string bytes) override { return ask(KeptDocument{id, std::move(bytes)}); }

  std::optional<Outcome> outcome(const Ticket& ticket) override {
    const std::lock_guard lock(mutex_);
    return ticket->done ? std::optional(ticket->outcome) : std::nullopt;
  }
  Outcome wait(const Ticket& ticket) override {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return ticket->done; });
    return ticket->outcome;
  }
  Transcript transcript(const std::string& id) override {
    const Ticket ticket = ask(Read{id});
    const Outcome outcome = wait(ticket);
    if (outcome.error) throw Error(*outcome.error);
    return ticket->transcript;
  }

  std::optional<std::string> document(const std::string& id) override {
    const Ticket ticket = ask(ReadDocument{id});
    const Outcome outcome = wait(ticket);
    if (outcome.error) throw Error(*outcome.error);
    return ticket->document;
  }
  bool lasts() const override { return !options_.file.empty(); }

  std::vector<SessionEntry> list(const std::string& after, size_t count) const override {
    const std::lock_guard lock(mutex_);
    return levels_.list(after, count);
  }
  std::optional<SessionEntry> entry(const std::string& id) const override {
    const std::lock_guard lock(mutex_);
    return levels_.entry(id);
  }
  Subscription subscribe(std::function<void()> changed) override { return subscribers_.add(std::move(changed)); }
  StoreStats stats() const override {
    const std::lock_guard lock(mutex_);
    StoreStats stats = stats_;
    levels_.count(stats);
    stats.file_bytes = file_bytes_;
    stats.queued = asked_.size() + under_way_.size();
    const Change* oldest = !under_way_.empty() ? &under_way_.front() : !asked_.empty() ? &asked_.front() : nullptr;
    if (oldest != nullptr) stats.lag_seconds = std::chrono::duration<double>(Clock::now() - (*oldest)->asked).count();
    return stats;
  }

 private:
  Ticket ask(decltype(PendingChange::what) what) {
    auto change = std::make_shared<PendingChange>();
    change->what = std::move(what);
    change->asked = Clock::now();
    {
      const std::lock_guard lock(mutex_);
      used_ = change->asked;
      asked_.push_back(change);
    }
    wake_.notify_one();
    return change;
  }

  // The store's thread: changes first, which wait together; then a state to be read; then a piece of one to be written; and
  // where nobody wants anything, what can wait.
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      sleep(lock);
      if (stop_ && asked_.empty()) break;
      tell_freed(lock);
      make_changes(lock);
      look_again(lock);
      if (const auto head = levels_.next_read()) {
        read(lock, *head);
        if (levels_.writes_waiting() < many_to_write) continue;
      }
      if (!may_write(Clock::now())) continue;
      if (write_some(lock) || hurries()) continue;
      catches_up_ = false;
      lock.unlock();
      untidy_ = untidy_ && file_.tidy();
      const uint64_t bytes = file_.bytes();
      lock.lock();
      file_bytes_ = bytes;
    }
    levels_.write_all();
    while (write_some(lock)) {
    }
    lock.unlock();
    while (untidy_ && file_.tidy()) {
    }
    lock.lock();
  }

  // Until there is something to do.
  void sleep(std::unique_lock<std::mutex>& lock) {
    const Clock::time_point now = Clock::now();
    std::optional<Clock::time_point> end = levels_.write_idle(now, idle_);
    if (!stats_.last_error.empty()) end = std::min(end.value_or(Clock::time_point::max()), now + look_again_after);
    const auto has_work = [&] { return levels_.writes_waiting() > 0 || file_.writing() || untidy_; };
    if (has_work()) end = std::min(end.value_or(Clock::time_point::max()), used_ + quiet_time);
    const auto awake = [&] { return stop_ || hurries() || (has_work() && may_write(Clock::now())); };
    if (end)
      wake_.wait_until(lock, *end, awake);
    else
      wake_.wait(lock, awake);
  }
  bool may_write(Clock::time_point now) {
    catches_up_ = catches_up_ || levels_.writes_waiting() >= many_to_write;
    return stop_ || catches_up_ || now >= used_ + quiet_time;
  }
  bool hurries() const { return freed_ || !asked_.empty() || levels_.reads_waiting() > 0; }

  // A lease ends on threads that hold locks; who waits for it is told on this one.
  void lease_ended() {
    {
      const std::lock_guard lock(mutex_);
      freed_ = true;
    }
    wake_.notify_one();
  }
  void tell_freed(std::unique_lock<std::mutex>& lock) {
    if (!std::exchange(freed_, false)) return;
    lock.unlock();
    subscribers_.tell();
    lock.lock();
  }

  void make_changes(std::unique_lock<std::mutex>& lock) {
    if (asked_.empty()) return;
    const size_t count = std::min(asked_.size(), most_in_a_commit);
    under_way_.assign(asked_.begin(), asked_.begin() + static_cast<std::ptrdiff_t>(count));
    asked_.erase(asked_.begin(), asked_.begin() + static_cast<std::ptrdiff_t>(count));
    lock.unlock();
    file_.make(under_way_);
    const Change erased = file_.keep_to_limit();
    const uint64_t file_bytes = file_.bytes();
    untidy_ = true;
    lock.lock();
    note_trouble();
    file_bytes_ = file_bytes;
    if (erased) under_way_.push_back(erased);
    const Clock::time_point now = Clock::now();
    for (const Change& change : under_way_) {
      for (const Effect& effect : change->effects) levels_.apply(effect, now);
      change->effects.clear();
      change->what = Read{};  // lets go of its state, however long the ticket is kept
      change->done = true;
    }
    under_way_.clear();
    lock.unlock();
    done_.notify_all();
    subscribers_.tell();
    lock.lock();
  }

  // At most once in a second, and only after trouble.
  void look_again(std::unique_lock<std::mutex>& lock) {
    const Clock::time_point now = Clock::now();
    if (stats_.last_error.empty() || now < looked_ + look_again_after) return;
    looked_ = now;
    lock.unlock();
    file_.look_again();
    lock.lock();
    note_trouble();
  }

  void read(std::unique_lock<std::mutex>& lock, Node head) {
    lock.unlock();
    std::optional<Journal::Loaded> loaded;
    std::optional<Error> error;
    try {
      loaded = file_.journal().load(head);
    } catch (const Error& thrown) {
      error = thrown;
    } catch (const std::exception& thrown) {
      error.emplace(ErrorKind::out_of_memory, fmt::format("a session could not be read: {}", thrown.what()));
    }
    lock.lock();
    if (loaded)
      levels_.arrived(head, std::move(*loaded), Clock::now());
    else
      levels_.missing(head, *error);
    lock.unlock();
    subscribers_.tell();
    lock.lock();
  }

  // A piece of a state, another one's where none is begun. False where none waits.
  bool write_some(std::unique_lock<std::mutex>& lock) {
    if (!file_.writing()) {
      writing_ = levels_.next_write();
      if (!writing_.state) return false;
      written_seconds_ = 0;
      lock.unlock();
      const Clock::time_point begun = Clock::now();
      file_.begin_to_write(writing_.head, writing_.state);
      written_seconds_ = std::chrono::duration<double>(Clock::now() - begun).count();
      lock.lock();
    }
    lock.unlock();
    const Clock::time_point begun = Clock::now();
    const Journal::Written written = file_.write_some([this] {
      const std::lock_guard locked(mutex_);
      return hurries();
    });
    written_seconds_ += std::chrono::duration<double>(Clock::now() - begun).count();
    lock.lock();
    note_trouble();
    if (written == Journal::Written::more) return true;
    const bool kept = written == Journal::Written::all;
    levels_.wrote(std::exchange(writing_, {}), kept, Clock::now());
    untidy_ = true;
    if (!kept) return true;
    ++stats_.checkpoints;
    stats_.checkpoint_seconds += written_seconds_;
    stats_.slowest_checkpoint = std::max(stats_.slowest_checkpoint, written_seconds_);
    return true;
  }

  // Under the lock. Each new sentence is logged once.
  void note_trouble() {
    const std::string& trouble = file_.trouble();
    if (trouble == stats_.last_error) return;
    if (trouble.empty())
      log_info("{}: sessions are kept again", options_.file);
    else
      log_warning("{}", trouble);
    stats_.last_error = trouble;
    looked_ = Clock::now();
  }

  const StoreOptions options_;
  const std::chrono::duration<double> idle_{std::clamp(options_.idle_seconds, 0.01, 1e6)};
  // The thread's alone, once it runs.
  StoreFile file_;
  Levels::Unwritten writing_;  // what the file is writing
  double written_seconds_ = 0;
  bool untidy_ = false;
  Clock::time_point looked_{};

  mutable std::mutex mutex_;
  std::condition_variable wake_, done_;
  bool stop_ = false, freed_ = false;
  Levels levels_;
  Clock::time_point used_{};  // when somebody asked for a session, or what was asked for changed one
  bool catches_up_ = false;
  std::deque<Change> asked_;
  std::vector<Change> under_way_;  // its changes are the thread's until they are done
  StoreStats stats_;               // but what Levels counts
  uint64_t file_bytes_ = 0;
  Subscribers subscribers_;
  Leases leases_{[this] { lease_ended(); }};
  std::thread thread_;
};

}  // namespace

std::shared_ptr<StateStore> StateStore::open(const StoreOptions& options) {
  return std::make_shared<Store>(options);
}

}  // namespace fulmar
