// How the client's own code ends a request: thrown where the trouble is seen, caught where the request's step began.
#pragma once
#include <string>

#include "fulmar/client_c.h"

namespace fulmar::client::impl {

struct Failed {
  fulmar_client_failure kind;
  std::string message;
};

}  // namespace fulmar::client::impl
