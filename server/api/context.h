// What the endpoints share, and the table of them.
#pragma once
#include <atomic>
#include <vector>

#include "fulmar/engine.h"
#include "http/router.h"

namespace fulmar::api {

struct Context {
  std::atomic<Engine*> engine{nullptr};  // null while the model loads; outlives the HTTP threads, but not this
  std::atomic<bool> draining{false};
  mutable std::atomic<size_t> waiting_text{0};  // bytes of all answers that nobody has taken yet

  // The engine if it may be given work, else throws Error(unavailable).
  Engine& ready() const;
};

// Every endpoint there is. The context must outlive the server.
std::vector<http::Route> routes(Context& context);

// One line each in the table.
void health(const Context& context, const http::Request& request, const std::shared_ptr<http::Reply>& reply);
void list_models(const Context& context, const http::Request& request,
                 const std::shared_ptr<http::Reply>& reply);
void get_model(const Context& context, const http::Request& request,
               const std::shared_ptr<http::Reply>& reply);
void completions(const Context& context, const http::Request& request,
                 const std::shared_ptr<http::Reply>& reply);
void chat_completions(const Context& context, const http::Request& request,
                      const std::shared_ptr<http::Reply>& reply);

}  // namespace fulmar::api
