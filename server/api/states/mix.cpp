// POST /state/mix: a new session from the weighted sum of others' states.
#include <fmt/format.h>

#include "answer/durable.h"
#include "answer/json.h"
#include "api/states/closing.h"
#include "api/states/ids.h"
#include "api/states/states.h"

namespace fulmar::api::states {
namespace {

std::vector<std::string> read_ids(const Fields& fields) {
  const json::array* const list = fields.list("states");
  if (!list) bad_field("states", "is missing");
  std::vector<std::string> ids;
  for (const json::value& id : *list) {
    const std::string name = fmt::format("states[{}]", ids.size());
    ids.push_back(string_of(id, name));
    check_session_id(ids.back(), name);
  }
  return ids;
}

std::vector<float> read_weights(const Fields& fields, size_t count) {
  const json::array* const list = fields.list("weights");
  if (!list) return std::vector<float>(count, 1 / static_cast<float>(count));
  std::vector<float> weights;
  for (const json::value& weight : *list)
    weights.push_back(static_cast<float>(number_of(weight, fmt::format("weights[{}]", weights.size()), -1000, 1000)));
  if (weights.size() != count)
    bad_field("weights", fmt::format("has {} numbers for {} states; give one for each", weights.size(), count));
  return weights;
}

}  // namespace

void mix(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready();
  Engine& engine = *served->engine;
  StateStore& sessions = engine.sessions();
  const Fields fields(call.body, mix_fields);
  const std::vector<std::string> ids = read_ids(fields);
  const std::vector<float> weights = read_weights(fields, ids.size());
  KeptTurn turn;
  turn.id = required_id(fields, "to");
  turn.replace = fields.boolean("replace").value_or(false);
  turn.whole = true;
  if (!turn.replace) refuse_existing(sessions, turn.id, "to", "\"replace\": true");
  for (const std::string& id : ids) entry_of(sessions, id);
  close_states(served, ids, call,
               [served, &sessions, &family = call.family, weights, turn](std::vector<StatePtr> states,
                                                                         const std::shared_ptr<http::Reply>& reply) {
                 KeptTurn mixed = turn;
                 mixed.state = served->engine->mix(states, weights);
                 answer_when_durable(sessions, sessions.put(std::move(mixed)), family, reply,
                                     [&sessions, id = turn.id](const Outcome&) { return named(sessions, id); });
               });
}

}  // namespace fulmar::api::states
