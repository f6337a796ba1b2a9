// Loads and unloads whose end is the answer.
#include "answer/loading.h"

#include <exception>
#include <utility>

#include "host/host.h"

namespace fulmar::api {
namespace {

host::Done answering(const Call& call, WhenLoaded then, Recast recast = nullptr) {
  return [&family = call.family, reply = call.reply, then = std::move(then), recast](const std::exception_ptr& failure) {
    try {
      if (failure) std::rethrow_exception(failure);
      reply->respond(then());
    } catch (const Error& error) {
      reply->respond(http::worded(family.wording, http::Failure(recast ? recast(error) : error)));
    } catch (...) {
      reply->give_up();
    }
  };
}

}  // namespace

void answer_when_loaded(const Context& context, ModelSpec spec, std::optional<double> grace, const Call& call, WhenLoaded then,
                        host::Usual usual, Recast recast) {
  context.host->load(std::move(spec), grace.value_or(context.host->options().grace_seconds),
                     answering(call, std::move(then), recast), std::move(usual));
}

void answer_when_unloaded(const Context& context, std::string_view id, std::optional<double> grace, const Call& call,
                          WhenLoaded then) {
  if (!context.host->shelf().is_open())
    throw Error(ErrorKind::unsupported,
                "this server was started with one model, and without --models-dir nothing could take its place");
  context.host->unload(id, grace.value_or(context.host->options().grace_seconds), answering(call, std::move(then)));
}

}  // namespace fulmar::api
