// POST /loadstatemodel, /mrss_loadstatemodel, /mrss_set_gatingweight and /removestatemodel: names of the current model that
// begin from tuned states, alone or mixed.
#include <fmt/format.h>

#include <algorithm>

#include "api/infer/infer.h"
#include "host/host.h"

namespace fulmar::api::infer {
namespace {

constexpr double kGate = 1000;  // the largest; the tables have it

// As clients know these, with the status that they have there.
[[noreturn]] void fail_there(std::string sentence, const std::string& field) {
  throw Error(ErrorKind::internal, sentence, field);
}

std::string required(const Fields& fields, const char* field) {
  const auto value = fields.text(field);
  if (!value) bad_field(field, "is missing");
  return *value;
}

// What a sentence calls a file: its name, where that is one.
const std::string& shown(const std::string& file, const std::string& field) {
  constexpr size_t longest = 256;
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return file.size() > longest || std::ranges::any_of(file, is_control) ? field : file;
}

// `known`: what the client is told first where the file is none.
StatePtr read_state(const Context& context, const Engine& engine, const std::string& file, const std::string& field,
                    const std::string& known) {
  try {
    return engine.tuned_state(context.host->shelf().find(file, host::Kind::state, field), "");
  } catch (const Error& error) {
    using enum ErrorKind;
    for (const ErrorKind kind : {bad_file, bad_request, not_found, misuse})
      if (error.kind() == kind) fail_there(fmt::format("{} {}", known, error.what()), field);
    throw;
  }
}

void read_usual(const Fields& fields, host::Usual& usual) {
  if (const auto temperature = fields.number_or_text("default_temperature")) usual.temperature = temperature;
  if (const auto top_p = fields.number_or_text("default_top_p")) usual.top_p = top_p;
}

host::Served begin_name(const Fields& fields, const host::ServedPtr& model) {
  const std::string name = required(fields, "state_viewname");
  check_name(name, "state_viewname");
  host::Served entry;
  entry.engine = model->engine;
  entry.id = fmt::format("{} {}", model->id, name);
  read_usual(fields, entry.usual);
  return entry;
}

void publish(const Context& context, const Call& call, host::Served entry) {
  size_t states = entry.streams.size();
  for (const host::ServedPtr& other : context.host->names())
    if (other->id != entry.id) states += other->streams.size();
  if (states > kStates)
    throw Error(ErrorKind::busy, fmt::format("the model's names have {} states together, and {} may be kept; POST /removestatemodel "
                                             "removes all", states, kStates));
  context.host->name(std::move(entry));
  call.reply->respond(success());
}

bool has_original(const Fields& fields) {
  const json::value* const value = fields.find("contain_originalstate");
  if (!value) return false;
  if (value->is_bool()) return value->get_bool();
  const std::string word = string_of(*value, "contain_originalstate");
  if (word.empty() || word == "False" || word == "false") return false;
  if (word != "True" && word != "true") bad_field("contain_originalstate", "must be \"True\" or \"False\"");
  return true;
}

// Of each stream, where the request has them.
void read_gates(const Fields& fields, std::vector<Stream>& streams) {
  const json::array* const list = fields.list("state_gatingweight");
  if (!list) return;
  std::vector<float> gates;
  for (const json::value& gate : *list)
    gates.push_back(
        static_cast<float>(number_or_text_of(gate, fmt::format("state_gatingweight[{}]", gates.size()), -kGate, kGate)));
  gates.resize(streams.size());
  if (std::ranges::all_of(gates, [](float gate) { return gate == 0; }))
    bad_field("state_gatingweight", "leaves nothing of the mixture: all its gates are 0");
  for (size_t k = 0; k < streams.size(); ++k) streams[k].gate = gates[k];
}

}  // namespace

constexpr Others state_others{{{{500, "The state's file is not there or does not fit the model, as its clients know it; or something went wrong inside the server."}}}};
constexpr Others mixture_others{{{{500, "A state's file is not there or does not fit the model, or there are too many, as its clients know it; or something went wrong inside the server."}}}};
constexpr Others gate_others{{{{500, "There is no mixture of that name, as its clients know it; or something went wrong inside the server."}}}};

void load_state(const Context& context, const Call& call) {
  const host::ServedPtr model = context.ready();
  const Fields fields(call.body, state_fields);
  const std::string file = required(fields, "state_filename");
  host::Served entry = begin_name(fields, model);
  entry.streams.emplace_back().start =
      read_state(context, *model->engine, file, "state_filename", "State file is incorrect. check filename or tensor size.");
  publish(context, call, std::move(entry));
}

void load_mixture(const Context& context, const Call& call) {
  const host::ServedPtr model = context.ready();
  const Fields fields(call.body, mixture_fields);
  const json::array* const files = fields.list("state_filenames");
  if (!files) bad_field("state_filenames", "is missing");
  if (files->size() > context.mrss_max)
    fail_there(fmt::format("State Count is over than {}. please reduce state coutns. :(", context.mrss_max), "state_filenames");
  host::Served entry = begin_name(fields, model);
  entry.streams.resize(files->size() + (has_original(fields) ? 1 : 0));
  if (const uint32_t slots = model->engine->model().slots; entry.streams.size() > slots)
    bad_field("state_filenames", fmt::format("are {} streams with the original state, and this server has {} slots (--slots)",
                                             entry.streams.size(), slots));
  read_gates(fields, entry.streams);
  for (size_t k = 0; k < files->size(); ++k) {
    const std::string field = fmt::format("state_filenames[{}]", k);
    const std::string file = string_of((*files)[k], field);
    entry.streams[k].start = read_state(context, *model->engine, file, field,
                                        fmt::format("{} State file is incorrect. check filename or tensor size.", shown(file, field)));
  }
  publish(context, call, std::move(entry));
}

void set_gates(const Context& context, const Call& call) {
  const host::ServedPtr model = context.ready();
  const Fields fields(call.body, gate_fields);
  const std::string name = required(fields, "state_viewname");
  check_name(name, "state_viewname");
  const std::string full = fmt::format("{} {}", model->id, name);
  for (const host::ServedPtr& named : context.host->names()) {
    if (named->id != name && named->id != full) continue;
    host::Served entry = *named;
    read_gates(fields, entry.streams);
    read_usual(fields, entry.usual);
    context.host->name(std::move(entry));
    return call.reply->respond(success());
  }
  fail_there(fmt::format("{} State name is incorrect", name), "state_viewname");
}

void remove_states(const Context& context, const Call& call) {
  context.host->forget_names();
  call.reply->respond(success());
}

}  // namespace fulmar::api::infer
