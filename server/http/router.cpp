// Route lookup: the table is short, so it is walked.
#include "http/router.h"

#include <fmt/format.h>

#include <algorithm>

namespace fulmar::http {
namespace {

bool matches(std::string_view pattern, std::string_view path, size_t slash, std::string& param) {
  const size_t place = pattern.find("{}");
  if (place == pattern.npos) return pattern == path && slash == path.npos;
  const std::string_view before = pattern.substr(0, place), behind = pattern.substr(place + 2);
  if (slash < before.size() || !path.starts_with(before) || !path.ends_with(behind)) return false;
  if (path.size() <= before.size() + behind.size()) return false;
  const std::string_view between = path.substr(before.size(), path.size() - before.size() - behind.size());
  if (!behind.empty() && (slash != path.npos || between.find('/') != between.npos)) return false;
  param = between;
  return true;
}

}  // namespace

Match Router::find(std::string_view method, std::string_view path, size_t slash) const {
  Match match;
  const auto region = std::ranges::find_if(regions_, [&](const Region& one) { return path.starts_with(one.prefix); });
  match.wording = region == regions_.end() ? wording_ : region->wording;
  for (const Route& route : routes_) {
    if (!matches(route.pattern, path, slash, match.param)) continue;
    if (route.wording) match.wording = route.wording;
    if (route.method == method || (route.method == "GET" && method == "HEAD")) {
      match.route = &route;
      return match;
    }
    match.allow += route.method + (route.method == "GET" ? ", HEAD, " : ", ");
  }
  if (!match.allow.empty()) match.allow += "OPTIONS";
  return match;
}

std::string Router::methods() const {
  std::string all;
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE"}) {
    const std::string_view answers = method == std::string_view("HEAD") ? "GET" : method;
    const bool known = std::any_of(routes_.begin(), routes_.end(),
                                   [&](const Route& route) { return route.method == answers; });
    if (known) all += fmt::format("{}, ", method);
  }
  return all + "OPTIONS";
}

}  // namespace fulmar::http
