// POST /state/chat/completions and /multi_state/chat/completions: a text goes to what a session has read, and the session
// goes on; or a child of it does, and the session stays.
#include <fmt/format.h>

#include "answer/answer.h"
#include "answer/usual.h"
#include "answer/child_numbers.h"
#include "api/lightning/lightning.h"
#include "api/lightning/native_fields.h"
#include "api/lightning/words.h"

namespace fulmar::api::lightning {
namespace {

// As its clients know it, with the status that it has there.
[[noreturn]] void refuse_count(const char* sentence) {
  throw Error(ErrorKind::internal, sentence);
}

[[noreturn]] void refuse_missing(const char* field) {
  throw Error(ErrorKind::bad_request, fmt::format("Missing {} parameter", field), field);
}

// The one text; where the session has read something, an empty one too, with which it only goes on.
void read_prompt(const Context& context, Engine& engine, const std::string& text, Request& request) {
  PromptInput input;
  input.text = text;
  request.prompt = engine.prepare(input);
  if (request.streams.empty()) return;
  const std::string_view empty_line = "\n\n";
  if (context.state_newline && !text.empty() && !text.starts_with(empty_line)) input.text.insert(0, empty_line);
  input.may_be_empty = true;
  request.continued = engine.prepare(input);
}

void answer(const Context& context, const host::ServedPtr& served, Native native, NativeHead head, const Call& call) {
  begin_as_served(*served, native.request);
  read_prompt(context, *served->engine, native.contents[0], native.request);
  head.model = std::move(native.model);
  Asked asked;
  asked.delivery = native.delivery;
  asked.id = head.request_id = context.running.next_id();
  asked.prompts.push_back(std::move(native.request));
  give_answer(context, served, std::move(asked), native_words(std::move(head)), call);
}

}  // namespace

constexpr Others state_others{{{{500, "There is not exactly one text, as its clients know it; or something went wrong inside the server."}}}};

void state_chat(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, state_fields);
  Native native = read_native(fields, context, engine);
  if (native.contents.size() != 1) refuse_count("Server Error: Requst must be single prompt !");
  if (const auto id = fields.text("session_id")) {
    check_session_id(*id);
    Stream& stream = native.request.streams.emplace_back();
    stream.from = stream.keep = *id;
  }
  answer(context, served, std::move(native), {"rwkv7-batch", {}}, call);
}

void multi_state_chat(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, multi_state_fields);
  const auto node = fields.integer("dialogue_idx");
  if (!node) refuse_missing("dialogue_idx");
  const auto tree = fields.text("session_id");
  if (!tree) refuse_missing("session_id");
  Native native = read_native(fields, context, engine);
  if (native.contents.size() != 1) refuse_count("Server Error: Request must be single prompt!");

  const std::string parent = child_name(*tree, static_cast<uint32_t>(*node));
  check_session_id(parent);
  const bool is_kept = engine.sessions().entry(parent).has_value();
  if (!is_kept && *node != 0)
    throw Error(ErrorKind::not_found, fmt::format("State not found for dialogue_idx={}", *node), "dialogue_idx");
  const uint32_t child = context.child_numbers.next(*tree, engine.sessions());
  Stream& stream = native.request.streams.emplace_back();
  if (is_kept) stream.from = parent;
  stream.must_exist = is_kept;
  stream.keep = child_name(*tree, child);
  stream.fresh = true;
  NativeHead head{"rwkv7-multi-state", {}};
  head.session = *tree;
  head.dialogue = child;
  answer(context, served, std::move(native), std::move(head), call);
}

}  // namespace fulmar::api::lightning
