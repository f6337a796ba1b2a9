// A client of Fulmar's server for applications, in C++17: asking, streams, switching models. docs/client.md is its manual.
// All of it stands in this header and calls the C interface, so that a program and the library may be built by different
// compilers, with different standard libraries, with or without exceptions. Nothing here throws, but where memory ends.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fulmar/client_c.h"

namespace fulmar::client {

using Request = fulmar_client_request;  // 0: none
using Failure = fulmar_client_failure;

inline std::string_view name_of(Failure failure) {
  return fulmar_client_failure_name(failure);
}

struct Message {
  std::string role, content;
};

// What to ask; the defaults are those of AsyncHttpRWKV's RWKVSetting. client_c.h says what each is.
struct Settings {
  std::vector<Message> messages;
  std::string model = "rwkv";
  std::string session_id;
  double temperature = 1.2, top_p = 0.9, presence_penalty = 0.6, frequency_penalty = 0;
  int32_t n = 1, max_tokens = 2048;
  std::string more;  // a JSON object of other fields
};

// What becomes of a request: one of on_succeeded and on_failed is called, once, after all of on_stream; none of them once
// the client is gone. A handler lives until then, and must not throw.
struct Handlers {
  std::function<void(std::string_view text)> on_stream;     // what is new of an answer, in whole characters
  std::function<void(std::string_view text)> on_succeeded;  // the whole: what on_stream had, put together
  std::function<void(Failure failure, std::string_view message)> on_failed;
};

enum class Calls {
  from_thread = FULMAR_CLIENT_FROM_THREAD,  // handlers run on a thread of the client's, one after the other
  from_poll = FULMAR_CLIENT_FROM_POLL       // handlers run in poll()
};

struct Options {
  std::string host = "127.0.0.1", port = "8000", password;
  Calls calls = Calls::from_thread;
  std::chrono::milliseconds connect_timeout{10'000}, idle_timeout{120'000}, load_timeout{900'000};
};

// A server to be asked. Requests are independent of each other. To destroy it ends those under way; from inside a handler
// too, elsewhere it waits for the handler that is running.
class Client {
 public:
  explicit Client(const Options& options = {}) {
    fulmar_client_options out;
    fulmar_client_options_init(&out, sizeof out);
    out.host = view(options.host);
    out.port = view(options.port);
    out.password = view(options.password);
    out.calls = static_cast<int32_t>(options.calls);
    out.connect_timeout_ms = milliseconds(options.connect_timeout);
    out.idle_timeout_ms = milliseconds(options.idle_timeout);
    out.load_timeout_ms = milliseconds(options.load_timeout);
    client_.reset(fulmar_client_new(&out));
  }
  Client(std::string host, std::string port, std::string password = {}, Calls calls = Calls::from_thread)
      : Client(options_of(std::move(host), std::move(port), std::move(password), calls)) {}

  // False where the system had no thread or socket left; requests then answer 0.
  explicit operator bool() const { return client_ != nullptr; }

  Request ask(const Settings& settings, Handlers handlers) {
    std::vector<fulmar_client_message> messages;
    messages.reserve(settings.messages.size());
    for (const Message& message : settings.messages) messages.push_back({view(message.role), view(message.content)});
    fulmar_client_settings out;
    fulmar_client_settings_init(&out, sizeof out);
    out.messages = messages.data();
    out.message_count = messages.size();
    out.model = view(settings.model);
    out.session_id = view(settings.session_id);
    out.temperature = settings.temperature;
    out.top_p = settings.top_p;
    out.presence_penalty = settings.presence_penalty;
    out.frequency_penalty = settings.frequency_penalty;
    out.n = settings.n;
    out.max_tokens = settings.max_tokens;
    out.more = view(settings.more);
    const fulmar_client_handlers kept = keep(std::move(handlers));
    return fulmar_client_ask(client_.get(), &out, &kept);
  }

  // So many layers stay on the device, the others are streamed through it; 0: the strategy says all.
  Request switch_model(std::string_view model, std::string_view strategy, int32_t stored_layers, Handlers handlers) {
    const fulmar_client_handlers kept = keep(std::move(handlers));
    return fulmar_client_switch_model(client_.get(), view(model), view(strategy), stored_layers, &kept);
  }

  Request status(Handlers handlers) {  // "working", "loading" or "offline"
    const fulmar_client_handlers kept = keep(std::move(handlers));
    return fulmar_client_status(client_.get(), &kept);
  }
  Request models(Handlers handlers) {  // their names, each on a line
    const fulmar_client_handlers kept = keep(std::move(handlers));
    return fulmar_client_models(client_.get(), &kept);
  }
  Request close_server(Handlers handlers) {
    const fulmar_client_handlers kept = keep(std::move(handlers));
    return fulmar_client_close_server(client_.get(), &kept);
  }

  // The request fails as cancelled, unless it has ended.
  void cancel(Request request) { fulmar_client_cancel(client_.get(), request); }

  // Calls the handlers of what has come, after up to `wait` where nothing has, and answers how many calls it made.
  size_t poll(std::chrono::milliseconds wait = {}) { return fulmar_client_poll(client_.get(), milliseconds(wait)); }

 private:
  struct Free {
    void operator()(fulmar_client* client) const { fulmar_client_free(client); }
  };

  static fulmar_client_text view(std::string_view text) { return {text.data(), text.size()}; }
  static int32_t milliseconds(std::chrono::milliseconds time) {
    return static_cast<int32_t>(time.count() < 0 ? 0 : time.count() > INT32_MAX ? INT32_MAX : time.count());
  }
  static Options options_of(std::string host, std::string port, std::string password, Calls calls) {
    Options options;
    options.host = std::move(host);
    options.port = std::move(port);
    options.password = std::move(password);
    options.calls = calls;
    return options;
  }

  // On the heap until on_release.
  static fulmar_client_handlers keep(Handlers handlers) {
    fulmar_client_handlers out;
    fulmar_client_handlers_init(&out, sizeof out);
    const bool streams = static_cast<bool>(handlers.on_stream);
    out.user = new Handlers(std::move(handlers));
    if (streams)
      out.on_stream = [](void* user, const char* text, size_t bytes) {
        static_cast<Handlers*>(user)->on_stream({text, bytes});
      };
    out.on_succeeded = [](void* user, const char* text, size_t bytes) {
      if (const auto& handler = static_cast<Handlers*>(user)->on_succeeded) handler({text, bytes});
    };
    out.on_failed = [](void* user, Failure failure, const char* message, size_t bytes) {
      if (const auto& handler = static_cast<Handlers*>(user)->on_failed) handler(failure, {message, bytes});
    };
    out.on_release = [](void* user) { delete static_cast<Handlers*>(user); };
    return out;
  }

  std::unique_ptr<fulmar_client, Free> client_;
};

}  // namespace fulmar::client
