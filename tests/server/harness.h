// A server with a fake engine on a free port, as the tests use it.
#pragma once
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "api/routes.h"
#include "base/log.h"
#include "host/host.h"
#include "http/server.h"
#include "server/client.h"
#include "server/fake_engine.h"

namespace fulmar::test {

namespace json = boost::json;

struct Harness {
  // The engine outlives the server's threads, and the context both.
  explicit Harness(FakeOptions fake = {}, http::ServerOptions http = {}) : engine(std::move(fake)) {
    set_log_level("warning");  // not a line for each of thousands of requests
    serve();
    context.host = &host;
    http.port = 0;
    server = std::make_unique<http::Server>(std::move(http), api::make_router(context));
    server->start();
  }
  ~Harness() { server->stop(); }

  // The engine is the host's current model from here on.
  void serve() { host.adopt(std::shared_ptr<Engine>(&engine, [](Engine*) {})); }
  void serve_nothing() {
    std::promise<void> done;
    host.unload({}, 0, [&](const std::exception_ptr&) { done.set_value(); });
    done.get_future().wait();
  }

  Client client() const { return Client(server->port()); }
  bool idle() const {
    const EngineStats stats = engine.stats();
    return stats.live == 0 && stats.queued == 0;
  }

  api::Context context;
  FakeEngine engine;
  host::Host host{host::HostOptions{}};
  std::unique_ptr<http::Server> server;
};

// Waits for what must come soon; the ten seconds only bound a failure.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

// The error object of an answer must be whole; returns it.
inline json::object error_of(const Answer& answer) {
  EXPECT_EQ(answer.headers.count("access-control-allow-origin"), 1u);
  boost::system::error_code bad;
  const json::value value = json::parse(answer.body, bad);
  EXPECT_FALSE(bad) << answer.body;
  if (bad || !value.is_object() || !value.get_object().contains("error")) {
    ADD_FAILURE() << "no error object: " << answer.body;
    return {};
  }
  json::object error = value.at("error").as_object();
  EXPECT_TRUE(error.contains("message") && error["message"].is_string() &&
              !error["message"].get_string().empty());
  EXPECT_TRUE(error.contains("type") && error["type"].is_string());
  EXPECT_TRUE(error.contains("param") && error.contains("code"));
  return error;
}

}  // namespace fulmar::test
