// The fake's one thread: admits, steps every live request by a token, forgets the closed ones.
#include "server/fake_engine.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "engine/prompt.h"
#include "text/call_reader.h"
#include "text/chat_template.h"
#include "text/turn_reader.h"

namespace fulmar::test {

struct FakeEngine::Live {
  Request request;
  std::shared_ptr<Sink> sink;
  std::string prompt;
  uint64_t seed = 0, made = 0;
  size_t said = 0;  // of a "say" prompt
  std::string text;  // so far
  std::optional<TurnReader> reader;  // of a script
  uint32_t thought = 0;              // its tokens
  std::optional<CallReader> calls;   // of a script, where the request has tools
  uint32_t called = 0;
};

std::string fake_word(std::string_view prompt, uint64_t seed, uint64_t i) {
  uint64_t hash = 1469598103934665603u ^ (seed * 0x9e3779b97f4a7c15u) ^ (i * 0xc2b2ae3d27d4eb4fu);
  for (const char c : prompt) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  static const char* const words[] = {" river",  " über", " 海燕",        " \"quoted\"",
                                      " line\n", " 🐦",    " back\\slash", " of"};
  return words[(hash >> 32) % 8] + std::to_string(hash % 1000);
}

std::string fake_text(std::string_view prompt, uint64_t seed, uint64_t count) {
  std::string text;
  for (uint64_t i = 0; i < count; ++i) text += fake_word(prompt, seed, i);
  return text;
}

std::vector<float> fake_vector(std::string_view prompt) {
  return {0.5f, -0.5f, static_cast<float>(prompt.size()), prompt.empty() ? 0.0f : static_cast<float>(prompt[0])};
}

FakeEngine::FakeEngine(FakeOptions options) : options_(std::move(options)) {
  info_.id = options_.id;
  info_.version = "v7";
  info_.strategy = "cpu fp32";
  info_.device = "none";
  info_.vocab = 65536;
  info_.path = "/models/fake.pth";
  info_.channels = options_.channels;
  info_.embeds = options_.embeds;
  info_.slots = options_.slots;
  info_.chat_template = {"fake", "the tests"};
  info_.sampling_profiles = options_.sampling_profiles;
  info_.created = 1'700'000'000;
  thread_ = std::thread([this] { run(); });
}

FakeEngine::~FakeEngine() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
  for (auto* list : {&live_, &queued_})
    for (const auto& live : *list) {
      Event event;
      event.finish = Finish::cancelled;
      live->sink->on_event(event);
    }
}

std::shared_ptr<const Prompt> FakeEngine::prepare(const PromptInput& input) const {
  ++preparing_;
  if (options_.prepare_after.valid()) options_.prepare_after.wait();
  --preparing_;
  ChatPrompt chat;
  if (!input.messages.empty()) chat = apply_chat_template(input.messages, input.chat);
  std::string text = input.text;
  for (const Token token : input.tokens) text += token < 256 ? static_cast<char>(token) : '?';
  for (const ChatMessage& message : input.messages) text += message.role + ": " + message.content + "\n";
  const std::lock_guard lock(mutex_);
  last_input_ = input;
  Prompt prompt;
  prompt.chat_template = chat.name;
  prompt.stops = chat.stops;
  prompt.turn = chat.turn;
  for (const char c : text) prompt.tokens.push_back(static_cast<unsigned char>(c));
  if (input.keep_text) prompt.text = text;
  return std::make_shared<const Prompt>(std::move(prompt));
}

void FakeEngine::submit(std::vector<Submission> all) {
  size_t count = 0;
  for (const Submission& submission : all) count += submission.choices.size();
  if (count > options_.queue)
    refuse_field("n", "{} answers at once are more than the {} that may wait", count, options_.queue);
  const std::lock_guard lock(mutex_);
  if (!trouble_.empty() || draining_) fail(ErrorKind::unavailable, "{}", trouble_);
  if (count > options_.queue - queued_.size()) fail(ErrorKind::busy, "the queue is full");
  for (const Submission& submission : all)
    for (uint32_t choice = 0; choice < submission.choices.size(); ++choice) {
      auto live = std::make_unique<Live>();
      live->request = last_ = submission.request;
      const Turn& turn = live->request.prompt->turn;
      if (!options_.script.empty()) live->reader.emplace(turn);
      if (!options_.script.empty() && turn.calls.form != CallForm::none) live->calls.emplace(turn);
      for (const Token token : live->request.prompt->tokens) live->prompt += static_cast<char>(token);
      live->seed = live->request.sampling.seed.value_or(0) + choice;
      live->sink = submission.choices[choice];
      queued_.push_back(std::move(live));
    }
  changed_.notify_all();
}

std::string FakeEngine::text_of(std::span<const Token> tokens) const {
  std::string text;
  for (const Token token : tokens) {
    const auto word = options_.words.find(token);
    text += word == options_.words.end() ? std::string(1, static_cast<char>(token)) : word->second;
  }
  return text;
}

