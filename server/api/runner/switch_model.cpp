// POST /switch-model: another model, in the places and the precision that its strategy says.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>

#include "answer/validated.h"
#include "api/runner/runner.h"
#include "host/host.h"

namespace fulmar::api::runner {
namespace {

using enum FieldType;

constexpr Field rows[] = {
    {"model", text, "required",
     "A file or folder of `--models-dir`, with or without its ending, the folder's own name or its path in front. `\"\"`: no model is served.", 0,
     1024},
    {"strategy", text, "chosen by free memory", "As [strategies.md](strategies.md) has it; `cuda fp16 *20+` streams what is behind the 20th layer.", 0,
     1024},
    {"tokenizer", text, "the model's own, else World", "A vocabulary's file in the same folder, or `rwkv_vocab_v20230424`: World's.", 0, 1024},
    {"customCuda", boolean, "false", "Has no effect. The text `true` or `false` will do too, here and below."},
    {"deploy", boolean, "false", "Once the model is loaded, `/switch-model`, `/exit` and the routes of the state cache are answered 403 until the server is started again."},
};

// As pydantic reads a flag.
bool flag(const Fields& fields, std::string_view field) {
  const json::value* given = fields.find(field);
  if (!given || !given->is_string()) return fields.boolean(field).value_or(false);
  std::string word(given->get_string());
  std::ranges::transform(word, word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  constexpr std::array<std::string_view, 6> yes = {"true", "1", "on", "t", "y", "yes"}, no = {"false", "0", "off", "f", "n", "no"};
  if (std::ranges::find(yes, word) != yes.end()) return true;
  if (std::ranges::find(no, word) == no.end()) bad_field(field, "must be true or false");
  return false;
}

void answer_failure(const Call& call, std::string_view why) {
  call.reply->respond(http::worded(call.family.wording, http::Failure(500, fmt::format("failed to load: {}", why))));
}

std::string vocabulary_of(const Fields& fields, const host::Shelf& shelf) {
  const std::string name = fields.text("tokenizer").value_or("");
  if (name.empty() || name == "rwkv_vocab_v20230424" || name == "rwkv_vocab_v20230424.txt") return {};
  return shelf.find(name, host::Kind::adapter, "tokenizer");
}

ModelSpec spec_of(const Fields& fields, const std::string& model, const host::Host& models) {
  const std::filesystem::path path = models.shelf().find(model, host::Kind::model, "model");
  std::error_code bad;
  const bool is_folder = std::filesystem::is_directory(path, bad);
  ModelSpec spec = models.spec_for(path.string(), (is_folder ? path.filename() : path.stem()).string());
  spec.strategy = fields.text("strategy").value_or("");
  spec.vocab = vocabulary_of(fields, models.shelf());
  return spec;
}

// What its clients set stays, but for the state, which is for one model.
void begin_anew(Standing& standing) {
  StandingValues values = standing.values();
  values.state.clear();
  standing.set(std::move(values));
  standing.use_cache(true);
}

// A 304 has no body: another load is under way.
void answer_busy(const Call& call) {
  http::Response response;
  response.status = 304;
  call.reply->respond(std::move(response));
}

void unload(const Context& context, const Call& call) {
  const auto done = [reply = call.reply, wording = call.family.wording](const std::exception_ptr& failure) {
    try {
      if (failure) std::rethrow_exception(failure);
      reply->respond(success());
    } catch (const Error& error) {
      reply->respond(http::worded(wording, http::Failure(error)));
    } catch (...) {
      reply->give_up();
    }
  };
  try {
    context.host->unload({}, context.host->options().grace_seconds, done);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    call.reply->respond(success());  // there is none
  }
}

void load(const Context& context, ModelSpec spec, bool deploy, const Call& call) {
  const auto done = [&context, deploy, reply = call.reply, family = &call.family](const std::exception_ptr& failure) {
    try {
      if (failure) std::rethrow_exception(failure);
      begin_anew(context.standing);
      if (deploy) context.standing.deploy();
      reply->respond(success());
    } catch (const Error& error) {
      const std::string why = fmt::format("failed to load: {}", error.what());
      reply->respond(http::worded(family->wording, http::Failure(500, why)));
    } catch (...) {
      reply->give_up();
    }
  };
  context.host->load(std::move(spec), context.host->options().grace_seconds, done);
}

void change(const Context& context, const Call& call) {
  if (is_closed(context, call)) return;
  const Fields fields(call.body, switch_fields);
  if (!fields.find("model")) bad_field("model", "is missing");
  const std::string model = fields.text("model").value_or("");
  const bool deploy = flag(fields, "deploy");
  flag(fields, "customCuda");
  context.standing.begin();
  try {
    if (model.empty()) return unload(context, call);
    load(context, spec_of(fields, model, *context.host), deploy, call);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::busy) return answer_busy(call);
    if (error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::unsupported) return answer_failure(call, error.what());
    throw;
  }
}

}  // namespace

constexpr Others switch_others{{{{304, "Another model is being loaded."},
                                  {500, "The model could not be loaded, as its clients know it; or something went wrong inside the server."}}}};
constexpr FieldTable switch_fields{"switch-model", rows, {}};

void switch_model(const Context& context, const Call& call) {
  answer_validated(context, call, change);
}

}  // namespace fulmar::api::runner
