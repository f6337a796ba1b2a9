// What the handlers of a request were told, for tests that wait for it.
#pragma once
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fulmar/client.h"

namespace fulmar::test {

struct Told {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> news;
  std::vector<std::string> texts;                                         // of on_succeeded
  std::vector<std::pair<client::Failure, std::string>> failures;          // of on_failed

  bool ended() const { return !texts.empty() || !failures.empty(); }
  // False after half a minute, which is a hang.
  template <typename Condition>
  bool wait_until(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), condition);
  }
  bool wait() {
    return wait_until([&] { return ended(); });
  }
  std::string heard() {
    std::string all;
    for (const std::string& one : news) all += one;
    return all;
  }
};

inline client::Handlers tell(const std::shared_ptr<Told>& told) {
  const auto note = [told](auto change) {
    const std::lock_guard lock(told->mutex);
    change();
    told->changed.notify_all();
  };
  client::Handlers handlers;
  handlers.on_stream = [told, note](std::string_view text) { note([&] { told->news.emplace_back(text); }); };
  handlers.on_succeeded = [told, note](std::string_view text) { note([&] { told->texts.emplace_back(text); }); };
  handlers.on_failed = [told, note](client::Failure failure, std::string_view message) {
    note([&] { told->failures.emplace_back(failure, message); });
  };
  return handlers;
}

inline client::Settings say(std::string text) {
  client::Settings settings;
  settings.messages = {{"user", std::move(text)}};
  return settings;
}

}  // namespace fulmar::test
