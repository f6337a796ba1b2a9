// A server of server/http alone, without an API: it answers with what it was sent.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/server.h"
#include "server/client.h"

namespace fulmar::test {

struct Echo {
  explicit Echo(http::ServerOptions options = {}, std::vector<http::Route> routes = {}) {
    options.port = 0;
    const auto echo = [](const http::Request& request, const std::shared_ptr<http::Reply>& reply) {
      http::Response response;
      response.body = request.body;
      reply->respond(std::move(response));
    };
    for (const char* method : {"GET", "POST"}) {
      routes.push_back({method, "/", echo});
      routes.push_back({method, "/{}", echo, false, true});
    }
    server = std::make_unique<http::Server>(std::move(options), http::Router(std::move(routes)));
    server->start();
  }
  ~Echo() { server->stop(); }
  Client client() const { return Client(server->port(), false); }

  std::unique_ptr<http::Server> server;
};

}  // namespace fulmar::test
