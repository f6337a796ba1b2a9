// The C interface: sizes of structs checked, texts copied, and nothing thrown over it.
#include "fulmar/client_c.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>

#include "client/calls.h"
#include "client/loop.h"

namespace impl = fulmar::client::impl;

struct fulmar_client {
  std::shared_ptr<impl::Calls> calls;
  std::thread thread;
  bool polled = false;
};

namespace {

// Structs as this version has them, with what the program's version has not at its default.
template <typename Struct>
Struct whole(const Struct* given, void (*init)(Struct*, size_t)) {
  Struct own;
  init(&own, sizeof own);
  if (given != nullptr) std::memcpy(&own, given, std::min(given->size, sizeof own));
  own.size = sizeof own;
  return own;
}

// The first `size` bytes of the defaults: all that the program's version knows.
template <typename Struct>
void start_with(const Struct& defaults, Struct* out, size_t size) {
  if (out == nullptr || size < sizeof out->size) return;
  std::memcpy(static_cast<void*>(out), &defaults, std::min(size, sizeof defaults));
  out->size = size;
}

std::chrono::milliseconds at_least_one(int32_t milliseconds) {
  return std::chrono::milliseconds(std::max(milliseconds, 1));
}

fulmar_client_request add(fulmar_client* client, const fulmar_client_handlers* given, const std::function<impl::Call()>& make) {
  const fulmar_client_handlers handlers = whole(given, fulmar_client_handlers_init);
  try {
    if (client != nullptr) {
      impl::Call call;
      std::optional<impl::Failed> failure;
      try {
        call = make();
      } catch (const impl::Failed& failed) {
        failure = failed;
      }
      return client->calls->add(handlers, std::move(call), std::move(failure));
    }
  } catch (const std::exception&) {  // no memory
  }
  if (handlers.on_release) handlers.on_release(handlers.user);
  return 0;
}

}  // namespace

extern "C" {

void fulmar_client_options_init(fulmar_client_options* options, size_t size) {
  fulmar_client_options defaults{};
  defaults.host = fulmar_client_text_of("127.0.0.1");
  defaults.port = fulmar_client_text_of("8000");
  defaults.connect_timeout_ms = 10'000;
  defaults.idle_timeout_ms = 120'000;
  defaults.load_timeout_ms = 900'000;
  start_with(defaults, options, size);
}

void fulmar_client_settings_init(fulmar_client_settings* settings, size_t size) {
  fulmar_client_settings defaults{};
  defaults.model = fulmar_client_text_of("rwkv");
  defaults.temperature = 1.2;
  defaults.top_p = 0.9;
  defaults.presence_penalty = 0.6;
  defaults.n = 1;
  defaults.max_tokens = 2048;
  start_with(defaults, settings, size);
}

void fulmar_client_handlers_init(fulmar_client_handlers* handlers, size_t size) {
  start_with(fulmar_client_handlers{}, handlers, size);
}

fulmar_client* fulmar_client_new(const fulmar_client_options* given) {
  try {
    const fulmar_client_options options = whole(given, fulmar_client_options_init);
    const impl::Server server = {std::string(impl::view(options.host)), std::string(impl::view(options.port)),
                                 std::string(impl::view(options.password))};
    const impl::Timeouts timeouts = {at_least_one(options.connect_timeout_ms), at_least_one(options.idle_timeout_ms),
                                     at_least_one(options.load_timeout_ms)};
    auto client = std::make_unique<fulmar_client>();
    client->calls = std::make_shared<impl::Calls>();
    client->polled = options.calls == FULMAR_CLIENT_FROM_POLL;
    client->thread = std::thread([calls = client->calls, server, timeouts, delivers = !client->polled] {
      impl::run_loop(calls, server, timeouts, delivers);
    });
    return client.release();
  } catch (const impl::Failed&) {
  } catch (const std::exception&) {
  }
  return nullptr;
}

void fulmar_client_free(fulmar_client* client) {
  if (client == nullptr) return;
  const std::unique_ptr<fulmar_client> owned(client);
  owned->calls->close();
  if (owned->thread.get_id() == std::this_thread::get_id()) {
    owned->thread.detach();  // it ends when the handler has returned
  } else {
    owned->thread.join();
  }
}

fulmar_client_request fulmar_client_ask(fulmar_client* client, const fulmar_client_settings* settings,
                                        const fulmar_client_handlers* handlers) {
  return add(client, handlers, [&] { return impl::ask_call(whole(settings, fulmar_client_settings_init)); });
}

fulmar_client_request fulmar_client_switch_model(fulmar_client* client, fulmar_client_text model, fulmar_client_text strategy,
                                                 int32_t stored_layers, const fulmar_client_handlers* handlers) {
  return add(client, handlers, [&] { return impl::switch_call(impl::view(model), impl::view(strategy), stored_layers); });
}

fulmar_client_request fulmar_client_status(fulmar_client* client, const fulmar_client_handlers* handlers) {
  return add(client, handlers, [] { return impl::Call{impl::Call::Kind::status, {}}; });
}

fulmar_client_request fulmar_client_models(fulmar_client* client, const fulmar_client_handlers* handlers) {
  return add(client, handlers, [] { return impl::Call{impl::Call::Kind::models, {}}; });
}

fulmar_client_request fulmar_client_close_server(fulmar_client* client, const fulmar_client_handlers* handlers) {
  return add(client, handlers, [] { return impl::Call{impl::Call::Kind::close, {}}; });
}

void fulmar_client_cancel(fulmar_client* client, fulmar_client_request request) {
  if (client == nullptr) return;
  try {
    client->calls->cancel(request);
  } catch (const std::exception&) {  // no memory to say so: it goes on
  }
}

size_t fulmar_client_poll(fulmar_client* client, int32_t wait_ms) {
  if (client == nullptr || !client->polled) return 0;
  try {
    const std::shared_ptr<impl::Calls> calls = client->calls;  // a handler may free the client
    return calls->deliver(wait_ms);
  } catch (const std::exception&) {  // no memory for a copy of the news: they are told next time
    return 0;
  }
}

const char* fulmar_client_failure_name(fulmar_client_failure failure) {
  switch (failure) {
    case FULMAR_CLIENT_INVALID: return "invalid";
    case FULMAR_CLIENT_UNREACHABLE: return "unreachable";
    case FULMAR_CLIENT_TIMED_OUT: return "timed out";
    case FULMAR_CLIENT_DISCONNECTED: return "disconnected";
    case FULMAR_CLIENT_REFUSED: return "refused";
    case FULMAR_CLIENT_MALFORMED: return "malformed";
    case FULMAR_CLIENT_TOO_LARGE: return "too large";
    case FULMAR_CLIENT_CANCELLED: return "cancelled";
  }
  return "unknown";
}

}  // extern "C"
