// Origins and host names.
#include "http/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "http/syntax.h"

namespace fulmar::http {
namespace {

constexpr size_t kRequestedHeaders = 1024;  // bytes of header names that a preflight may ask for

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& member) { return same_word(member, word); });
}

// OpenAI's JavaScript client alone sends eight names of its own, and others of tomorrow; a list of ours would
// be one too short.
std::string_view allowed_headers(std::string_view requested) {
  const auto names = members(requested);
  const bool fine = requested.size() <= kRequestedHeaders && std::all_of(names.begin(), names.end(), is_token);
  return fine ? requested : "Content-Type, Authorization";
}

}  // namespace

Access::Access(AccessOptions options, bool checks_hosts)
    : options_(std::move(options)), checks_hosts_(checks_hosts), any_origin_(contains(options_.origins, "*")) {
  std::erase(options_.origins, "none");
  for (std::string& origin : options_.origins)
    if (origin.ends_with('/')) origin.pop_back();
}

bool Access::knows(std::string_view host) const {
  if (!checks_hosts_ || contains(options_.hosts, "*") || contains(options_.hosts, host)) return true;
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.starts_with('[') || host.find('.') == std::string_view::npos) return true;
  constexpr std::string_view local = ".localhost";
  if (host.size() > local.size() && same_word(host.substr(host.size() - local.size()), local)) return true;
  boost::system::error_code bad;
  boost::asio::ip::make_address(std::string(host), bad);
  return !bad;
}

bool Access::names(std::string_view origin) const {
  return contains(options_.origins, origin);
}

bool Access::admits(std::string_view origin, std::string_view authority) const {
  if (origin.empty() || any_origin_ || names(origin)) return true;
  const size_t scheme = origin.find("://");
  return scheme != std::string_view::npos && same_word(origin.substr(scheme + 3), authority);
}

std::string Access::lines(std::string_view origin) const {
  if (any_origin_) return "Access-Control-Allow-Origin: *\r\n";
  if (options_.origins.empty()) return {};
  if (origin.empty() || !names(origin)) return "Vary: Origin\r\n";
  return fmt::format("Access-Control-Allow-Origin: {}\r\nVary: Origin\r\n", origin);
}

std::string Access::preflight_lines(const Request& request, std::string_view allow) const {
  const std::string_view origin = request.header("Origin");
  std::string out = fmt::format(
      "{}Access-Control-Allow-Methods: {}\r\nAccess-Control-Allow-Headers: {}\r\nAccess-Control-Max-Age: "
      "86400\r\n",
      lines(origin), allow, allowed_headers(request.header("Access-Control-Request-Headers")));
  // The browser asks because a page of the internet wants a machine of the home network. Only who was named
  // gets that; "any origin" is no answer to it.
  if (request.header("Access-Control-Request-Private-Network") == "true" && names(origin))
    out += "Access-Control-Allow-Private-Network: true\r\n";
  return out;
}

}  // namespace fulmar::http
