// Turns of a session; see conversation.h.
#include "conversation.h"

#include <fmt/format.h>

#include <utility>

#include "base/fail.h"
#include "session_copy.h"

namespace fulmar::tools {
namespace {

// Before what was said, in the note that is kept with a turn; other doors have notes of their own.
constexpr std::string_view said = "chat: ";

std::string note_of(const std::string& message, size_t streams) {
  std::string note = std::string(said) + message;
  return note.size() <= (streams > 1 ? max_mixed_note : max_note) ? note : std::string();
}

// With several streams each has a session of its own.
std::string stream_name(const std::string& name, size_t stream) {
  return stream == 0 ? name : fmt::format("{}:{}", name, stream);
}

void must(const Outcome& outcome) {
  if (outcome.error) throw Error(*outcome.error);
}

}  // namespace

Conversation::Conversation(Engine& engine, ConversationOptions options)
    : engine_(engine), store_(engine.sessions()), options_(std::move(options)) {
  check_session_id(options_.name, "--session");
  if (options_.streams.empty()) options_.streams.emplace_back();
  if (begun()) {
    enter(options_.name);
    return;
  }
  for (size_t i = 1; i < options_.streams.size(); ++i)
    if (const std::string id = stream_name(options_.name, i); store_.entry(id))
      fail(ErrorKind::bad_request, "there is a session '{}' already, and one of the conversation's {} states would be kept under "
           "that name: take another --session, or delete that one", id, options_.streams.size());
}

Node Conversation::head() const {
  const auto entry = store_.entry(options_.name);
  return entry ? entry->head : 0;
}

void Conversation::enter(const std::string& name) {
  std::string note;
  const size_t streams = options_.streams.size();
  for (size_t i = 0; i < streams; ++i) {
    const std::string id = stream_name(name, i);
    const FoundSession found = i == 0 || store_.entry(id) ? read_session(store_, id) : FoundSession();
    const MixedNote mixed = read_mixed_note(found.note);
    if (!found.known || mixed.streams != streams || mixed.stream != i)
      fail(ErrorKind::bad_request, "session '{}' did not begin from {}: give --state as often as it did", name,
           streams == 1 ? "one state" : fmt::format("{} states", streams));
    try {
      engine_.check(*found.state);
    } catch (const Error& error) {
      fail(error.kind(), "session '{}' cannot go on here: {}", name, error.what());
    }
    if (i == 0) note = mixed.note;
  }
  options_.name = name;
  last_ = note.starts_with(said) ? note.substr(said.size()) : std::string();
  kept_ = true;
}

Question Conversation::next(const std::string& message) {
  Question question;
  question.prompt.messages = options_.opening;
  question.prompt.messages.push_back({"user", message});
  question.prompt.chat = options_.chat;
  question.continued.emplace();
  question.continued->messages = {{"user", message}};
  question.continued->chat = options_.chat;
  question.continued->chat.continues = true;
  question.streams = options_.streams;
  for (size_t i = 0; i < question.streams.size(); ++i)
    question.streams[i].from = question.streams[i].keep = stream_name(options_.name, i);
  question.note = note_of(message, options_.streams.size());
  last_ = message;
  before_ = head();
  kept_ = false;
  return question;
}

void Conversation::asked(bool interrupted) {
  if (interrupted) settle();
  kept_ = head() != before_;
}

void Conversation::settle() {
  // Of an answer that was interrupted as much is kept as had come. That is under way until the engine has begun, and
  // ended, a request that needs a slot too, and the store what it was asked for before.
  Request nothing;
  PromptInput empty;
  empty.may_be_empty = true;
  nothing.prompt = engine_.prepare(empty);
  nothing.max_tokens = 0;
  nothing.use_prefix_cache = false;
  nothing.streams.resize(options_.streams.size());
  wait_for(engine_, std::move(nothing));
  store_.wait(store_.fork(options_.name, options_.name, true));
}

Question Conversation::again() {
  if (last_.empty()) fail(ErrorKind::bad_request, "there is no message of which it is known that it was the last");
  return instead(std::string(last_));
}

Question Conversation::instead(const std::string& message) {
  if (last_.empty() && begun())
    fail(ErrorKind::bad_request, "the last turn of session '{}' is not known by its message", options_.name);
  if (kept_) take_back();
  return next(message);
}

// The first turn has nothing before it: the session is gone with it.
void Conversation::take_back() {
  for (size_t i = 0; i < options_.streams.size(); ++i) {
    const std::string id = stream_name(options_.name, i);
    const Outcome outcome = store_.wait(store_.fork(id, id, true, 1));
    if (!outcome.error) continue;
    if (outcome.error->kind() != ErrorKind::not_found) throw Error(*outcome.error);
    must(store_.wait(store_.erase(id)));
  }
  kept_ = false;
}

void Conversation::reset() {
  for (size_t i = 0; i < options_.streams.size(); ++i) store_.wait(store_.erase(stream_name(options_.name, i)));
  last_.clear();
  kept_ = false;
}

// All of them or none.
void Conversation::refuse_taken(const StateStore& store, const std::string& as) const {
  for (size_t i = 0; i < options_.streams.size(); ++i) refuse_existing(store, stream_name(as, i));
}

void Conversation::fork(const std::string& as) {
  check_session_id(as, "the name");
  if (!begun()) fail(ErrorKind::bad_request, "nothing was said yet");
  refuse_taken(store_, as);
  for (size_t i = 0; i < options_.streams.size(); ++i)
    must(store_.wait(store_.fork(stream_name(options_.name, i), stream_name(as, i), false)));
}

void Conversation::branch(const std::string& as) {
  fork(as);
  options_.name = as;
}

void Conversation::save(const std::string& as) {
  if (!options_.file) return fork(as);
  if (!begun()) fail(ErrorKind::bad_request, "nothing was said yet");
  const std::shared_ptr<StateStore> file = options_.file(true);
  refuse_taken(*file, as);
  for (size_t i = 0; i < options_.streams.size(); ++i)
    copy_session(store_, stream_name(options_.name, i), *file, stream_name(as, i));
}

void Conversation::load(const std::string& name) {
  check_session_id(name, "the name");
  if (!store_.entry(name) && options_.file) {
    const std::shared_ptr<StateStore> file = options_.file(false);
    refuse_taken(store_, name);
    for (size_t i = 0; file && i < options_.streams.size() && file->entry(stream_name(name, i)); ++i)
      copy_session(*file, stream_name(name, i), store_, stream_name(name, i));
  }
  enter(name);
}

std::vector<SessionEntry> Conversation::in_memory() const {
  return options_.file ? all_sessions(store_) : std::vector<SessionEntry>();
}

std::vector<SessionEntry> Conversation::in_file() const {
  if (!options_.file) return all_sessions(store_);
  const std::shared_ptr<StateStore> file = options_.file(false);
  return file ? all_sessions(*file) : std::vector<SessionEntry>();
}

}  // namespace fulmar::tools
