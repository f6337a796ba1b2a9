// On whose behalf this thread works: set around an endpoint, so that no endpoint has to pass it on, or can forget to.
//
// What goes on after the endpoint has returned, on other threads, took with it what it needs: the engine and the store of
// its holder (tenants.h).
#pragma once
#include "http/keys.h"

namespace fulmar::api {

class Behalf {
 public:
  explicit Behalf(const http::HolderPtr& holder) : before_(holder_) { holder_ = holder.get(); }
  ~Behalf() { holder_ = before_; }
  Behalf(const Behalf&) = delete;
  Behalf& operator=(const Behalf&) = delete;

  // Null: nobody's in particular, as of the server itself.
  static const http::Holder* holder() { return holder_; }
  // Whose sessions and prefixes are seen; empty: whoever has the password, who sees all.
  static const std::string& tenant();
  // Throws Error(not_found) where it is not one of the holder's.
  static void check_model(std::string_view id);

 private:
  const http::Holder* const before_;
  static thread_local const http::Holder* holder_;
};

}  // namespace fulmar::api
