// Endpoints as rows: each family's errors are worded by itself, wherever they arise, and a body can choose between
// the rows of one path.
#include <gmock/gmock.h>

#include "answer/row.h"
#include "api/openai/words.h"
#include "server/client.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

using api::Call;
using api::Context;
using testing::StartsWith;

http::Response round_words(const http::Failure& failure) {
  http::Response response;
  response.body = "round: " + std::to_string(failure.status) + ' ' + failure.param + ": " + failure.message;
  return response;
}

http::Response square_words(const http::Failure& failure) {
  http::Response response;
  response.body = "square: " + std::to_string(failure.status) + ' ' + failure.code;
  return response;
}

constexpr api::About about{"Do something", nullptr};
const api::Family round_family{"round", round_words}, square_family{"square", square_words};

void say(const Call& call, std::string text) {
  http::Response response;
  response.body = std::move(text);
  call.reply->respond(std::move(response));
}

void roll(const Context&, const Call& call) { say(call, "rolls"); }
void slide(const Context&, const Call& call) { say(call, "slides"); }
void weigh(const Context&, const Call& call) {
  const std::string asked = call.http.asked("as").value_or("nothing");
  say(call, std::to_string(call.http.body.size()) + " as " + asked);
}
void complain(const Context&, const Call&) { throw Error(ErrorKind::bad_request, "too heavy", "weight"); }
void starve(const Context&, const Call&) { throw std::bad_alloc(); }
size_t five_bytes(const Context&) { return 5; }
size_t not_yet(const Context&) { throw Error(ErrorKind::unavailable, "not yet"); }
bool has_corners(const api::json::object& body) { return body.contains("corners"); }
bool is_heavy(const api::json::object& body) { return body.contains("weight"); }
bool is_hollow(const api::json::object& body) { return body.contains("hollow"); }

struct Table {
  explicit Table(std::string password = {}) {
    http::ServerOptions options;
    options.port = 0;
    context.password = options.password = std::move(password);
    options.limits.body_bytes = 1000;
    const std::vector<api::Row> rows = {
        {"POST", "/move", square_family, slide, about, api::Cost::any, api::Auth::password, has_corners},
        {"POST", "/move", round_family, complain, about, api::Cost::any, api::Auth::password, is_heavy},
        {"POST", "/move", square_family, starve, about, api::Cost::any, api::Auth::password, is_hollow},
        {"POST", "/move", round_family, roll, about},
        {"POST", "/slide", square_family, slide, about, api::Cost::any, api::Auth::password, has_corners},
        {"POST", "/weigh", round_family, weigh, about, api::Cost::any, api::Auth::password, nullptr, api::Content::bytes,
         five_bytes},
        {"POST", "/later", square_family, weigh, about, api::Cost::any, api::Auth::password, nullptr, api::Content::bytes,
         not_yet},
        {"GET", "/find/{}", square_family, slide, about},
        {"GET", "/look", round_family, roll, about, api::Cost::quick, api::Auth::open},
        {"POST", "/push", round_family, roll, about, api::Cost::any, api::Auth::in_body, nullptr, api::Content::anything},
    };
    server = std::make_unique<http::Server>(
        options, http::Router(api::make_routes(context, rows), api::openai::error_words));
    server->start();
  }
  ~Table() { server->stop(); }
  Client client() const { return Client(server->port(), false); }

  Context context;
  std::unique_ptr<http::Server> server;
};

TEST(Rows, TheFirstThatIsMeantAnswers) {
  const Table table;
  EXPECT_EQ(table.client().post("/move", R"({"corners": 4, "weight": 1})").body, "slides");
  EXPECT_EQ(table.client().post("/move", "{}").body, "rolls");
  EXPECT_EQ(table.client().get("/look").body, "rolls");
}

TEST(Rows, ErrorsAreWordedByTheFamilyThatIsMeant) {
  const Table table;
  const Answer heavy = table.client().post("/move", R"({"weight": 1})");
  EXPECT_EQ(heavy.status, 400);
  EXPECT_EQ(heavy.body, "round: 400 weight: too heavy");
  const Answer flat = table.client().post("/slide", "{}");
  EXPECT_EQ(flat.status, 400);
  EXPECT_THAT(flat.body, StartsWith("square: 400"));
}

TEST(Rows, WhereTheBodyCannotTellThePathsFirstFamilyWordsTheError) {
  const Table table;
  EXPECT_EQ(table.client().post("/move", "{").body, "square: 400 ");
  const Answer hollow = table.client().post("/move", R"({"hollow": 1})");
  EXPECT_EQ(hollow.body, "square: 503 out_of_memory");
  EXPECT_EQ(hollow.headers.count("retry-after"), 1u);
}

