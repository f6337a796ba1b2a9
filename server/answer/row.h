// The table of endpoints as data: a row each, with the family of clients that it speaks to.
#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "answer/context.h"
#include "http/router.h"

namespace fulmar::api {

namespace json = boost::json;

// Clients that agree in how an error looks. Families know nothing of each other.
struct Family {
  std::string_view name;
  http::Wording wording;
  uint32_t max_tokens = 0;  // that its clients expect where they say nothing; 0: as the endpoint has it
  std::string_view no_json = {};  // stands before what is wrong with a body that is no JSON object
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

struct Row {
  const char* method;
  const char* path;  // "{}" at its end: one or more characters, into Request::param
  const Family& family;
  Endpoint endpoint;
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
};

// Tokens that an answer may have where its request says nothing: what the server was started with, else what the family
// has, else `otherwise`.
uint32_t usual_tokens(const Context& context, const Call& call, uint32_t otherwise);

// The rows as HTTP knows them: one route for all rows of a method and path, which must agree in cost, auth and
// content. A POST's body is parsed once; what is no JSON object is worded by the first row's family. `context`
// must outlive them.
std::vector<http::Route> make_routes(const Context& context, const std::vector<Row>& rows);

}  // namespace fulmar::api
