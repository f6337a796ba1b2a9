// Rewords one kind of error.
#include "answer/validated.h"

namespace fulmar::api {

void answer_validated(const Context& context, const Call& call, Endpoint endpoint) {
  try {
    endpoint(context, call);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_request || error.param().empty()) throw;
    http::Failure failure(error);
    failure.status = 422;
    call.reply->respond(http::worded(call.family.wording, failure));
  }
}

}  // namespace fulmar::api
