// A conversation in the terminal, which the server keeps: ./talk 127.0.0.1 8000, a line of yours each, an empty one ends it.
#include <fulmar/client.h>

#include <future>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  namespace client = fulmar::client;
  if (argc != 3) {
    std::cerr << "usage: talk HOST PORT\n";
    return 2;
  }
  client::Client server(argv[1], argv[2]);
  client::Settings settings;
  settings.session_id = "talk";
  settings.max_tokens = 200;
  for (std::string line; std::getline(std::cin, line) && !line.empty();) {
    settings.messages = {{"user", line}};  // what was said before, the server knows
    std::promise<bool> ended;
    client::Handlers handlers;  // which run on the client's thread, while this one waits
    handlers.on_stream = [](std::string_view text) { std::cout << text << std::flush; };
    handlers.on_succeeded = [&](std::string_view) { ended.set_value(true); };
    handlers.on_failed = [&](client::Failure failure, std::string_view message) {
      std::cerr << client::name_of(failure) << ": " << message << '\n';
      ended.set_value(false);
    };
    if (server.ask(settings, handlers) == 0 || !ended.get_future().get()) return 1;
    std::cout << std::endl;
  }
}
