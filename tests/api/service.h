// A server over a real engine, whose model is a hash of all it was fed: a token too many or too few changes every text.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <future>
#include <memory>
#include <string>

#include "api/routes.h"
#include "base/log.h"
#include "engine/fake_model.h"
#include "host/host.h"
#include "http/server.h"
#include "server/client.h"

namespace fulmar::test {

namespace json = boost::json;

struct Service {
  explicit Service(FakeOptions model = {}, FakeLimits limits = {}, const std::string& password = {})
      : engine(make_fake_engine(std::move(model), std::move(limits))) {
    set_log_level("warning");
    host.adopt(std::shared_ptr<Engine>(engine.get(), [](Engine*) {}));
    context.host = &host;
    context.password = password;
    http::ServerOptions options;
    options.port = 0;
    options.password = password;
    server = std::make_unique<http::Server>(options, api::make_router(context));
    server->start();
  }
  ~Service() { server->stop(); }

  void serve_nothing() {
    std::promise<void> done;
    host.unload({}, 0, [&](const std::exception_ptr&) { done.set_value(); });
    done.get_future().wait();
  }
  Client client() const { return Client(server->port()); }
  Answer post(std::string_view path, const json::value& body) const { return client().post(path, json::serialize(body)); }
  // What must be answered with 200.
  json::object ask(std::string_view path, const json::value& body) const {
    const Answer answer = post(path, body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    boost::system::error_code bad;
    json::value value = json::parse(answer.body, bad);
    EXPECT_TRUE(!bad && value.is_object()) << answer.body;
    return bad || !value.is_object() ? json::object() : value.get_object();
  }
  std::string text_of_session(const std::string& id) const {
    return engine->text_of(engine->sessions().transcript(id).tokens);
  }

  api::Context context;  // first: answers that an engine still holds as it ends speak of it
  std::unique_ptr<Engine> engine;
  host::Host host{host::HostOptions{}};
  std::unique_ptr<http::Server> server;
};

// The body with more members, or others in their place.
inline json::object with(json::object body, const json::object& more) {
  for (const auto& member : more) body[member.key()] = member.value();
  return body;
}

}  // namespace fulmar::test
