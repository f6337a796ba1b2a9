// A conversation in the terminal: the turns of one session, and what can be done to them.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ask.h"

namespace fulmar::tools {

// Of this session; with several streams of state each has one of its own, NAME, NAME:1, NAME:2.
struct ConversationOptions {
  std::string name;
  std::vector<ChatMessage> opening;  // the system's message, if any
  TemplateOptions chat;
  std::vector<Stream> streams;  // what it begins from
  // Opens the file that sessions are saved in and loaded from, where the engine's are in memory alone. Null where there
  // is no file yet, and none is to be made.
  std::function<std::shared_ptr<StateStore>(bool make)> file;
};

// What cannot be done throws an Error that says why; the conversation is then what it was.
class Conversation {
 public:
  // Goes on with a session that there is already.
  Conversation(Engine& engine, ConversationOptions options);

  const std::string& name() const { return options_.name; }
  bool begun() const { return head() != 0; }

  // What to ask for an answer to this message. Only that is read where the session has read what was before.
  Question next(const std::string& message);
  // The last message once more, or this one in its place: takes the last turn back.
  Question again();
  Question instead(const std::string& message);
  // To be called when next(), again() or instead() were asked, whatever came of it. `interrupted`: before its end.
  void asked(bool interrupted);

  void reset();                          // erases it
  void save(const std::string& as);      // a copy under another name
  void branch(const std::string& as);    // which the conversation goes on in
  void load(const std::string& name);
  std::vector<SessionEntry> in_memory() const;  // sessions that are lost with the program
  std::vector<SessionEntry> in_file() const;

 private:
  Node head() const;
  void enter(const std::string& name);
  void settle();
  void take_back();
  void refuse_taken(const StateStore& store, const std::string& as) const;
  void fork(const std::string& as);

  Engine& engine_;
  StateStore& store_;
  ConversationOptions options_;
  std::string last_;   // what was said last; empty: nobody knows
  Node before_ = 0;    // the session's turn when it was asked
  bool kept_ = false;  // its turn is the session's last one
};

}  // namespace fulmar::tools
