// The sentence for those that have to end.
#include "answer/held.h"

#include <fmt/format.h>

namespace fulmar::api {

Error Held::too_much_error() {
  return {ErrorKind::unavailable,
          fmt::format("more than {} bytes of answers wait for clients that read slowly; try again later", kAllUnread)};
}

}  // namespace fulmar::api
