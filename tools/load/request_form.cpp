// The table of request forms, bodies and answers; see request_form.h.
#include "request_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/fail.h"

namespace fulmar::load {
namespace {

namespace json = boost::json;

constexpr std::string_view completions = "/v1/completions", chats = "/v1/chat/completions";

constexpr RequestForm forms[] = {
    {"fulmar", Body::completion, completions, 8000, true},
    {"openai", Body::completion, completions, 8000, true},
    {"chat", Body::chat, chats, 8000, true},
    {"lightning", Body::contents, chats, 8000, false},
    {"infer", Body::chat, chats, 9000, false},
    {"conRWKV", Body::completion, completions, 8000, false},
    {"RWKV-Runner", Body::completion, completions, 8000, false},
    {"RWKV-Infer", Body::chat, chats, 9000, false},  // the same as infer, under the name of its own benchmark
};

json::string_view view(std::string_view text) {
  return {text.data(), text.size()};
}

const json::value* member(const json::value* value, std::string_view name) {
  const json::object* object = value ? value->if_object() : nullptr;
  return object ? object->if_contains(view(name)) : nullptr;
}

void add_text(std::string& out, const json::value* text) {
  if (text && text->is_string()) out += std::string_view(text->get_string());
}

}  // namespace

std::span<const RequestForm> request_forms() {
  return forms;
}

const RequestForm& request_form(const std::string& name) {
  const auto found = std::find_if(std::begin(forms), std::end(forms), [&](const RequestForm& form) { return form.name == name; });
  if (found != std::end(forms)) return *found;
  std::string known;
  for (const RequestForm& form : forms) known += fmt::format("{}{}", known.empty() ? "" : ", ", form.name);
  fail(ErrorKind::misuse, "--backend {} is none of {}", name, known);
}

std::string body_of(const RequestForm& form, const Prompt& prompt, const FormOptions& options) {
  json::object body{{"model", options.model}};
  if (form.body == Body::completion) {
    body["prompt"] = prompt.text;
    body["best_of"] = 1;
  } else if (form.body == Body::chat) {
    body["messages"] = json::array{json::object{{"role", "user"}, {"content", prompt.text}}};
  } else {
    body["contents"] = json::array{json::value(prompt.text)};
    body["chunk_size"] = 1;
    if (options.ignore_eos) body["stop_tokens"] = json::array();
    if (!options.password.empty()) body["password"] = options.password;
  }
  body["temperature"] = 0.0;
  body["max_tokens"] = prompt.output_tokens;
  body["stream"] = options.stream;
  if (form.body != Body::contents) body["ignore_eos"] = options.ignore_eos;
  if (form.tells_usage && options.stream) body["stream_options"] = json::object{{"include_usage", true}};
  for (const auto& [name, value] : options.extra) body[name] = value;
  return json::serialize(body);
}

std::optional<Piece> read_piece(std::string_view text) {
  unsigned char first[8192];  // for most events all there is to allocate
  json::monotonic_resource memory(first);
  json::error_code error;
  const json::value value = json::parse(view(text), error, &memory);
  if (error || !value.is_object()) return std::nullopt;
  Piece piece;
  const json::value* complaint = member(&value, "error");
  if (complaint && !complaint->is_null()) {
    piece.error.emplace();
    add_text(*piece.error, complaint->is_object() ? member(complaint, "message") : complaint);
  }
  if (const json::value* tokens = member(member(&value, "usage"), "completion_tokens"); tokens && tokens->is_number()) {
    const auto count = tokens->to_number<uint32_t>(error);
    if (!error) piece.completion = count;
  }
  const json::value* choices = member(&value, "choices");
  if (!choices || !choices->is_array()) return piece;
  for (const json::value& choice : choices->get_array()) {
    add_text(piece.text, member(&choice, "text"));
    for (const char* holder : {"delta", "message"})
      for (const char* name : {"reasoning_content", "content"}) add_text(piece.text, member(member(&choice, holder), name));
  }
  return piece;
}

bool is_end_mark(std::string_view data) {
  while (data.ends_with(' ')) data.remove_suffix(1);
  return data == "[DONE]" || data == R"(["[DONE]"])";
}

std::string first_model(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(view(text), error);
  if (error) return {};
  const json::value* list = value.is_array() ? &value : member(&value, "data");
  if (!list || !list->is_array() || list->get_array().empty()) return {};
  std::string id;
  add_text(id, member(&list->get_array()[0], "id"));
  return id;
}

}  // namespace fulmar::load
