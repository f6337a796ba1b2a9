// Route lookup: the table is a dozen lines, so it is walked.
#include "http/router.h"

namespace fulmar::http {
namespace {

bool matches(std::string_view pattern, std::string_view path, std::string& param) {
  if (!pattern.ends_with("{}")) return pattern == path;
  pattern.remove_suffix(2);
  if (!path.starts_with(pattern) || path.size() == pattern.size()) return false;
  param = path.substr(pattern.size());
  return true;
}

}  // namespace

Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  for (const Route& route : routes_) {
    if (!matches(route.pattern, path, match.param)) continue;
    if (route.method == method || (route.method == "GET" && method == "HEAD")) {
      match.route = &route;
      return match;
    }
    match.allow += route.method + (route.method == "GET" ? ", HEAD, " : ", ");
  }
  if (!match.allow.empty()) match.allow += "OPTIONS";
  return match;
}

}  // namespace fulmar::http
