// GET and DELETE /v1/responses/{id}, what its request said, and that none can be cancelled.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "answer/durable.h"
#include "answer/whole.h"
#include "api/openai/openai.h"
#include "api/openai/response_document.h"

namespace fulmar::api::openai {
namespace {

KeptResponse kept_of(const Context& context, const Call& call) {
  std::optional<KeptResponse> kept = find_response(context.sessions(), call.http.param);
  if (!kept) throw Error(ErrorKind::not_found, fmt::format("Response with id '{}' not found.", call.http.param.substr(0, 64)), "id");
  return std::move(*kept);
}

size_t limit_of(const Call& call) {
  const Field& row = *input_item_query.find("limit");
  const std::string word = in_query(call, input_item_query, "limit").value_or("20");
  int64_t limit = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), limit);
  if (error != std::errc() || end != word.data() + word.size() || limit < row.least || limit > row.most)
    bad_field("limit", fmt::format("must be an integer between {} and {}", row.least, row.most));
  return static_cast<size_t>(limit);
}

constexpr Shape input_item_shape{"an item of a request for a response", R"({
  "id": "text", "type": "text", "status?": "text", "role?": "text", "content?": "list", "summary?": "list", "call_id?": "text",
  "name?": "text", "arguments?": "text", "output?": "text|list"})"};

}  // namespace

constexpr Shape input_items_answer{"items of a request for a response", R"({
  "object": "=list", "first_id": "text|null", "last_id": "text|null", "has_more": "boolean",
  "data": ["@an item of a request for a response"]})", {&input_item_shape}};
constexpr Shape deleted_response_answer{"a deleted response", R"({"id": "text", "object": "=response", "deleted": true})"};

void get_response(const Context& context, const Call& call) {
  const std::string stream = in_query(call, response_query, "stream").value_or("false");
  if (stream != "true" && stream != "false") bad_field("stream", "must be true or false");
  if (stream == "true") unsupported("stream", "may be false only: a response is told as events while it is made, and once");
  give_whole(context, call, json::serialize(kept_of(context, call).response));
}

void delete_response(const Context& context, const Call& call) {
  kept_of(context, call);
  StateStore& sessions = context.sessions();
  answer_when_durable(sessions, sessions.erase(call.http.param), call.family, call.reply, [id = call.http.param](const Outcome&) {
    http::Response response;
    response.body = json::serialize(json::object{{"id", text(id)}, {"object", "response"}, {"deleted", true}});
    return response;
  });
}

void cancel_response(const Context& context, const Call& call) {
  kept_of(context, call);
  throw Error(ErrorKind::bad_request, "Cannot cancel a synchronous response.");
}

void list_input_items(const Context& context, const Call& call) {
  const size_t limit = limit_of(call);
  const std::string order = in_query(call, input_item_query, "order").value_or("desc");
  if (order != "asc" && order != "desc") bad_field("order", "must be asc or desc");
  json::array items = std::move(kept_of(context, call).input);
  if (order == "desc") std::ranges::reverse(items);
  auto first = items.begin();
  if (const auto after = in_query(call, input_item_query, "after")) {
    first = std::ranges::find_if(items, [&](const json::value& item) { return item.at("id") == json::value(*after); });
    if (first == items.end()) bad_field("after", "names no item of this response's input");
    ++first;
  }
  const auto end = first + static_cast<std::ptrdiff_t>(std::min(limit, static_cast<size_t>(items.end() - first)));
  const bool has_more = end != items.end();
  json::array data(first, end);
  const auto id_at = [&](bool last) { return data.empty() ? json::value() : (last ? data.back() : data.front()).at("id"); };
  json::object list = {{"object", "list"}, {"first_id", id_at(false)}, {"last_id", id_at(true)}, {"has_more", has_more}};
  list["data"] = std::move(data);
  give_whole(context, call, json::serialize(list));
}

}  // namespace fulmar::api::openai
