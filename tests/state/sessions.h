// A model that is a hash: states whose floats tell which tokens they have seen, and what tests say to a store.
#pragma once
#include <atomic>
#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "fulmar/state_store.h"

namespace fulmar::test {

inline const Fingerprint model = *Fingerprint::from_hex("00112233445566778899aabbccddeeff");

std::vector<float> floats_of(const TokenHash& hash, size_t count = 64);
// What a model makes of a state (null: its start) and tokens, of which so many stay unfed.
StatePtr feed(const StatePtr& from, const std::vector<Token>& tokens, size_t unfed = 1, size_t floats = 64);
// Whether the state is one of this text: its floats those of the tokens it says it has seen, and the rest unfed.
bool stands_for(const StatePtr& state, const std::vector<Token>& text);
std::vector<Token> tokens_from(int first, size_t count);

// Asks until the state is there, or an error.
FoundSession get(StateStore& store, const std::string& id);
// Whether the session is this text, by its state and by its transcript.
bool holds(StateStore& store, const std::string& id, const std::vector<Token>& text);
// A turn of a session, which is made where there is none; as an engine does it.
KeptTurn turn_of(StateStore& store, const std::string& id, const std::vector<Token>& tokens, size_t unfed = 1,
                 size_t floats = 64);
Outcome say(StateStore& store, const std::string& id, const std::vector<Token>& tokens, size_t floats = 64);

// A folder that is gone with the test.
class Folder {
 public:
  Folder() {
    static std::atomic<unsigned> count = std::random_device{}();
    path_ = std::filesystem::temp_directory_path() / ("fulmar-sessions-" + std::to_string(++count));
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name = "sessions.db") const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Waits for what another thread does.
template <typename Condition>
bool soon(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline StoreOptions in(const Folder& folder) {
  StoreOptions options;
  options.file = folder.file();
  return options;
}

}  // namespace fulmar::test
