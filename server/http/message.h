// Requests and responses as plain data: what the connection hands to the API and gets back.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/error.h"

namespace fulmar::http {

class Holder;

struct Header {
  std::string name, value;
};

struct Request {
  std::string method;  // "GET"
  std::string path;    // decoded, without the query
  size_t slash = std::string::npos;  // the first in `path` that was percent-encoded and so parts nothing
  std::string query;   // as it came, without the question mark
  std::string param;   // what the route's {} matched
  std::vector<Header> headers;
  std::string body;
  std::chrono::steady_clock::time_point came = std::chrono::steady_clock::now();  // when its first bytes were there
  std::shared_ptr<Holder> who;  // of the password or key that it came with; null: it came with none that is known

  // The first header of this name in any spelling of case, empty where there is none.
  std::string_view header(std::string_view name) const;
  // The first of this name in the query, decoded as forms are; empty where it has no value.
  std::optional<std::string> asked(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::vector<Header> headers;  // beside those of date, length, connection and CORS
  std::string body;
  std::string content_type = "application/json";
};

// "Not Found"
std::string_view reason_of(int status);

// The head of an HTTP/1.1 message up to the blank line, dated now. Chunked messages have no length. `more` are
// whole lines.
enum class Body { sized, chunked, until_close };
std::string head_of(const Response& response, Body body, bool keep_alive, std::string_view more = {});
// One piece of a chunked body; the empty piece ends it.
std::string chunk_of(std::string_view bytes);

// The path of a request target ("/v1/models?x=1"), decoded. Doubled and trailing slashes are folded, for base
// addresses are often put together with one too many. False: the path has control characters. `slash` as in Request.
bool read_path(std::string_view target, std::string& path, size_t& slash);

// What stands behind the target's question mark.
std::string_view query_of(std::string_view target);

// What a client sent, for one line of the log: printable ASCII, at most `most` characters.
std::string printable(std::string_view text, size_t most);

}  // namespace fulmar::http