TEST(Rows, ErrorsBelowTheEndpointsAreWordedByTheFamilyOfThePath) {
  const Table table("secret");
  const Answer refused = table.client().post("/slide", R"({"corners": 4})");
  EXPECT_EQ(refused.body, "square: 401 invalid_api_key");
  EXPECT_EQ(refused.headers.count("www-authenticate"), 1u);
  Client client = table.client();
  client.send("POST", "/slide", std::string(2000, 'x'), "Authorization: Bearer secret\r\n");
  EXPECT_EQ(client.receive().body, "square: 413 too_large");
  EXPECT_EQ(table.client().get("/look").body, "rolls") << "open";
  Client other = table.client();
  other.send("DELETE", "/look", {}, "Authorization: Bearer secret\r\n");
  const Answer method = other.receive();
  EXPECT_THAT(method.body, StartsWith("round: 405"));
  EXPECT_EQ(method.headers.at("allow"), "GET, HEAD, OPTIONS");
  Client bad = table.client();
  bad.send("POST /slide HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n"
           "Transfer-Encoding: chunked\r\n\r\nno size\r\n");
  EXPECT_EQ(bad.receive().body, "square: 400 malformed_http");
  Client control = table.client();
  control.send("GET /find/%01 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(control.receive().body, "square: 400 malformed_http") << "a path that is none is its family's still";
}

TEST(Rows, APasswordInTheBodyIsTakenOnlyWhereTheRowSaysSo) {
  const Table table("secret");
  const std::string body = R"({"password": "secret", "corners": 4})";
  EXPECT_EQ(table.client().post("/push", body).body, "rolls");
  EXPECT_EQ(table.client().post("/slide", body).status, 401);
  for (const char* wrong : {"", "{}", R"({"password": "secre"})", R"({"password": "secrets"})", R"({"password": ""})",
                            R"({"password": true})", R"({"password": ["secret"]})"})
    EXPECT_THAT(table.client().post("/push", wrong).body, StartsWith("round: 401")) << wrong;
  Client client = table.client();
  client.send("POST", "/push", {}, "Authorization: Bearer secret\r\n");
  EXPECT_EQ(client.receive().body, "rolls") << "a body that may be empty";
  EXPECT_THAT(Table().client().post("/push", "[]").body, StartsWith("round: 400")) << "and is an object where it is not";
  EXPECT_THAT(Table().client().post("/slide", "").body, StartsWith("square: 400"));
}

TEST(Rows, AFileComesAsItIsAndWithinABoundOfItsOwn) {
  const Table table;
  EXPECT_EQ(table.client().post("/weigh?as=sum", std::string_view("\0\xff{", 3)).body, "3 as sum");
  EXPECT_EQ(table.client().post("/weigh", "12345").body, "5 as nothing");
  EXPECT_EQ(table.client().post("/weigh", "123456").status, 413);
  Client chunked = table.client();
  chunked.send("POST /weigh HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.receive().status, 413);
  Client early = table.client();
  early.send("POST /later HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n");
  EXPECT_EQ(early.receive().body, "square: 503 unavailable") << "before the body has come";
}

TEST(Rows, WhatHasNoPathIsWordedByTheRoutersFamily) {
  const Table table;
  EXPECT_EQ(error_of(table.client().get("/nowhere"))["code"], "not_found");
  Client bad = table.client();
  bad.send("what is this\r\n\r\n");
  EXPECT_EQ(error_of(bad.receive())["code"], "malformed_http");
}

TEST(Rows, ThoseOfOnePathMustAgreeInWhatIsDecidedBeforeTheBody) {
  const Context context;
  EXPECT_THROW(api::make_routes(context, {{"POST", "/move", round_family, roll, about},
                                          {"POST", "/move", round_family, roll, about, api::Cost::quick}}),
               Error);
  EXPECT_THROW(api::make_routes(context, {{"POST", "/move", round_family, roll, about},
                                          {"POST", "/move", round_family, roll, about, api::Cost::any, api::Auth::open}}),
               Error);
  EXPECT_THROW(api::make_routes(context, {{"POST", "/move", round_family, roll, about},
                                          {"POST", "/move", round_family, roll, about, api::Cost::any, api::Auth::password, nullptr,
                                           api::Content::anything}}),
               Error);
  EXPECT_EQ(api::make_routes(context, {{"GET", "/move", round_family, roll, about},
                                       {"POST", "/move", round_family, roll, about, api::Cost::quick}})
                .size(),
            2u);
}

}  // namespace
}  // namespace fulmar::test
