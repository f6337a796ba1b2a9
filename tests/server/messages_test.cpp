// HTTP as RFC 9110 and 9112 have it: what is a request, what is none, and where one ends. Whoever is wrong here
// lets a client slip a second request past a proxy.
#include <fmt/format.h>

#include "http/chunks.h"
#include "http/head.h"
#include "http/refusal.h"
#include "server/echo.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

using Statuses = std::vector<int>;

// What the server answers until it closes the connection, or until it has answered `count` times.
Statuses answers(const Echo& echo, std::string_view bytes, size_t count, bool bodiless = false) {
  Client client = echo.client();
  client.send(bytes);
  Statuses statuses;
  while (statuses.size() < count) {
    const Answer answer = client.receive(bodiless);
    if (answer.status == 0) break;
    EXPECT_TRUE(answer.headers.contains("date")) << bytes;
    statuses.push_back(answer.status);
  }
  return statuses;
}

TEST(Messages, WhatIsNoRequestIsRefusedOnceAndEndsTheConnection) {
  Echo echo;
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n", post = "POST / HTTP/1.1\r\nHost: a\r\n",
                    next = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  struct Case {
    std::string bytes;
    int status = 400;
  };
  std::vector<Case> cases = {
      // The request line.
      {"garbage\r\n\r\n"},
      {"\x16\x03\x01\x02"},  // TLS: seen before its line ends
      {"GET /\r\n"},         // HTTP/0.9: at once, for nothing more would come
      {"GET / \r\n\r\n"},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET  HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"Some wordsGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {std::string(200, 'A')},
      {"GET / http/1.1\r\nHost: a\r\n\r\n"},
      {"GET / HTTP/1\r\nHost: a\r\n\r\n"},
      {"GET / HTTP/01.1\r\nHost: a\r\n\r\n"},
      {"GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
      {"GET / HTTP/ 1.1\r\nHost: a\r\n\r\n"},
      {"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      // The target.
      {"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET /\xc0\xaf HTTP/1.1\r\nHost: a\r\n\r\n"},
      {std::string("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 30)},
      {"GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET /a%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501},
      {"GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      // Lines.
      {"GET / HTTP/1.1\nHost: a\n\n"},
      {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
      {"GET / HTTP/1.1\rHost: a\r\n\r\n"},
      {get + "X: a\rb\r\n\r\n"},
      {get + "\rX: a\r\n\r\n"},
      {get + "X: a\r\n folded\r\n\r\n"},
      {"GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n"},
      // Fields.
      {get + "no colon\r\n\r\n"},
      {get + ": no name\r\n\r\n"},
      {get + "X : a\r\n\r\n"},
      {get + "X[]: a\r\n\r\n"},
      {get + "X\xc3\xab: a\r\n\r\n"},
      {get + "X: a\x07\r\n\r\n"},
      {get + std::string("X: a\0b\r\n\r\n", 10)},
      {get + "X: " + std::string(20'000, 'a') + "\r\n\r\n", 431},
      // Host.
      {"GET / HTTP/1.1\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: \r\n\r\n"},
      {get + "Host: a\r\n\r\n"},
      {get + "Host: b\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
      {get + "Authorization: a\r\nAuthorization: b\r\n\r\n"},
      {post + "Content-Type: a/b\r\nContent-Type: a/c\r\nContent-Length: 0\r\n\r\n"},
      {get + "Expect: a miracle\r\n\r\n", 417},
      // How the body may not be told. What follows it must not be taken for a request.
      {post + "Content-Length: -1\r\n\r\n"},
      {post + "Content-Length: +5\r\n\r\nhello" + next},
      {post + "Content-Length: 0x5\r\n\r\nhello" + next},
      {post + "Content-Length: 1_0\r\n\r\nhello" + next},
      {post + "Content-Length: 5 5\r\n\r\nhello" + next},
      {post + "Content-Length: 005\r\n\r\nhello" + next},
      {post + "Content-Length: 5, 5\r\n\r\nhello" + next},
      {post + "Content-Length: 5, 10\r\n\r\nhello" + next},
      {post + "Content-Length: \r\n\r\nhello" + next},
      {post + "Content-Length: 99999999999999999999\r\n\r\n"},
      {post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + next},
      {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + next},
      {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: Chunked \r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello" + next},
      {post + "Transfer-Encoding: \r\nContent-Length: 5\r\n\r\nhello" + next},
      {post + "Transfer-Encoding: \r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello" + next},
      {post + "Content_Length: 5\r\n\r\nhello" + next},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next},
      {post + "Transfer-Encoding: gzip\r\n\r\n" + next, 501},
      {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + next, 501},
      {post + "Transfer-Encoding: identity\r\n\r\n" + next, 501},
  };
  for (const char* body :
       {"zz\r\n", "-1\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
        "1_0\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffff0\r\nhello\r\n0\r\n\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n", "5;a[=b\r\nhello\r\n0\r\n\r\n", "5;a=\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b\r\nhello\r\n0\r\n\r\n", "5;a\nhello\r\n0\r\n\r\n", "5;a\x01\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhello!!\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n", "0\r\n\n", "0\r\nno colon\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\nHost: b\r\n\r\n", "0\r\nAuthorization: b\r\n\r\n",
        "0\r\nX : b\r\n\r\n", "0\r\nX: b\r\n folded\r\n\r\n"})
    cases.push_back({chunked + body + next});
  for (const Case& wrong : cases)
    EXPECT_EQ(answers(echo, wrong.bytes, 3), Statuses{wrong.status}) << wrong.bytes.substr(0, 200);
}

TEST(Messages, WhatIsARequestIsAnsweredAndTheNextOneToo) {
  Echo echo;
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n", post = "POST / HTTP/1.1\r\nHost: a\r\n",
                    chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::pair<std::string, int>> cases = {
      {get + "\r\n", 200},
      {"\r\n\r\n" + get + "\r\n", 200},
      {"GET / HTTP/1.1\r\nhOST:\ta:80\t \r\nempty:\r\n\r\n", 200},
      {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 200},
      {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 200},
      {"GET HTTP://a:80/x?y HTTP/1.1\r\nHost: b\r\n\r\n", 200},  // its own host counts
      {"GET https://a?x HTTP/1.1\r\nHost: a\r\n\r\n", 200},
      {"GET /" + std::string(8000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 200},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200},
      {get + "Content-Length: 5\r\n\r\nhello", 200},  // it has no use here, but it is not a request either
      {get + "X: \xc3\xa9\r\n\r\n", 200},
      {get + "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n", 200},
      {get + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200},
      {get + "Range: bytes=0-0\r\n\r\n", 200},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204},
      {"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", 204},
      {"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"TRACE / HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n", 405},
      {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {post + "\r\n", 200},
      {post + "Content-Length: 0\r\n\r\n", 200},
      {post + "Content-Length:\t5 \r\n\r\nhello", 200},
      {post + "Content-Length: 5\r\n\r\nhello\r\n", 200},  // and a line end that is not part of it
      {chunked + "0\r\n\r\n", 200},
      {chunked + "5\r\nhello\r\n0\r\n\r\n", 200},
      {chunked + "05\r\nhello\r\nA\r\n, you all!\r\n000\r\n\r\n", 200},
      {chunked + "5;a=b;c;d=\"e;\\\"f\" ; g = h\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", 200},
      {post + "Upgrade: h2c\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200},
      {"POST / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", 200},
  };
  for (const auto& [bytes, status] : cases)
    EXPECT_EQ(answers(echo, bytes + get + "\r\n", 2), (Statuses{status, 200})) << bytes.substr(0, 200);
  EXPECT_EQ(answers(echo, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 2, true),
            (Statuses{200, 200}));
}

TEST(Messages, BodiesArriveWhole) {
  Echo echo;
  Client client = echo.client();
  EXPECT_EQ(client.post("/", "hello").body, "hello");
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\nA\r\n, you all!\r\n0\r\n\r\n");
  EXPECT_EQ(client.receive().body, "hello, you all!");
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(client.post("/", large).body, large);
}

TEST(Messages, ConnectionsEndWhereTheRequestSaysSo) {
  Echo echo;
  for (const char* bytes :
       {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, CLOSE\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n"})
    EXPECT_EQ(answers(echo, bytes + std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 2), Statuses{200}) << bytes;
}

TEST(Messages, ABeginningIsWaitedForHoweverItIsCut) {
  const std::string whole =
      "\r\nPOST http://host:80/a?b HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nTransfer-Encoding: chunked\r\n\r\n";
  const http::Limits limits;
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    http::HeadParser parser(limits);
    std::string_view begin(whole.data(), cut);
    ASSERT_NO_THROW(parser.put(begin)) << cut;
    ASSERT_FALSE(parser.done()) << cut;
    std::string_view rest = std::string_view(whole).substr(cut - begin.size());
    parser.put(rest);
    ASSERT_TRUE(parser.done()) << cut;
    EXPECT_EQ(parser.head().target, "/a?b");
    EXPECT_EQ(parser.head().host, "host");
    EXPECT_TRUE(parser.head().chunked);
  }
  const std::string chunked = "5;a=\"b\"\r\nhello\r\n00A\r\n, you all!\r\n0\r\nX: y\r\n\r\n";
  for (size_t cut = 0; cut < chunked.size(); ++cut) {
    http::Chunks chunks(100);
    std::string body, pending;
    for (const std::string_view part : {std::string_view(chunked).substr(0, cut), std::string_view(chunked).substr(cut)}) {
      EXPECT_FALSE(chunks.done()) << cut;
      pending += part;
      std::string_view bytes = pending;
      for (std::string_view piece; !(piece = chunks.next(bytes)).empty();) body += piece;
      pending = bytes;
    }
    EXPECT_TRUE(chunks.done()) << cut;
    EXPECT_EQ(body, "hello, you all!");
  }
}

TEST(Messages, OptionsNameWhatAPathTakes) {
  Echo echo({}, {{"PUT", "/only/put", [](const auto&, const auto&) {}}});
  Client client = echo.client();
  client.send("OPTIONS", "/");
  EXPECT_EQ(client.receive().headers.at("allow"), "GET, HEAD, POST, OPTIONS");
  client.send("OPTIONS", "*");
  EXPECT_EQ(client.receive().headers.at("allow"), "GET, HEAD, POST, PUT, OPTIONS");
  Harness harness;
  Client api = harness.client();
  api.send("OPTIONS", "/v1/completions");
  EXPECT_EQ(api.receive().headers.at("allow"), "POST, OPTIONS");
  api.send("OPTIONS", "/nowhere");
  EXPECT_EQ(api.receive().status, 404);
}

TEST(Messages, AQueryIsReadAsFormsWriteIt) {
  http::Request request;
  request.query = http::query_of("/path?a=1&name=two+words%26more&a=2&empty=&bare&&%62=%00&cut=%4");
  EXPECT_EQ(request.asked("a"), "1");
  EXPECT_EQ(request.asked("name"), "two words&more");
  EXPECT_EQ(request.asked("empty"), "");
  EXPECT_EQ(request.asked("bare"), "");
  EXPECT_EQ(request.asked("b"), std::string(1, '\0'));
  EXPECT_EQ(request.asked("cut"), "%4");
  EXPECT_EQ(request.asked("c"), std::nullopt);
  request.query = http::query_of("/path");
  EXPECT_EQ(request.asked("a"), std::nullopt);
}

TEST(Messages, DatesAreWrittenAsRfc9110Wants) {
  Echo echo;
  const std::string date = echo.client().get("/").headers.at("date");
  ASSERT_EQ(date.size(), 29u) << date;  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(date.substr(3, 2), ", ");
  EXPECT_EQ(date.substr(25), " GMT");
  EXPECT_NE(std::string("Sun,Mon,Tue,Wed,Thu,Fri,Sat,").find(date.substr(0, 4)), std::string::npos) << date;
}

}  // namespace
}  // namespace fulmar::test
