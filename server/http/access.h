// Which web pages and which host names may use the server.
//
// A browser lets any page send requests to this machine. It shows the page the answers where the CORS lines
// allow it, and believes that a page's own name may have the answers, though that name may have been pointed
// here a moment ago (DNS rebinding).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace fulmar::http {

struct AccessOptions {
  std::vector<std::string> origins = {"*"};  // as browsers write them, "https://chat.example"; empty or "none": none
  std::vector<std::string> hosts;            // names of this server beside the obvious ones; "*": any
};

class Access {
 public:
  // `checks_hosts`: names are looked at, which helps where pages reach what the network cannot.
  Access(AccessOptions options, bool checks_hosts);

  // A request for this host is for this server: an address, a name without a dot (no stranger can own either),
  // or a name that was given.
  bool knows(std::string_view host) const;
  // Whether a request that a page of this origin sends, none if empty, is answered. `authority`: the request's
  // own host and port, whose pages are ours.
  bool admits(std::string_view origin, std::string_view authority) const;

  // Header lines that let the page read the answer.
  std::string lines(std::string_view origin) const;
  // The same before the page asks, for a path that takes the methods `allow`.
  std::string preflight_lines(const Request& request, std::string_view allow) const;

 private:
  bool names(std::string_view origin) const;

  AccessOptions options_;
  bool checks_hosts_, any_origin_;
};

}  // namespace fulmar::http
