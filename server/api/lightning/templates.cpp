// The endpoints that put texts into a template of their own: /v3/chat/completions, FIM and translation.
#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "answer/answer.h"
#include "answer/middle.h"
#include "answer/usual.h"
#include "api/lightning/batch.h"
#include "api/lightning/lightning.h"

namespace fulmar::api::lightning {
namespace {

// What users said, or everybody where none of them did.
std::vector<std::string> asked_by_users(const Fields& fields) {
  const std::vector<ChatMessage> messages = read_messages(fields);
  const bool any = std::ranges::any_of(messages, [](const ChatMessage& message) { return message.role == "user"; });
  std::vector<std::string> texts;
  for (const ChatMessage& message : messages)
    if (!any || message.role == "user") texts.push_back(message.content);
  return texts;
}

std::string language(const std::string& code) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"zh-CN", "Chinese"}, {"zh-TW", "Chinese"}, {"en", "English"}, {"ja", "Japanese"}, {"fr", "French"},
      {"de", "German"},     {"es", "Spanish"},    {"ru", "Russian"}};
  for (const auto& [known, name] : names)
    if (known == code) return std::string(name);
  return code;
}

// The likeliest token always, and no penalties: texts of one meaning have the same words.
Request translation(const std::string& source) {
  Request request;
  request.sampling.top_k = 1;
  request.sampling.top_p = 0;
  request.max_tokens = 2048;
  request.stop_tokens = {0};
  request.stop = {fmt::format("\n\n{}:", source)};  // the next pair, which nobody asked for
  return request;
}

}  // namespace

void templated_chat(const Context& context, const Call& call) {
  if (is_refused_for_size(call, "contents") || is_refused_for_size(call, "messages")) return;
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, templated_fields);
  Native native = read_native(fields, context, engine);
  if (!fields.find("contents")) native.contents = asked_by_users(fields);
  const char* thought = fields.boolean("enable_think").value_or(false) ? "<think" : "<think>\n</think>";
  for (std::string& text : native.contents) text = fmt::format("User: {}\n\nAssistant: {}", text, thought);
  const auto prompts = as_prompts(native.contents);
  give_batch(context, served, std::move(native), prompts, {"rwkv7-batch-v3", {}}, call);
}

void fill_middle(const Context& context, const Call& call) {
  if (is_refused_for_size(call, "prefix") || is_refused_for_size(call, "suffix")) return;
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, middle_fields);
  Native native = read_native(fields, context, engine);
  const auto before = read_texts(fields, "prefix"), behind = read_texts(fields, "suffix");
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(before.size(), behind.size()); ++i)
    texts.push_back(fill_in_the_middle(before[i], behind[i]));
  NativeHead head{"rwkv7-batch", {}};
  if (texts.size() == 1)
    head.id = "rwkv7-batch-v3";
  else
    head.object = "FIM.completion";
  give_batch(context, served, std::move(native), as_prompts(texts), std::move(head), call);
}

void translate(const Context& context, const Call& call) {
  if (is_refused_for_size(call, "text_list")) return;
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, translation_fields);
  const std::string from = fields.text("source_lang").value_or("auto");
  const auto to = fields.text("target_lang");
  if (!to) bad_field("target_lang", "is missing");
  if (!fields.find("text_list")) bad_field("text_list", "is missing");
  const std::string source = language(from), target = language(*to);
  Asked asked;
  asked.trim = true;
  for (const std::string& text : read_texts(fields, "text_list")) {
    PromptInput input;
    input.text = fmt::format("{}: {}\n\n{}:", source, text, target);
    Request& request = asked.prompts.emplace_back(translation(source));
    request.prompt = engine.prepare(input);
    begin_as_served(*served, request);
  }
  if (asked.prompts.empty()) {
    http::Response nothing;
    nothing.body = R"({"translations":[]})";
    return call.reply->respond(std::move(nothing));
  }
  asked.id = context.running.next_id();
  NativeHead head;
  head.request_id = asked.id;
  give_answer(context, served, std::move(asked), translation_words(std::move(head), from == "auto" ? "en" : from), call);
}

}  // namespace fulmar::api::lightning
