// GET /models/sse, POST /models/load and /models/unload: the models that are on the shelf, in the forms of llama.cpp's
// router.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <map>

#include "answer/json.h"
#include "answer/loading.h"
#include "api/llama/llama.h"
#include "host/host.h"
#include "http/sse.h"

namespace fulmar::api::llama {
namespace {

struct Seen {
  host::Presence presence;
  double loaded;
  bool operator==(const Seen&) const = default;
};

json::object event_of(const host::Listed& listed, std::string_view event) {
  json::object data = {{"status", listed.presence == host::Presence::resident  ? "loaded"
                                  : listed.presence == host::Presence::loading ? "loading"
                                                                               : "unloaded"}};
  if (listed.presence == host::Presence::loading)
    data["progress"] = {{"stages", json::array{"text_model"}}, {"current", "text_model"}, {"value", listed.loaded}};
  if (listed.presence == host::Presence::failed) data["error"] = text(listed.trouble);
  return {{"model", text(listed.id)}, {"event", event}, {"data", std::move(data)}};
}

// What changed since it was asked last, at first everything.
class Changes final : public http::Source {
 public:
  explicit Changes(host::Host& models) : host_(models) {}

  void wake(const std::shared_ptr<http::Reply>& reply) {
    news_ = host_.subscribe([reply] { reply->wake(); });
  }

  http::Reply::Part take() override {
    http::Reply::Part part;
    part.streamed = true;
    const bool first = !std::exchange(begun_, true);
    if (first) part.head = http::sse_head();
    std::map<std::string, Seen> now;
    for (const host::Listed& listed : host_.list()) {
      const Seen seen{listed.presence, listed.loaded};
      const auto before = seen_.find(listed.id);
      if (before == seen_.end() || before->second != seen)
        part.bytes += http::sse_event(json::serialize(event_of(listed, first ? "model_status" : "status_change")));
      now.emplace(listed.id, seen);
    }
    seen_ = std::move(now);
    return part;
  }

 private:
  host::Host& host_;
  bool begun_ = false;
  std::map<std::string, Seen> seen_;
  std::shared_ptr<void> news_;
};

constexpr Field which[] = {
    {"model", FieldType::text, "required", "The model's name in `GET /v1/models`."},
};

http::Response done() {
  http::Response response;
  response.body = R"({"success":true})";
  return response;
}

std::string required_model(const Call& call) {
  const auto id = Fields(call.body, model_fields).text("model");
  if (!id) bad_field("model", "is missing");
  return *id;
}

}  // namespace

constexpr FieldTable model_fields{"models", which, {}};

constexpr Shape done_answer{"llama.cpp's success", R"({"success": true})"};

void watch_models(const Context& context, const Call& call) {
  const auto changes = std::make_shared<Changes>(*context.host);
  changes->wake(call.reply);
  call.reply->attach(changes);
}

void load_model(const Context& context, const Call& call) {
  const std::string id = required_model(call);
  std::optional<ModelSpec> spec = context.host->spec_of(id);
  if (!spec) throw Error(ErrorKind::not_found, fmt::format("there is no model {} in the folder of models", id), "model");
  answer_when_loaded(context, std::move(*spec), {}, call, done);
}

void unload_model(const Context& context, const Call& call) {
  answer_when_unloaded(context, required_model(call), {}, call, done);
}

}  // namespace fulmar::api::llama
