// Keeps sessions from eight threads until somebody kills it, and writes down each turn before it is put ("+ ID TOKENS") and
// when it is durable ("= ID TOKENS"): state_writer STORE LOG SEED.
#include <cstdio>
#include <fstream>
#include <mutex>

#include "state/sessions.h"
#include "state/writer/texts.h"

namespace {

using namespace fulmar;

class Log {
 public:
  explicit Log(const char* file) : file_(std::fopen(file, "ab")) {}
  void line(char what, const std::string& id, uint64_t tokens) {
    const std::string text = std::string(1, what) + ' ' + id + ' ' + std::to_string(tokens) + '\n';
    const std::lock_guard lock(mutex_);
    std::fwrite(text.data(), 1, text.size(), file_);
    std::fflush(file_);  // to the system, which outlives us
  }

 private:
  std::FILE* file_;
  std::mutex mutex_;
};

void talk(StateStore& store, Log& log, unsigned thread, unsigned seed) {
  std::minstd_rand random(seed * 8 + thread + 1);
  for (;;) {
    const std::string id = test::writer_id(thread, random() % 4);
    const FoundSession found = test::get(store, id);
    const size_t before = found.state ? found.state->tokens() : 0, more = 1 + random() % 200;
    std::vector<Token> tokens;
    for (size_t i = before; i < before + more; ++i) tokens.push_back(test::writer_token(id, i));
    KeptTurn turn{.id = id, .parent = found.head, .tokens = tokens,
                  .state = test::feed(found.state, tokens, 1 + random() % 3, 140000), .note = std::to_string(before + more)};
    log.line('+', id, before + more);
    if (!store.wait(store.put(std::move(turn))).error) log.line('=', id, before + more);
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) return 2;
  StoreOptions options;
  options.file = words[1];
  options.device_sessions = 4;
  options.memory_sessions = 4;
  options.checkpoint_every = 4;
  options.idle_seconds = 0.05;
  const auto store = StateStore::open(options);
  Log log(words[2]);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 8; ++t)
    threads.emplace_back([&, t] { talk(*store, log, t, static_cast<unsigned>(std::atoi(words[3]))); });
  for (std::thread& thread : threads) thread.join();
}
