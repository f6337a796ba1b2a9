// `fulmar serve`: the HTTP server.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "answer/key_file.h"
#include "api/serve.h"
#include "ask.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/platform.h"
#include "commands.h"
#include "model_flags.h"
#include "progress.h"
#include "session_flags.h"

namespace fulmar::tools {
namespace {

struct ServeFlags : ModelFlags {
  api::ServeOptions server;
  EngineOptions engine;  // but its model, which the other flags name
  std::optional<std::string> password, password_file;
  std::string log_level = "info", sampling_profile;
  SessionFlags sessions;
};

// A file's first line: its end is no part of a password.
std::string first_line(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line(4096, '\0');
  file.read(line.data(), static_cast<std::streamsize>(line.size()));
  if (file.bad() || !file.is_open()) fail(ErrorKind::misuse, "--password-file: {} cannot be read", path);
  line.resize(static_cast<size_t>(file.gcount()));
  return line.substr(0, line.find_first_of("\r\n"));
}

// What clients must send; none where nothing was given. A variable that was meant to hold one and is empty
// must not open the server to everybody.
std::string password_of(const ServeFlags& flags) {
  const char* variable = std::getenv("FULMAR_PASSWORD");
  if (!flags.password && !flags.password_file && !variable) return {};
  const char* source = flags.password        ? "--password"
                       : flags.password_file ? "--password-file"
                                             : "FULMAR_PASSWORD";
  std::string password = flags.password        ? *flags.password
                         : flags.password_file ? first_line(*flags.password_file)
                                               : std::string(variable);
  if (password.empty())
    fail(ErrorKind::misuse, "{} is empty; give a password, or leave it out and everybody is let in", source);
  const auto unsent = [](unsigned char c) { return c <= ' ' || c > '~'; };
  if (std::any_of(password.begin(), password.end(), unsent))
    fail(ErrorKind::misuse,
         "{} has a character that no HTTP header carries; use visible ASCII without spaces", source);
  return password;
}

// What a Host field can say, without the port: * stands for any.
bool can_be_a_host(const std::string& host) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.' || c == '_'; };
  if (host == "*") return true;
  if (host.starts_with('['))  // an address of IPv6
    return host.size() > 2 && host.find_first_not_of("0123456789abcdefABCDEF:.", 1) == host.size() - 1 && host.back() == ']';
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), fits);
}

// Those that say something of one model, where none is named that they could mean.
void refuse_first_models_flags(const ServeFlags& flags) {
  const std::pair<std::string_view, bool> given[] = {{"--model-name", !flags.spec.name.empty()},
                                                     {"--reranker", !flags.spec.reranker.empty()},
                                                     {"--gn-eps", flags.spec.head_norm_eps.has_value()},
                                                     {"--adapter", !flags.adapters.empty()},
                                                     {"--state", !flags.states.empty()}};
  for (const auto& [flag, is_given] : given)
    if (is_given) fail(ErrorKind::misuse, "{} is of one model: name it with --model, beside --models-dir", flag);
}

int run_serve(const ServeFlags& flags) {
  return_freed_memory();
  ignore_broken_pipes();
  set_log_level(flags.log_level);
  EngineOptions options = flags.engine;
  const bool none_at_first = flags.spec.file.empty() && !flags.server.host.folders.models.empty();
  options.model = spec_of(flags, none_at_first ? NoModel::none : NoModel::demo);
  if (none_at_first) {
    refuse_first_models_flags(flags);
    Engine::fits_beside(options);  // a wrong word should not wait for the first request
  }
  if (!log_enabled(LogLevel::info)) options.model.progress = {};
  api::ServeOptions server = flags.server;
  server.http.password = password_of(flags);
  server.profiles = api::profile_choice(flags.sampling_profile);
  server.build = "fulmar " FULMAR_VERSION;
  if (server.http.host.empty())
    fail(ErrorKind::misuse, "--host is empty; 127.0.0.1 is this machine alone, 0.0.0.0 whoever reaches it");
  if (server.admin_keys[0].empty() != server.admin_keys[1].empty())
    fail(ErrorKind::misuse, "--admin-key1 and --admin-key2 are needed both, or none, and neither may be empty");
  for (const std::string& origin : server.http.access.origins)
    if (origin != "*" && origin != "none" && origin.find("://") == std::string::npos)
      fail(ErrorKind::misuse, "--cors {} is no origin; it begins as https://chat.example does", origin);
  for (const std::string& host : server.http.access.hosts)
    if (!can_be_a_host(host))
      fail(ErrorKind::misuse, "--allow-host {} is no host: it is a name such as models.example, without scheme, port and path",
           host);
  if (!server.key_file.empty()) api::read_key_file(server.key_file);  // what is wrong with it should not wait for the model
  options.sessions = open_sessions_to_serve(flags.sessions);  // before the model: its errors cost no loading
  server.host.engine = std::move(options);
  server.host.make = Engine::create;
  server.host.fits = Engine::fits_beside;
  return api::run_server(std::move(server));
}

