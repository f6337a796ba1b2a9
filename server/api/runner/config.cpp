// POST /update-config and the routes of the state cache: what holds for the requests that follow.
#include <utility>

#include "answer/common_fields.h"
#include "answer/validated.h"
#include "api/runner/runner.h"
#include "host/host.h"

namespace fulmar::api::runner {
namespace {

void update(const Context& context, const Call& call) {
  Standing& standing = context.standing;
  const Fields fields(call.body, config_fields);
  fields.refuse_unsupported();
  StandingValues values = overlaid(standing.values(), fields);
  if (!values.state.empty() && values.state != standing.values().state) {
    const host::ServedPtr served = context.ready();
    standing.tuned(context.host->shelf(), *served->engine, values.state);
  }
  standing.begin();
  standing.set(std::move(values));
  call.reply->respond(success());
}

}  // namespace

const FieldTable config_fields{"update-config", model_config, {}, &common_fields};  // for what is refused

void update_config(const Context& context, const Call& call) {
  answer_validated(context, call, update);
}

void disable_state_cache(const Context& context, const Call& call) {
  if (is_closed(context, call)) return;
  context.standing.use_cache(false);
  call.reply->respond(success());
}

void enable_state_cache(const Context& context, const Call& call) {
  if (is_closed(context, call)) return;
  context.standing.use_cache(true);
  call.reply->respond(success());
}

// Nothing has to be forgotten for an answer's sake: a state is gone on from only where every token before it is the same.
void reset_state(const Context& context, const Call& call) {
  if (is_closed(context, call)) return;
  if (!context.standing.uses_cache()) throw Error(ErrorKind::bad_request, "trie not loaded");
  call.reply->respond(success());
}

}  // namespace fulmar::api::runner
