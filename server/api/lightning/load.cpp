// POST /v1/model/load: another model of the folder.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "answer/json.h"
#include "answer/loading.h"
#include "api/lightning/lightning.h"
#include "host/host.h"

namespace fulmar::api::lightning {

constexpr Shape load_answer{"rwkv_lightning's loaded model", R"({"object": "=model", "id": "text", "loaded": true})"};

void load_model(const Context& context, const Call& call) {
  const auto id = Fields(call.body, load_fields).text("model");
  if (!id) throw Error(ErrorKind::bad_request, "Missing model parameter", "model");
  const std::string path = context.host->shelf().find(*id, host::Kind::model, "model");
  const std::string name = host::Shelf::id_of(path);
  answer_when_loaded(context, context.host->spec_for(path, name), {}, call, [name] {
    http::Response response;
    response.body = json::serialize(json::object{{"object", "model"}, {"id", text(name)}, {"loaded", true}});
    return response;
  });
}

}  // namespace fulmar::api::lightning
