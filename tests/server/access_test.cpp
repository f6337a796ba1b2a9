// Web pages: who may ask, who may read the answer, and a stranger's name that was pointed at this machine.
#include "http/access.h"

#include "server/harness.h"

namespace fulmar::test {
namespace {

http::ServerOptions with(std::vector<std::string> origins, std::vector<std::string> hosts = {}) {
  http::ServerOptions options;
  options.access.origins = std::move(origins);
  options.access.hosts = std::move(hosts);
  return options;
}

Answer preflight(Client& client, std::string_view headers) {
  client.send("OPTIONS", "/v1/chat/completions", {},
              "Access-Control-Request-Method: POST\r\n" + std::string(headers));
  return client.receive();
}

TEST(Access, BrowsersMayAskFromAnywhereWithWhateverHeadersTheirLibrarySends) {
  Harness harness;
  Client client = harness.client();
  const std::string names = "authorization,content-type, x-stainless-os,x-stainless-retry-count";
  Answer answer = preflight(client, "Origin: https://page.example\r\nAccess-Control-Request-Headers: " + names + "\r\n");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.headers.at("access-control-allow-origin"), "*");
  EXPECT_EQ(answer.headers.at("access-control-allow-methods"), "POST, OPTIONS");
  EXPECT_EQ(answer.headers.at("access-control-allow-headers"), names);
  EXPECT_EQ(answer.headers.at("access-control-max-age"), "86400");
  // Names are given back only if they are names, and few.
  for (const std::string& wrong : {std::string("a b"), std::string("a,,b"), std::string(2000, 'a')}) {
    answer = preflight(client, "Origin: https://page.example\r\nAccess-Control-Request-Headers: " + wrong + "\r\n");
    EXPECT_EQ(answer.headers.at("access-control-allow-headers"), "Content-Type, Authorization");
  }
  client.send("GET", "/health", {}, "Origin: https://page.example\r\n");
  EXPECT_EQ(client.receive().headers.at("access-control-allow-origin"), "*");
  client.send("OPTIONS", "/nowhere", {}, "Origin: https://page.example\r\nAccess-Control-Request-Method: GET\r\n");
  EXPECT_EQ(client.receive().status, 204);  // so that the page sees the 404 itself
}

TEST(Access, OnlyNamedPagesMayAskWhereSomeAreNamed) {
  Harness harness({}, with({"https://chat.example/"}));
  Client client = harness.client();
  const auto ask = [&](const std::string& headers) {
    client.send("GET", "/health", {}, headers);
    return client.receive();
  };
  Answer answer = ask("Origin: https://chat.example\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("access-control-allow-origin"), "https://chat.example");
  EXPECT_EQ(answer.headers.at("vary"), "Origin");
  // A page can send what it cannot read the answer to: that too costs time.
  for (const char* other : {"https://other.example", "https://chat.example.org", "http://chat.example", "null"}) {
    answer = ask("Origin: " + std::string(other) + "\r\n");
    EXPECT_EQ(answer.status, 403) << other;
    EXPECT_FALSE(answer.headers.contains("access-control-allow-origin")) << other;
  }
  EXPECT_EQ(ask("Origin: http://test\r\n").status, 200);  // a page of this server itself
  EXPECT_EQ(ask("").status, 200);                         // no page
}

TEST(Access, PagesOfTheInternetReachAPrivateAddressOnlyIfNamed) {
  const std::string headers = "Origin: https://chat.example\r\nAccess-Control-Request-Private-Network: true\r\n";
  Harness anybody;
  Client client = anybody.client();
  EXPECT_FALSE(preflight(client, headers).headers.contains("access-control-allow-private-network"));
  Harness named({}, with({"*", "https://chat.example"}));
  Client other = named.client();
  EXPECT_EQ(preflight(other, headers).headers.at("access-control-allow-private-network"), "true");
}

TEST(Access, AStrangersNameForThisMachineIsRefused) {
  Harness harness({}, with({"*"}, {"fulmar.example"}));
  Client client = harness.client();
  const auto status = [&](const std::string& host) {
    client.send("GET /health HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    return client.receive().status;
  };
  for (const char* ours : {"localhost", "LOCALHOST:8000", "a.localhost", "127.0.0.1:8000", "[::1]:8000", "192.168.1.5",
                           "my-machine", "fulmar.example", "Fulmar.Example:8000"})
    EXPECT_EQ(status(ours), 200) << ours;
  for (const char* strange : {"rebound.example", "rebound.example:8000", "localhost.rebound.example",
                              "127.0.0.1.rebound.example", "rebound.example."})
    EXPECT_EQ(status(strange), 403) << strange;
  client.send("GET http://rebound.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Answer answer = client.receive();
  EXPECT_EQ(answer.status, 403);
  EXPECT_NE(answer.body.find("--allow-host rebound.example"), std::string::npos);

  http::ServerOptions locked;  // whoever knows the password came by no trick
  locked.password = "sesame";
  Harness behind_proxy({}, locked);
  Client proxied = behind_proxy.client();
  proxied.send("GET /v1/models HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer sesame\r\n\r\n");
  EXPECT_EQ(proxied.receive().status, 200);
}

}  // namespace
}  // namespace fulmar::test
