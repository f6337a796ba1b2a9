// Waits for sockets, lets each exchange do what it can, and looks for those that are late.
#include "client/loop.h"

#include <algorithm>
#include <exception>
#include <system_error>

namespace fulmar::client::impl {
namespace {

// Finds a name's addresses on a thread of its own, since systems offer no way to give that up: one search at a time, whose
// outcome is for all that wait for it.
class Search {
 public:
  void start(const std::shared_ptr<Calls>& calls, const Server& server) {
    if (found_) return;
    auto search = std::make_shared<Shared>();
    search->addresses = find_addresses(server.host, server.port, true);
    search->done = !search->addresses.addresses.empty();
    if (!search->done) look_up(calls, server, search);
    found_ = std::move(search);
  }
  // Empty while it lasts; afterwards once what it found, and the next one is a new one.
  std::optional<FoundAddresses> take() {
    if (!found_) return {};
    const auto kept = found_;  // outlives the lock
    const std::lock_guard lock(kept->mutex);
    if (!kept->done) return {};
    found_ = nullptr;
    return kept->addresses;
  }

 private:
  struct Shared {
    std::mutex mutex;
    bool done = false;
    FoundAddresses addresses;
  };

  static void look_up(const std::shared_ptr<Calls>& calls, const Server& server, const std::shared_ptr<Shared>& found) {
    std::thread([calls, found, server] {
      block_signals();
      FoundAddresses addresses = find_addresses(server.host, server.port, false);
      {
        const std::lock_guard lock(found->mutex);
        found->addresses = std::move(addresses);
        found->done = true;
      }
      calls->waiter().wake();
    }).detach();
  }

  std::shared_ptr<Shared> found_;
};

class Loop {
 public:
  Loop(const std::shared_ptr<Calls>& calls, const Server& server, const Timeouts& timeouts)
      : calls_(calls), server_(server), timeouts_(timeouts), buffer_(64 << 10) {}

  void run(bool delivers) {
    while (!calls_->is_closed()) {
      begin_new();
      wait(delivers);
      step();
      if (delivers) calls_->deliver(0);
    }
  }

 private:
  struct Running {
    std::unique_ptr<Exchange> exchange;
    bool ready = false, ended = false;
  };

  // Whatever goes wrong for one request ends that one.
  template <typename Work>
  bool attempt(const std::shared_ptr<Request>& request, Work work) {
    try {
      return work();
    } catch (const Failed& failed) {
      calls_->end(request, failed);
    } catch (const std::bad_alloc&) {
      calls_->end(request, Failed{FULMAR_CLIENT_TOO_LARGE, "there is no memory left"});
    } catch (const std::system_error& error) {
      calls_->end(request, Failed{FULMAR_CLIENT_TOO_LARGE, std::string("the system refuses a thread: ") + error.what()});
    }
    return true;
  }

  void begin_new() {
    for (const std::shared_ptr<Request>& request : calls_->take_new()) {
      attempt(request, [&] {
        running_.push_back({std::make_unique<Exchange>(request, server_, timeouts_)});
        return false;
      });
    }
    find();
  }

  void find() {
    const auto wants = [](const Running& one) { return !one.ended && one.exchange->wants_addresses(); };
    if (std::none_of(running_.begin(), running_.end(), wants)) return;
    const auto each = [&](auto work) {
      for (Running& one : running_)
        if (wants(one)) one.ended |= attempt(one.exchange->request(), [&] { return work(*one.exchange), false; });
    };
    each([&](Exchange&) { search_.start(calls_, server_); });
    if (const std::optional<FoundAddresses> found = search_.take()) each([&](Exchange& exchange) { exchange.found(*found); });
  }

  // Not where this thread has something to tell: a request may have ended as it began.
  void wait(bool delivers) {
    wishes_.clear();
    const bool has_news = delivers && calls_->has_news();
    Clock::time_point until = Clock::now() + std::chrono::hours(has_news ? 0 : 1);
    for (Running& one : running_) {
      one.ready = false;
      if (one.ended) until = Clock::now();
      if (!one.ended && one.exchange->waits_for_socket()) wishes_.push_back(one.exchange->wish());
      until = std::min(until, one.exchange->deadline());
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    calls_->waiter().wait(wishes_, static_cast<int>(std::max<long long>(left, 0)));
    size_t next = 0;
    for (Running& one : running_)
      if (!one.ended && one.exchange->waits_for_socket()) one.ready = wishes_[next++].ready;
  }

  void step() {
    for (Running& one : running_) {
      const std::shared_ptr<Request>& request = one.exchange->request();
      if (one.ended || calls_->has_ended(*request)) {
        one.ended = true;
        continue;
      }
      one.ended = attempt(request, [&] {
        if (one.exchange->step(one.ready, *calls_, buffer_)) return true;
        // Whoever had something to read is not late, though a handler may have kept this thread for long.
        if (!one.ready) one.exchange->fail_if_late(Clock::now());
        return false;
      });
    }
    std::erase_if(running_, [](const Running& one) { return one.ended; });
  }

  const std::shared_ptr<Calls>& calls_;
  const Server& server_;
  const Timeouts& timeouts_;
  Search search_;
  std::vector<char> buffer_;
  std::vector<Running> running_;
  std::vector<Waiter::Wish> wishes_;
};

}  // namespace

void run_loop(const std::shared_ptr<Calls>& calls, const Server& server, const Timeouts& timeouts, bool delivers) {
  block_signals();
  Loop(calls, server, timeouts).run(delivers);
}

}  // namespace fulmar::client::impl