void add_host_flags(Command& command, api::ServeOptions& server) {
  host::HostOptions& host = server.host;
  command.option("--models-dir", host.folders.models,
                 "Folder whose models and adapters requests may name; without --model none is loaded before one is asked for");
  command.option("--states-dir", host.folders.states, "Folder whose tuned states requests may name; by default that of the models");
  command.option("--models-max", host.most, "Models of --models-dir that are loaded at once; the one asked for longest ago goes")
      .show_default()
      .between(1, 64);
  command.option("--mrss-max", server.mrss_max, "Tuned states that one mixture of POST /mrss_loadstatemodel may have")
      .show_default()
      .between(1, 64);
  command.option("--admin-key1", server.admin_keys[0],
                                     "With --admin-key2: whoever posts both keys may end the server, as with RWKV-Infer");
  command.option("--admin-key2", server.admin_keys[1], "The other one");
  command.option("--idle-unload", host.idle_seconds, "Seconds after which a model of --models-dir that nobody asks is unloaded; 0: never")
      .show_default()
      .not_negative();
  command.option("--swap-seconds", host.grace_seconds, "How long answers under way may take when their model goes for another")
      .show_default()
      .not_negative();
}

}  // namespace

void add_serve(CommandLine& line) {
  auto flags = std::make_shared<ServeFlags>();
  Command command = line.command("serve", "Answer over HTTP, as OpenAI's API does");
  add_model_flags(command, *flags, NoModel::demo);
  add_vocab_flag(command, *flags);
  add_chat_flags(command, *flags, flags->engine.thinking_budget);
  command.option("--model-name", flags->spec.name,
                 "The model's id for clients; by default the name of its file or folder");
  add_host_flags(command, flags->server);
  command.option("--reranker", flags->spec.reranker, "File of a reranker for POST /rerank, beside a model that makes vectors");
  command.option("--host", flags->server.http.host, "Address to listen on").show_default();
  command.option("--port", flags->server.http.port, "Port to listen on; 0: a free one").show_default().between(0, 65535);
  const Option password =
      command.option("--password", flags->password,
                     "Key that clients must send as a Bearer token (FULMAR_PASSWORD hides it from ps)");
  command.option("--password-file", flags->password_file, "File whose first line is that key")
      .excludes(password);
  command.option("--api-key-file", flags->server.key_file,
                 "File with several named keys, what each may use and how much of it; read again when it changes");
  command
      .option("--cors", flags->server.http.access.origins,
              "Origin whose web pages may use the server, as https://chat.example; may be repeated; "
              "*: any, none: no page")
      .show_default();
  command.option("--allow-host", flags->server.http.access.hosts,
                 "Name of this machine that requests may use, beside localhost, addresses, names without a "
                 "dot and --host; may be repeated; *: any");
  add_profile_flag(command, flags->sampling_profile, "model for chats, else neutral");
  command.flag("--state-newline", flags->server.state_newline,
               "Put an empty line between what a session has read and what /state/chat/completions appends to it");
  command
      .option(
          "--slots,--max_batch_size", flags->spec.slots,
          "Requests generating at once; by default as many as fit an eighth of the weights' memory, 8 to 64")
      .between(1, 4096);
  command.option("--queue,--max_queue_size", flags->engine.queue, "Requests that may wait; one more is answered 429")
      .show_default()
      .between(1, 1'000'000);
  command
      .option("--queue-tokens", flags->engine.queue_tokens,
              "Tokens that the prompts of waiting requests may have together; past it: 429")
      .show_default()
      .between(1, 1 << 30);
  command
      .option("--max-tokens,--max_completion_tokens", flags->server.max_tokens,
              "Tokens that an answer may have where its request says nothing; by default 16 for completions, 4096 for chats")
      .between(1, 1'000'000);
  command
      .option("--max-prompt-tokens", flags->engine.max_prompt_tokens,
              "Tokens that one prompt may have; past it: 400")
      .show_default()
      .between(1, 1 << 30);
  add_session_flags(command, flags->sessions);
  command
      .option("--prefix-cache", flags->engine.prefix_cache,
              "Memory for what prompts begin with, such as 500M; 0: none; by default an eighth of what is free")
      .size_in_bytes()
      .not_negative();
  command.option("--step-tokens,--max_seq_len", flags->spec.step_tokens, "Tokens of the largest step of the model")
      .show_default()
      .between(1, 65536);
  command
      .option("--drain-seconds", flags->server.drain_seconds,
              "How long requests under way may take after SIGTERM or Ctrl-C")
      .show_default()
      .not_negative();
  command.option("--log-level", flags->log_level, "error, warning, info, debug or off").show_default();
  command.runs([flags] { return run_serve(*flags); });
}

}  // namespace fulmar::tools
