// One pointer a thread.
#include "answer/behalf.h"

#include "base/fail.h"

namespace fulmar::api {

thread_local const http::Holder* Behalf::holder_ = nullptr;

const std::string& Behalf::tenant() {
  static const std::string nobody;
  return holder_ ? holder_->key.name : nobody;
}

void Behalf::check_model(std::string_view id) {
  if (!holder_ || holder_->may_use(id)) return;
  throw Error(ErrorKind::not_found, fmt::format("the key of {} may not use the model {}; its operator lists those it may", holder_->key.name, id), "model");
}

}  // namespace fulmar::api
