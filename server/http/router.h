// The route table: method and path to the handler that answers.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/failure.h"
#include "http/message.h"
#include "http/reply.h"
#include "http/traffic.h"

namespace fulmar::http {

// Runs on a worker thread. It answers through `reply`, now or later from any thread; an exception becomes the
// error response.
using Handler = std::function<void(const Request& request, const std::shared_ptr<Reply>& reply)>;

struct Route {
  std::string method;   // GET answers HEAD too
  std::string pattern;  // a path; "{}" matches one or more characters, into Request::param; in its middle no slash
  Handler handler;
  bool open = false;   // needs no password
  bool quick = false;  // takes microseconds: runs on the I/O thread, however many wait for a worker
  Wording wording = nullptr;  // of its errors; null: the router's
  // Bytes that a body may have; null: Limits::body_bytes. Asked when the head is there, on the I/O thread; an Error that
  // it throws is the answer.
  std::function<size_t()> most_body = nullptr;
  std::shared_ptr<Traffic> traffic = nullptr;  // its requests are counted there
};

struct Match {
  const Route* route = nullptr;
  std::string param;
  std::string allow;  // without a route: the methods that the path has, empty for an unknown path
  Wording wording = plain_words;  // of errors: the route's or, where only the method is unknown, its neighbour's
};

// Paths that begin so are one family's, also those that have no route.
struct Region {
  std::string_view prefix;
  Wording wording;
};

class Router {
 public:
  // What has no route of its own has errors as the first of `regions` that it lies in words them, else `otherwise`; `traffic`
  // counts it.
  explicit Router(std::vector<Route> routes, Wording otherwise = plain_words, std::shared_ptr<Traffic> traffic = nullptr,
                  std::vector<Region> regions = {})
      : routes_(std::move(routes)), wording_(otherwise), traffic_(std::move(traffic)), regions_(std::move(regions)) {}
  // `slash` as in Request: from there on nothing but a "{}" matches.
  Match find(std::string_view method, std::string_view path, size_t slash = std::string_view::npos) const;
  std::string methods() const;  // of all routes, as for Match::allow
  Wording wording() const { return wording_; }
  Traffic* traffic() const { return traffic_.get(); }

 private:
  std::vector<Route> routes_;
  Wording wording_;
  std::shared_ptr<Traffic> traffic_;
  std::vector<Region> regions_;
};

}  // namespace fulmar::http
