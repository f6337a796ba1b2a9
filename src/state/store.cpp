// The store: callers leave changes and wishes under a lock, one thread brings them to the file and tells what came of it.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/fail.h"
#include "base/log.h"
#include "state/journal.h"
#include "state/levels.h"
#include "state/schema.h"
#include "state/subscribers.h"

namespace fulmar {
namespace {

using Clock = std::chrono::steady_clock;
using Change = std::shared_ptr<PendingChange>;

constexpr size_t most_in_a_commit = 256;
constexpr uint64_t limit_without_file = uint64_t{256} << 20;

int64_t unix_milliseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

StoreOptions completed(StoreOptions options) {
  if (options.file == "none") options.file.clear();
  if (options.file.empty() && options.limit == 0) options.limit = limit_without_file;
  return options;
}

class Store final : public StateStore {
 public:
  explicit Store(const StoreOptions& options)
      : options_(completed(options)),
        database_(open_store_file(options_.file)),
        journal_(*database_, options_.limit),
        levels_(options_, !options_.file.empty()) {
    const Clock::time_point now = Clock::now();
    journal_.for_each_session([&](Named session) { levels_.apply(std::move(session), now); });
    file_bytes_ = journal_.file_bytes();
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
    FoundSession found = levels_.find(id, Clock::now());
    if (levels_.waits()) wake_.notify_one();
    return found;
  }

  Ticket put(KeptTurn turn) override { return ask(std::move(turn)); }
  Ticket fork(const std::string& from, const std::string& to, bool replace, uint32_t back) override {
    return ask(Fork{from, to, replace, back});
  }
  Ticket erase(const std::string& id, bool also_below) override { return ask(Erase{id, also_below}); }

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
    stats.file_bytes = options_.file.empty() ? 0 : file_bytes_;
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
      asked_.push_back(change);
    }
    wake_.notify_one();
    return change;
  }

  // The store's thread: by turns the changes that wait, together; one state to be read; one to be written.
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const std::optional<Clock::time_point> idle = levels_.write_idle(Clock::now(), idle_);
      const auto awake = [&] { return stop_ || !asked_.empty() || levels_.waits(); };
      if (idle)
        wake_.wait_until(lock, *idle, awake);
      else
        wake_.wait(lock, awake);
      if (stop_ && asked_.empty()) break;
      make_changes(lock);
      if (const auto head = levels_.next_read()) read(lock, *head);
      if (const Levels::Unwritten next = levels_.next_write(); next.state) write(lock, next);
    }
    levels_.write_all();
    for (Levels::Unwritten next = levels_.next_write(); next.state; next = levels_.next_write()) write(lock, next);
  }

  void make_changes(std::unique_lock<std::mutex>& lock) {
    if (asked_.empty()) return;
    const size_t count = std::min(asked_.size(), most_in_a_commit);
    under_way_.assign(asked_.begin(), asked_.begin() + static_cast<std::ptrdiff_t>(count));
    asked_.erase(asked_.begin(), asked_.begin() + static_cast<std::ptrdiff_t>(count));
    lock.unlock();
    const std::string trouble = commit_what_can_be(under_way_);
    const Change erased = keep_to_limit();
    const uint64_t file_bytes = file_bytes_now();
    lock.lock();
    note_trouble(trouble);
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

  // Together, or where the file does not take that, those it does take. The sentence of what is wrong with the file.
  std::string commit_what_can_be(std::span<const Change> changes) {
    std::optional<Error> error = commit(changes);
    std::optional<Error> trouble = error;
    if (error && changes.size() > 1) {
      trouble.reset();
      for (size_t i = 0; i < changes.size(); ++i)
        if (error = commit(changes.subspan(i, 1)); error) trouble = error;
    }
    // What one caller asked too much of is told to that one alone.
    const bool own = trouble && (trouble->kind() == ErrorKind::too_large || trouble->kind() == ErrorKind::unsupported);
    return trouble && !own ? trouble->what() : "";
  }

  // All of them or none; then the error is each one's outcome.
  std::optional<Error> commit(std::span<const Change> changes) {
    std::optional<Error> error;
    try {
      Transaction transaction(*database_);
      const int64_t now = unix_milliseconds();
      for (const Change& change : changes) journal_.make(*change, now);
      transaction.commit();
      return std::nullopt;
    } catch (const Error& thrown) {
      error = thrown;
    } catch (const std::exception& thrown) {
      error.emplace(ErrorKind::out_of_memory, fmt::format("a session was not kept: {}", thrown.what()));
    }
    for (const Change& change : changes) {
      change->effects.clear();
      change->outcome = {};
      change->outcome.error = error;
    }
    return error;
  }

  // After changes, which do not look at it. What had to be erased, where there is no file: null for nothing.
  Change keep_to_limit() {
    if (options_.limit == 0) return nullptr;
    try {
      if (!options_.file.empty()) {
        Transaction transaction(*database_);
        journal_.make_room(0);
        transaction.commit();
        journal_.shrink();
      } else if (journal_.used_bytes() > options_.limit) {
        auto oldest = std::make_shared<PendingChange>();
        oldest->what = EraseOldest{};
        if (!commit(std::array<Change, 1>{oldest})) return oldest;
      }
    } catch (const Error& error) {
      log_warning("{}", error.what());
    }
    return nullptr;
  }

  uint64_t file_bytes_now() {
    try {
      return journal_.file_bytes();
    } catch (const Error&) {  // a disk that fails: as large as it was
      return file_bytes_;
    }
  }

  void read(std::unique_lock<std::mutex>& lock, Node head) {
    lock.unlock();
    std::optional<Journal::Loaded> loaded;
    std::optional<Error> error;
    try {
      loaded = journal_.load(head);
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

  void write(std::unique_lock<std::mutex>& lock, const Levels::Unwritten& next) {
    lock.unlock();
    const Clock::time_point begun = Clock::now();
    std::string trouble;
    bool kept = false;
    try {
      kept = journal_.write_checkpoint(next.head, *next.state);
      journal_.shrink();
    } catch (const std::exception& thrown) {
      trouble = thrown.what();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    lock.lock();
    levels_.wrote(next.head, kept, Clock::now());
    if (kept) {
      ++stats_.checkpoints;
      stats_.checkpoint_seconds += seconds;
      stats_.slowest_checkpoint = std::max(stats_.slowest_checkpoint, seconds);
    }
    if (!trouble.empty()) note_trouble(trouble);
  }

  // Under the lock. Each new sentence is logged once.
  void note_trouble(const std::string& trouble) {
    if (trouble == stats_.last_error) return;
    if (trouble.empty())
      log_info("{}: sessions are kept again", options_.file);
    else
      log_warning("{}", trouble);
    stats_.last_error = trouble;
  }

  const StoreOptions options_;
  const std::chrono::duration<double> idle_{std::clamp(options_.idle_seconds, 0.01, 1e6)};
  // The thread's alone, once it runs.
  const std::unique_ptr<Database> database_;
  Journal journal_;

  mutable std::mutex mutex_;
  std::condition_variable wake_, done_;
  bool stop_ = false;
  Levels levels_;
  std::deque<Change> asked_;
  std::vector<Change> under_way_;  // its changes are the thread's until they are done
  StoreStats stats_;               // but what Levels counts
  uint64_t file_bytes_ = 0;
  Subscribers subscribers_;
  std::thread thread_;
};

}  // namespace

std::shared_ptr<StateStore> StateStore::open(const StoreOptions& options) {
  return std::make_shared<Store>(options);
}

}  // namespace fulmar
