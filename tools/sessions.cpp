// `fulmar sessions`: the store of sessions without a server or a model.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "base/platform.h"
#include "base/terminal.h"
#include "commands.h"
#include "fulmar/state_file.h"
#include "model/fingerprint.h"
#include "model/model_folder.h"
#include "model/vocabulary.h"
#include "model_flags.h"
#include "session_copy.h"

namespace fulmar::tools {
namespace {

struct SessionsFlags {
  SessionFlags store;
  std::string action, first, second;
  std::string as, model, vocab;
  bool below = false;
};

std::shared_ptr<StateStore> open_there(const SessionsFlags& flags) {
  std::shared_ptr<StateStore> store = open_sessions_if_there(flags.store);
  if (store) return store;
  const std::string& file = flags.store.store.file;
  fail(ErrorKind::not_found, "{} has no sessions yet: `fulmar chat --session NAME` and `fulmar serve` keep some",
       file.empty() ? "the user's data folder" : file);
}

void list(const SessionsFlags& flags) {
  for (const SessionEntry& session : all_sessions(*open_there(flags)))
    std::printf("%s\n", fmt::format("{}  {:>8} tokens  {}", time_text(session.updated), session.tokens, session.id).c_str());
}

std::shared_ptr<const Tokenizer> vocabulary_of(const std::string& file, const std::string& vocab) {
  const SourcePtr model = open_weights(file);
  return open_vocabulary(vocab, *model, look_around(file, *model).vocabularies).tokenizer;
}

// Of those that come with the program the one that the session is of; null: none is.
std::shared_ptr<const Tokenizer> known_vocabulary(const Fingerprint& session) {
  std::shared_ptr<const Tokenizer> one = open_vocabulary("");
  if (is_of_vocabulary(session, hash_of(*one))) return one;
  try {
    one = vocabulary_of(demo_model_file(), "");
  } catch (const Error&) {  // it is not there
    return nullptr;
  }
  return is_of_vocabulary(session, hash_of(*one)) ? one : nullptr;
}

std::string text_of(const SessionsFlags& flags, const SessionEntry& session, const std::vector<Token>& tokens) {
  if (flags.model.empty() && flags.vocab.empty()) {
    const auto known = known_vocabulary(session.model);
    return known ? known->decode(tokens)
                 : "(Its text is spelled in a vocabulary that did not come with Fulmar: give the model's with --model FILE or "
                   "--vocab FILE.)";
  }
  const auto named = flags.model.empty() ? open_vocabulary(flags.vocab) : vocabulary_of(flags.model, flags.vocab);
  if (!is_of_vocabulary(session.model, hash_of(*named)))
    fail(ErrorKind::misuse, "session '{}' is spelled in another vocabulary: give its model's own with --model FILE or --vocab FILE",
         session.id);
  return named->decode(tokens);
}

void show(const SessionsFlags& flags) {
  use_binary_streams();
  const auto store = open_there(flags);
  const FoundSession found = read_session(*store, flags.first);
  const SessionEntry session = store->entry(flags.first).value();
  const Transcript transcript = store->transcript(flags.first);
  const std::string text = text_of(flags, session, transcript.tokens);
  std::string facts = fmt::format("session: {}\ntokens: {}, of which the state has seen {}\nbegun: {} UTC\nlast turn: {} UTC\n"
                                  "model: {}\n",
                                  session.id, session.tokens, found.state->fed, time_text(session.created),
                                  time_text(session.updated), session.model.hex());
  if (transcript.unknown > 0)
    facts += fmt::format("without text: the first {} tokens, which only the state has seen\n", transcript.unknown);
  facts += "\n" + text + "\n";
  std::fwrite(facts.data(), 1, facts.size(), stdout);
}

void export_one(const SessionsFlags& flags) {
  const FoundSession found = read_session(*open_there(flags), flags.first);
  replace_file(flags.second, write_state(*found.state, StatePrecision::f32, flags.first));
}

void import_one(const SessionsFlags& flags) {
  const MappedFile file(flags.first);
  const ReadState read = read_state(file.bytes(), flags.first);
  const std::string name = flags.as.empty() ? read.session : flags.as;
  if (name.empty()) fail(ErrorKind::misuse, "{} names no session: give it a name with --as NAME", flags.first);
  put_session(*open_sessions(flags.store), name, read.state, read.state->unfed);
  std::printf("%s\n", name.c_str());
}

void erase(const SessionsFlags& flags) {
  check_session_id(flags.first, "the name");
  const auto store = open_there(flags);
  const Outcome outcome = store->wait(store->erase(flags.first, flags.below));
  if (outcome.error) throw Error(*outcome.error);
  std::fprintf(stderr, "%s\n", fmt::format("{} deleted", outcome.count).c_str());
}

struct Action {
  const char *name, *words;
  int count;  // of the words
  void (*run)(const SessionsFlags&);
};

constexpr Action actions[] = {{"list", "", 0, list},
                              {"show", "ID", 1, show},
                              {"export", "ID FILE", 2, export_one},
                              {"import", "FILE", 1, import_one},
                              {"delete", "ID", 1, erase}};

int run_sessions(const SessionsFlags& flags) {
  for (const Action& action : actions) {
    if (flags.action != action.name) continue;
    const int given = (flags.first.empty() ? 0 : 1) + (flags.second.empty() ? 0 : 1);
    if (given != action.count)
      fail(ErrorKind::misuse, "it is `fulmar sessions {}{}{}`, with no more words and no fewer", action.name,
           action.count ? " " : "", action.words);
    if (!flags.as.empty() && action.run != import_one) fail(ErrorKind::misuse, "--as is for import");
    if (flags.below && action.run != erase) fail(ErrorKind::misuse, "--below is for delete");
    if (flags.store.store.file == "none") fail(ErrorKind::misuse, "--sessions none keeps nothing that could be looked at");
    action.run(flags);
    return 0;
  }
  fail(ErrorKind::internal, "no action {}", flags.action);
}

}  // namespace

void add_sessions(CommandLine& line) {
  auto flags = std::make_shared<SessionsFlags>();
  Command command = line.command("sessions", "Look after kept sessions: list, show, export, import, delete");
  command.option("action", flags->action, "What to do: list; show ID; export ID FILE; import FILE; delete ID")
      .required()
      .one_of({"list", "show", "export", "import", "delete"});
  command.option("first", flags->first, "ID of a session, or the FILE to import");
  command.option("second", flags->second, "FILE to export to, which is replaced");
  add_sessions_file_flag(command, flags->store);
  command.option("--as", flags->as, "import: the session's ID; by default the one in the file");
  command.flag("--below", flags->below, "delete: also all whose ID begins with this one and a colon");
  command.option("--model", flags->model, "show: the model whose vocabulary the text is in");
  command.option("--vocab", flags->vocab,
                 "show: the vocabulary, as `fulmar tokenize` takes it; by default that of the session, if it comes with the program");
  command.runs([flags] { return run_sessions(*flags); });
}

}  // namespace fulmar::tools
