// `fulmar serve`: the HTTP server.
#include <memory>

#include "api/serve.h"
#include "base/log.h"
#include "commands.h"
#include "model_flags.h"
#include "progress.h"

namespace fulmar::tools {
namespace {

struct ServeFlags : ModelFlags {
  api::ServeOptions server;
  EngineOptions engine;
  std::string log_level = "info";
};

int run_serve(const ServeFlags& flags) {
  set_log_level(flags.log_level);
  EngineOptions options = flags.engine;
  apply(flags, options);
  return api::run_server(flags.server, [&options] { return Engine::create(options); });
}

}  // namespace

void add_serve(CLI::App& app, Command& run) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* command = app.add_subcommand("serve", "Answer over HTTP, as OpenAI's API does");
  add_model_flags(*command, *flags, NoModel::demo);
  add_vocab_flag(*command, *flags);
  command->add_option("--model-name", flags->engine.name,
                      "The model's id for clients; by default the name of its file or folder");
  command->add_option("--host", flags->server.http.host, "Address to listen on")->capture_default_str();
  command->add_option("--port", flags->server.http.port, "Port to listen on; 0: a free one")
      ->capture_default_str();
  command->add_option("--password", flags->server.http.password,
                      "Key that clients must send as a Bearer token");
  command->add_option("--cors", flags->server.http.access.origins,
                      "Origin whose web pages may use the server, as https://chat.example; may be repeated; "
                      "*: any, none: no page")
      ->capture_default_str();
  command->add_option("--allow-host", flags->server.http.access.hosts,
                      "Name of this machine that requests may use, beside localhost, addresses, names without a "
                      "dot and --host; may be repeated; *: any");
  command
      ->add_option(
          "--slots", flags->engine.slots,
          "Requests generating at once; by default as many as fit an eighth of the weights' memory, 8 to 64")
      ->check(CLI::Range(1, 4096));
  command->add_option("--queue", flags->engine.queue, "Requests that may wait; one more is answered 429")
      ->capture_default_str();
  command->add_option("--step-tokens", flags->engine.step_tokens, "Tokens of the largest step of the model")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  command
      ->add_option("--drain-seconds", flags->server.drain_seconds,
                   "How long requests under way may take after SIGTERM or Ctrl-C")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--log-level", flags->log_level, "error, warning, info, debug or off")
      ->capture_default_str();
  command->callback([flags, &run] { run = [flags] { return run_serve(*flags); }; });
}

}  // namespace fulmar::tools