EngineStats FakeEngine::stats() const {
  const std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.live = static_cast<uint32_t>(live_.size()) + stepping_;
  stats.queued = static_cast<uint32_t>(queued_.size());
  return stats;
}

std::string FakeEngine::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void FakeEngine::set_trouble(std::string sentence) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(sentence);
}

Request FakeEngine::last_request() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

PromptInput FakeEngine::last_input() const {
  const std::lock_guard lock(mutex_);
  return last_input_;
}

void FakeEngine::drain(double seconds, const std::string& why) {
  std::unique_lock lock(mutex_);
  trouble_ = why;
  draining_ = true;
  changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                    [this] { return queued_.empty() && live_.empty() && stepping_ == 0; });
}

void FakeEngine::run() {
  std::unique_lock lock(mutex_);
  while (!over_) {
    if (queued_.empty() && live_.empty()) {
      changed_.notify_all();
      changed_.wait(lock);
      continue;
    }
    while (!queued_.empty() && live_.size() < options_.slots) {
      live_.push_back(std::move(queued_.front()));
      queued_.pop_front();
    }
    ++stats_.steps;
    // Sinks are called without the lock, as the real engine does.
    auto taken = std::exchange(live_, {});
    stepping_ = static_cast<uint32_t>(taken.size());
    lock.unlock();
    std::erase_if(taken, [this](const auto& live) { return !step(*live); });
    if (options_.step.count() > 0) std::this_thread::sleep_for(options_.step);
    lock.lock();
    stepping_ = 0;
    for (auto& live : live_) taken.push_back(std::move(live));
    live_ = std::move(taken);
  }
}

bool FakeEngine::step(Live& live) {
  if (live.sink->closed()) return false;
  std::string piece;
  Event event;
  event.prompt_tokens = static_cast<uint32_t>(live.prompt.size());
  if (live.request.max_tokens == 0) {
    event.finish = Finish::length;
    std::vector<float> vector = fake_vector(live.prompt);
    vector.resize(options_.channels);
    if (live.request.embed) event.embedding = vector;
    const Error error(ErrorKind::device_lost, options_.fail_with);
    if (!options_.fail_with.empty()) event.finish = Finish::failed, event.error = &error;
    live.sink->on_event(event);
    return false;
  }
  const std::string_view say = "say ";
  if (live.prompt.starts_with(say)) {
    const std::string_view rest = std::string_view(live.prompt).substr(say.size() + live.said);
    piece = rest.substr(0, rest.find(' ', 1));
    live.said += piece.size();
    if (piece.size() == rest.size()) event.finish = Finish::stop;
  } else {
    piece = options_.piece_bytes ? std::string(options_.piece_bytes, 'x')
                                 : fake_word(live.prompt, live.seed, live.made);
  }
  TurnText turn;
  CallText calls;
  std::vector<CallPiece> call_pieces;
  if (live.reader) {
    const bool thought = live.reader->thinking();
    turn = live.reader->push(options_.script[live.made]);
    if (thought || live.reader->thinking()) ++live.thought;
    if (live.made + 1 == options_.script.size()) {
      event.finish = Finish::stop;
      const TurnText rest = live.reader->finish();
      turn.thought += rest.thought;
      turn.text += rest.text;
    }
    if (live.calls) {
      calls = live.calls->push(turn.text);
      if (event.finish == Finish::stop) {
        CallText rest = live.calls->finish();
        calls.text += rest.text;
        calls.calls.insert(calls.calls.end(), rest.calls.begin(), rest.calls.end());
      }
      for (const ToolCall& call : calls.calls) call_pieces.push_back({call.name.empty() ? live.called - 1 : live.called++, call.name, call.arguments});
      if (live.called > 0 && (event.finish == Finish::stop || live.calls->full())) event.finish = Finish::called;
      event.calls = call_pieces;
      turn.text = calls.text;
    }
    piece = turn.text;
    event.thought = turn.thought;
    event.thought_tokens = live.thought;
  }
  event.completion_tokens = static_cast<uint32_t>(++live.made);
  event.times = {1'000'000, 2'000'000, 3'000'000 * live.made};
  for (uint32_t i = 0; i < live.request.stop.size(); ++i) {
    const size_t at = piece.find(live.request.stop[i]);
    if (at == std::string::npos) continue;
    piece.resize(at);
    event.finish = Finish::stop;
    event.stop = i;
  }
  if (event.finish == Finish::none && live.made == live.request.max_tokens) event.finish = Finish::length;
  if (event.finish == Finish::none && live.sink->wish() == Wish::end) event.finish = Finish::stop;
  const Error error(ErrorKind::device_lost, options_.fail_with);
  if (!options_.fail_with.empty() && live.made == 2) {
    event.finish = Finish::failed;
    event.error = &error;
    piece.clear();
  }
  event.text = piece;
  std::vector<Token> whole(live.request.prompt->tokens);
  for (const char c : live.text += piece) whole.push_back(static_cast<unsigned char>(c));
  if (live.request.report_turn && event.finish != Finish::none) event.turn = whole;
  live.sink->on_event(event);
  return event.finish == Finish::none;
}

}  // namespace fulmar::test
