// The table of endpoints as data: a row each, with the family of clients that it speaks to.
#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answer/context.h"
#include "answer/fields.h"
#include "answer/shape.h"
#include "http/router.h"

namespace fulmar::api {

namespace json = boost::json;

// Clients that agree in how an error looks. Families know nothing of each other.
struct Family {
  std::string_view name;
  http::Wording wording;
  uint32_t max_tokens = 0;  // that its clients expect where they say nothing; 0: as the endpoint has it
  std::string_view no_json = {};  // stands before what is wrong with a body that is no JSON object
  int invalid = 400;  // the status by which its clients know a body that is wrong
};

// One request as its endpoint gets it; valid until that returns, but for the reply.
struct Call {
  const http::Request& http;
  const json::object& body;  // empty for a method that has none
  const Family& family;
  const std::shared_ptr<http::Reply>& reply;
};

// Its field "model", where that is a text; else empty.
std::string_view model_of(const Call& call);
// What stands behind the path's question mark, by the row's table About::query; to ask for another name is Error(internal).
std::optional<std::string> in_query(const Call& call, const FieldTable& query, std::string_view name);
// Likewise where that is a whole number within the table's bounds. Throws Error(bad_request).
std::optional<int64_t> integer_in_query(const Call& call, const FieldTable& query, std::string_view name);

// Runs on a worker thread, or on an I/O thread where it is quick. What it throws is worded by the family.
using Endpoint = void (*)(const Context& context, const Call& call);

enum class Auth : uint8_t {
  password,  // as a Bearer token
  in_body,   // that, or the body's field "password", which is looked at once the body was read
  open
};
enum class Cost : uint8_t {
  quick,  // takes microseconds and waits for nobody
  any
};

enum class Content : uint8_t {
  object,    // JSON
  anything,  // JSON, or nothing, which is an empty object
  bytes      // of a file: Call::http.body
};

enum class Answers : uint8_t {
  object,     // JSON
  generation,  // JSON, or with the body's "stream" server-sent events
  lines,      // the same, but lines of JSON
  events,     // server-sent events, always
  file,       // bytes
  text        // for people or Prometheus
};

// Whom a row serves beside its client.
enum class Reach : uint8_t {
  own,    // nobody: it asks, looks, or changes what is the client's own
  server  // everybody: it loads, unloads, ends or sets what holds for others too
};

// What a row takes and gives, for /openapi.json and whoever decides who may. There is no row without.
struct About {
  // `answer`: what it answers with 200 where that is JSON; null: it never is, and where `kind` says that it were, all that is
  // answered are errors. `body`: the table by which the endpoint reads it; null where it reads none. `query`: likewise.
  consteval About(std::string_view what, const Shape* answer_shape, const FieldTable* body_fields = nullptr,
                  Answers kind = Answers::object, Reach whom = Reach::own, const FieldTable* query_fields = nullptr,
                  const Others* other_answers = nullptr)
      : summary(what), answer(answer_shape), body(body_fields), query(query_fields), answers(kind), reach(whom), others(other_answers) {
    if (what.empty() || what.back() == '.') throw "a phrase in the imperative, without a full stop";
  }
  std::string_view summary;  // "Make vectors of texts"
  const Shape* answer;
  const FieldTable *body, *query;
  Answers answers;
  Reach reach;
  const Others* others;
};

struct Row {
  const char* method;
  const char* path;  // "{}": one or more characters, into Request::param; see Route::pattern
  const Family& family;
  Endpoint endpoint;
  About about;
  Cost cost = Cost::any;
  Auth auth = Auth::password;
  // Rows of one path are told apart by the body: the first that is meant answers. Null: always meant.
  bool (*when)(const json::object& body) = nullptr;
  Content content = Content::object;  // of a POST's body
  // Bytes that a body may have, as Route::most_body; null: as many as other bodies.
  size_t (*most_body)(const Context& context) = nullptr;
  // In place of `when`, where what the server was told before counts too. What is wrong before the body was read is worded
  // by the first row of the path without it.
  bool (*when_told)(const Context& context, const json::object& body) = nullptr;
  // Likewise, where the request's head tells.
  bool (*when_asked)(const http::Request& request) = nullptr;
};

// Tokens that an answer may have where its request says nothing: what the server was started with, else what the family
// has, else `otherwise`.
uint32_t usual_tokens(const Context& context, const Call& call, uint32_t otherwise);

// The rows as HTTP knows them: one route for all rows of a method and path, which must agree in cost, auth and
// content. A POST's body is parsed once; what is no JSON object is worded by the first row's family. `context`
// must outlive them.
std::vector<http::Route> make_routes(const Context& context, const std::vector<Row>& rows);

}  // namespace fulmar::api
