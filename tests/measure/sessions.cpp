// Measures the store of sessions: how long a turn takes to be durable, how long a state to be found, and what a hundred
// thousand sessions cost, or ten thousand with states of their own. measure_sessions FILE, on the disk that is meant.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "state/sessions.h"

namespace fulmar::test {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
}

std::string told(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return fmt::format("p50 {:7.2f} ms, p99 {:7.2f} ms, longest {:7.2f} ms", times[times.size() / 2],
                     times[times.size() * 99 / 100], times.back());
}

StoreOptions fresh(const std::string& file) {
  for (const char* ending : {"", "-wal"}) std::filesystem::remove(file + ending);
  StoreOptions options;
  options.file = file;
  return options;
}

// Turns of 100 tokens, each put as soon as the thread's last one was durable.
void measure_turns(const std::string& file, unsigned threads, size_t floats, uint32_t checkpoint_every) {
  StoreOptions options = fresh(file);
  options.checkpoint_every = checkpoint_every;
  const auto store = StateStore::open(options);
  std::vector<std::vector<double>> times(threads);
  std::vector<std::thread> running;
  const Clock::time_point begun = Clock::now();
  for (unsigned t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      const std::string id = fmt::format("session-{}", t);
      for (int turn = 0; turn < 300; ++turn) {
        KeptTurn kept = turn_of(*store, id, tokens_from(turn, 100), 1, floats);
        const Clock::time_point asked = Clock::now();
        store->wait(store->put(std::move(kept)));
        times[t].push_back(milliseconds_since(asked));
      }
    });
  for (std::thread& thread : running) thread.join();
  const double seconds = milliseconds_since(begun) / 1000;
  std::vector<double> all;
  for (const auto& list : times) all.insert(all.end(), list.begin(), list.end());
  const StoreStats stats = store->stats();
  fmt::print("put to durable, {} thread(s), states of {:.1f} MB{}: {}, {:.0f} turns/s\n", threads,
             static_cast<double>(floats) * 4e-6,
             stats.checkpoints > 0 ? fmt::format(", {} written meanwhile in {:.0f} ms each", stats.checkpoints,
                                                 1000 * stats.checkpoint_seconds / static_cast<double>(stats.checkpoints))
                                   : "",
             told(all), static_cast<double>(all.size()) / seconds);
}

void measure_finds(const std::string& file) {
  constexpr size_t floats = 13'000'000 / 4;
  StoreOptions options = fresh(file);
  constexpr int sessions = 60;
  {
    const auto store = StateStore::open(options);
    for (int i = 0; i < sessions; ++i) say(*store, fmt::format("session-{}", i), {1, 2}, floats);
  }
  options.device_sessions = 4;
  options.memory_sessions = 4;
  const auto store = StateStore::open(options);
  std::atomic<uint32_t> news = 0;
  const Subscription subscription = store->subscribe([&] {
    ++news;
    news.notify_all();
  });
  std::vector<double> from_file, from_memory;
  for (int i = 0; i < 4 * sessions; ++i) {
    const std::string id = fmt::format("session-{}", i * 7 % sessions);
    const Clock::time_point begun = Clock::now();
    for (;;) {
      const uint32_t heard = news;
      if (!store->find(id).coming) break;
      news.wait(heard);
    }
    from_file.push_back(milliseconds_since(begun));
    const Clock::time_point again = Clock::now();
    store->find(id);
    from_memory.push_back(milliseconds_since(again));
  }
  fmt::print("find a state of 13 MB, in memory:   {}\nfind a state of 13 MB, in the file: {}\n", told(from_memory),
             told(from_file));
}

void measure_many(const std::string& file) {
  constexpr int sessions = 100'000;
  const auto id_of = [](int i) { return fmt::format("user-{:06}", i); };
  StoreOptions options = fresh(file);
  Clock::time_point begun = Clock::now();
  {
    const auto store = StateStore::open(options);
    std::vector<Ticket> tickets;
    for (int i = 0; i < sessions; ++i) {
      const std::vector<Token> tokens = tokens_from(i, 100);
      tickets.push_back(store->put({.id = id_of(i), .tokens = tokens, .state = feed(nullptr, tokens)}));
    }
    for (const Ticket& ticket : tickets) store->wait(ticket);
    fmt::print("{} sessions of 100 tokens: put in {:.1f} s", sessions, milliseconds_since(begun) / 1000);
  }
  fmt::print(", {:.0f} MB", static_cast<double>(std::filesystem::file_size(file)) * 1e-6);
  begun = Clock::now();
  const auto store = StateStore::open(options);
  fmt::print(", opened in {:.0f} ms\n", milliseconds_since(begun));
  std::vector<double> puts, finds, lists;
  for (int i = 0; i < 500; ++i) {
    const std::string id = id_of(i * 7919 % sessions);
    begun = Clock::now();
    get(*store, id);
    finds.push_back(milliseconds_since(begun));
    KeptTurn kept = turn_of(*store, id, {1});
    begun = Clock::now();
    store->wait(store->put(std::move(kept)));
    puts.push_back(milliseconds_since(begun));
    begun = Clock::now();
    store->list(id, 100);
    lists.push_back(milliseconds_since(begun));
  }
  fmt::print("  among them: find {}\n              put  {}\n              list {}\n", told(finds), told(puts), told(lists));
}

// Each session with a state of its own, as of a small model.
void measure_states(const std::string& file) {
  constexpr int sessions = 10'000;
  constexpr size_t floats = 12'500;
  const auto id_of = [](int i) { return fmt::format("user-{:05}", i); };
  const StoreOptions options = fresh(file);
  Clock::time_point begun = Clock::now();
  {
    const auto store = StateStore::open(options);
    for (int i = 0; i < sessions; ++i) {
      say(*store, id_of(i), {i, i + 1}, floats);
      while (store->stats().unwritten > options.device_sessions + options.memory_sessions)
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    fmt::print("{} sessions with states of {} KB: put one after another in {:.1f} s", sessions, floats * 4 / 1000,
               milliseconds_since(begun) / 1000);
  }
  fmt::print(", {:.0f} MB", static_cast<double>(std::filesystem::file_size(file)) * 1e-6);
  begun = Clock::now();
  const auto store = StateStore::open(options);
  fmt::print(", opened in {:.0f} ms\n", milliseconds_since(begun));
  std::vector<double> finds, puts;
  int from_states = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string id = id_of(i * 7919 % sessions);
    begun = Clock::now();
    const FoundSession found = get(*store, id);
    finds.push_back(milliseconds_since(begun));
    from_states += found.state && found.state->fed > 0 ? 1 : 0;
    KeptTurn kept = turn_of(*store, id, {1}, 1, floats);
    begun = Clock::now();
    store->wait(store->put(std::move(kept)));
    puts.push_back(milliseconds_since(begun));
  }
  fmt::print("  among them: find {} ({} of 500 by their states)\n              put  {}\n", told(finds), from_states, told(puts));
  begun = Clock::now();
  const uint64_t erased = store->wait(store->erase(id_of(0))).count;
  fmt::print("              erase one in {:.2f} ms ({})\n", milliseconds_since(begun), erased);
}

}  // namespace
}  // namespace fulmar::test

int main(int count, char** words) {
  using namespace fulmar::test;
  if (count != 2) {
    fmt::print("measure_sessions FILE\n");
    return 2;
  }
  measure_turns(words[1], 1, 64, 1 << 30);
  measure_turns(words[1], 8, 64, 1 << 30);
  measure_turns(words[1], 8, 13'000'000 / 4, 16);
  measure_finds(words[1]);
  measure_many(words[1]);
  measure_states(words[1]);
}
