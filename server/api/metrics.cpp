// GET /metrics: what Prometheus asks for. docs/operating.md has the names.
#include <fmt/format.h>

#include <functional>
#include <vector>

#include "api/exposition.h"
#include "api/routes.h"
#include "base/platform.h"
#include "host/host.h"

namespace fulmar::api {
namespace {

constexpr std::string_view counter = "counter", gauge = "gauge", histogram = "histogram";

void put_program(const Context& context, Exposition& out) {
  out.begin("fulmar_build_info", gauge, "The program; always 1.");
  out.sample({{"version", context.build}}, uint64_t{1});
  out.begin("process_start_time_seconds", gauge, "When the process began, as Unix time.");
  out.sample({}, context.measures.begun);
  out.begin("process_resident_memory_bytes", gauge, "Memory of the host that the process has.");
  if (const uint64_t bytes = resident_memory()) out.sample({}, bytes);
}

void put_requests(const Context& context, Exposition& out) {
  out.begin("fulmar_http_requests_total", counter, "Requests that were answered, by route and status; 499: the client left before.");
  for (const auto& traffic : context.traffic)
    for (const auto& [status, count] : traffic->statuses())
      out.sample({{"method", traffic->method}, {"route", traffic->pattern}, {"status", status ? std::to_string(status) : "other"}}, count);
  out.begin("fulmar_http_request_duration_seconds", histogram, "From a request's first byte to its answer's last.");
  for (const auto& traffic : context.traffic)
    if (const HistogramValues values = traffic->seconds.values(); values.count() > 0)
      out.sample({{"method", traffic->method}, {"route", traffic->pattern}}, values);

  const Measures& measures = context.measures;
  out.begin("fulmar_time_to_first_token_seconds", histogram, "From when a request was understood to the first token of each of its texts.");
  out.sample({}, measures.first_token.values());
  out.begin("fulmar_inter_token_latency_seconds", histogram, "Between two tokens of a text.");
  out.sample({}, measures.between_tokens.values());
  out.begin("fulmar_e2e_request_latency_seconds", histogram, "From when a request was understood to the end of each of its texts.");
  out.sample({}, measures.whole.values());
  out.begin("fulmar_request_prompt_tokens", histogram, "Tokens of each prompt.");
  out.sample({}, measures.prompt_tokens.values());
  out.begin("fulmar_request_generation_tokens", histogram, "Tokens made for each text.");
  out.sample({}, measures.completion_tokens.values());
  out.begin("fulmar_request_success_total", counter, "Texts that ended, by how.");
  for (size_t i = 1; i < std::size(finish_names); ++i)
    out.sample({{"finished_reason", finish_names[i]}}, measures.finished[i].load(std::memory_order_relaxed));
}

void put_keys(const std::vector<http::HolderPtr>& holders, Exposition& out) {
  const auto put = [&](std::string_view name, std::string_view help, auto value) {
    out.begin(name, counter, help);
    for (const http::HolderPtr& one : holders) out.sample({{"key", one->key.name}}, value(*one).load(std::memory_order_relaxed));
  };
  put("fulmar_key_requests_total", "Requests with a key of the file, but for those that only look.",
      [](const http::Holder& one) -> const auto& { return one.admitted; });
  put("fulmar_key_refused_total", "Requests that were more than a key's allowance.",
      [](const http::Holder& one) -> const auto& { return one.refused; });
  put("fulmar_key_tokens_total", "Tokens of prompts and answers of a key's requests that have ended.",
      [](const http::Holder& one) -> const auto& { return one.charged; });
}

void put_sessions(const StoreStats& store, Exposition& out) {
  out.begin("fulmar_sessions", gauge, "Sessions that are kept.");
  out.sample({}, store.sessions);
  out.begin("fulmar_session_states", gauge, "Their states: on level 1 used last, on 2 in memory, on 3 in the file.");
  out.sample({{"level", "1"}}, store.level1);
  out.sample({{"level", "2"}}, store.level2);
  out.sample({{"level", "3"}}, store.level3);
  out.begin("fulmar_session_lookups_total", counter, "Sessions that requests asked for, by where they were.");
  out.sample({{"found", "memory"}}, store.hits);
  out.sample({{"found", "file"}}, store.reads);
  out.sample({{"found", "nowhere"}}, store.misses);
  out.begin("fulmar_session_memory_bytes", gauge, "Host memory of the sessions' states.");
  out.sample({}, store.memory_bytes);
  out.begin("fulmar_session_file_bytes", gauge, "The file of sessions with its log.");
  out.sample({}, store.file_bytes);
  out.begin("fulmar_session_journal_queued", gauge, "Changes that are not durable yet.");
  out.sample({}, store.queued);
  out.begin("fulmar_session_journal_lag_seconds", gauge, "How long the oldest of them waits.");
  out.sample({}, store.lag_seconds);
  out.begin("fulmar_session_checkpoints_total", counter, "States written to the file.");
  out.sample({}, store.checkpoints);
  out.begin("fulmar_session_checkpoint_seconds_total", counter, "The time that took.");
  out.sample({}, store.checkpoint_seconds);
}

struct Resident {
  std::string id;
  const ModelInfo* info;
  EngineStats stats;
  EngineMeasures measures;
};

void put_models(const std::vector<Resident>& models, Exposition& out) {
  const auto put = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    out.begin(name, type, help);
    for (const Resident& one : models) out.sample({{"model_name", one.id}}, value(one));
  };
  out.begin("fulmar_model_info", gauge, "A model that is loaded; always 1.");
  for (const Resident& one : models)
    out.sample({{"model_name", one.id}, {"version", one.info->version}, {"strategy", one.info->strategy}, {"device", one.info->device}},
               uint64_t{1});
  put("fulmar_model_weight_bytes", gauge, "Its weights, wherever they are.", [](const Resident& one) { return one.info->weight_bytes; });
  put("fulmar_slots", gauge, "Texts that can be made at once.", [](const Resident& one) { return uint64_t{one.info->slots}; });
  put("fulmar_num_requests_running", gauge, "Texts that are being made.", [](const Resident& one) { return uint64_t{one.stats.live}; });
  put("fulmar_num_requests_waiting", gauge, "Texts that wait for a slot.", [](const Resident& one) { return uint64_t{one.stats.queued}; });
  put("fulmar_request_queue_time_seconds", histogram, "How long each waited.",
      [](const Resident& one) -> const HistogramValues& { return one.measures.queue_seconds; });
  put("fulmar_prompt_tokens_total", counter, "Tokens of prompts, those from the prefix cache among them.",
      [](const Resident& one) { return one.stats.prompt_tokens; });
  put("fulmar_prompt_tokens_cached_total", counter, "Those of them that were not fed again.",
      [](const Resident& one) { return one.stats.cached_tokens; });
  put("fulmar_generation_tokens_total", counter, "Tokens made.", [](const Resident& one) { return one.stats.completion_tokens; });
  put("fulmar_prefix_cache_queries_total", counter, "Prompts that were looked up in the prefix cache.",
      [](const Resident& one) { return one.stats.prefix_hits + one.stats.prefix_misses; });
  put("fulmar_prefix_cache_hits_total", counter, "Those of them whose beginning was there.",
      [](const Resident& one) { return one.stats.prefix_hits; });
  put("fulmar_prefix_cache_states", gauge, "States in the prefix cache.", [](const Resident& one) { return one.stats.prefix_states; });
  put("fulmar_prefix_cache_bytes", gauge, "Host memory of the prefix cache.", [](const Resident& one) { return one.stats.prefix_bytes; });
  put("fulmar_steps_total", counter, "Steps of the model.", [](const Resident& one) { return one.stats.steps; });
  put("fulmar_step_duration_seconds", histogram, "A step: planning it, the model, drawing tokens.",
      [](const Resident& one) -> const HistogramValues& { return one.measures.step_seconds; });
  put("fulmar_step_model_seconds", histogram, "The model's part of it by the clock, from its start until its devices are done.",
      [](const Resident& one) -> const HistogramValues& { return one.measures.device_seconds; });
  put("fulmar_step_tokens", histogram, "Tokens that a step feeds.",
      [](const Resident& one) -> const HistogramValues& { return one.measures.step_tokens; });
  out.begin("fulmar_device_memory_bytes", gauge, "Memory of a device that the model takes; looked at each second while it works.");
  for (const Resident& one : models)
    for (const DeviceUse& device : one.measures.memory)
      out.sample({{"model_name", one.id}, {"device", device.name}}, device.bytes);
  out.begin("fulmar_device_memory_peak_bytes", gauge, "The most that it took.");
  for (const Resident& one : models)
    for (const DeviceUse& device : one.measures.memory)
      out.sample({{"model_name", one.id}, {"device", device.name}}, device.peak);
}

}  // namespace

void metrics(const Context& context, const Call& call) {
  Exposition out;
  put_program(context, out);
  put_requests(context, out);
  if (context.keys) put_keys(context.keys->listed(), out);
  std::vector<host::ServedPtr> served;
  std::vector<Resident> models;
  for (const host::Listed& listed : context.host->list()) {
    if (!listed.served) continue;
    served.push_back(listed.served);
    const Engine& engine = *listed.served->engine;
    models.push_back({listed.id, &engine.model(), engine.stats(), engine.measures()});
  }
  put_models(models, out);
  try {
    put_sessions(context.host->sessions().stats(), out);
  } catch (const Error&) {  // the models bring their own, and none is there
  }
  http::Response response;
  response.body = out.take();
  response.content_type = exposition_type;
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api
