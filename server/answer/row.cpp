// From rows to routes.
#include "answer/row.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "answer/behalf.h"
#include "answer/body.h"
#include "base/fail.h"
#include "host/host.h"

namespace fulmar::api {
namespace {

// The first of `rows` that `body` means.
const Row& meant(const Context& context, const std::vector<Row>& rows, const http::Request& request, const json::object& body) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) {
    if (row.when_asked) return row.when_asked(request);
    return row.when_told ? row.when_told(context, body) : !row.when || row.when(body);
  });
  if (found == rows.end()) fail(ErrorKind::bad_request, "the body has no field that says what {} is to do", rows[0].path);
  return *found;
}

// Whose request it is: by its head, or by the body's field "password" where the row takes that; null where nobody is known.
http::HolderPtr holder_of(const Context& context, const Row& row, const http::Request& request, const json::object& body) {
  if (request.who || row.auth != Auth::in_body) return request.who;
  const json::value* given = body.if_contains("password");
  return given && given->is_string() ? context.holder_of(given->get_string()) : nullptr;
}

// Why its holder may not have this now.
std::optional<http::Failure> refusal_of(const Row& row, const http::HolderPtr& holder) {
  if (!holder || holder->key.name.empty()) return std::nullopt;
  if (row.about.reach == Reach::server && !holder->key.manages)
    return http::Failure(403, fmt::format("the key of {} may not change what others use; its operator can let it, with \"manage\": true",
                                          holder->key.name), "not_allowed");
  if (row.method == std::string_view("GET")) return std::nullopt;
  const double wait = holder->admit();
  if (wait == 0) return std::nullopt;
  http::Failure failure(429, fmt::format("the key of {} has used up its requests or tokens for now", holder->key.name), "rate_limit_exceeded");
  failure.retry_after = static_cast<uint32_t>(std::ceil(wait));
  return failure;
}

// The one that words what is wrong before it is known which is meant.
const Row& first_of(const std::vector<Row>& rows) {
  const auto plain = std::find_if(rows.begin(), rows.end(), [](const Row& row) { return !row.when_told && !row.when_asked; });
  return plain == rows.end() ? rows[0] : *plain;
}

json::object body_of(const Row& row, const http::Request& request) {
  const bool is_json = row.content == Content::object || (row.content == Content::anything && !request.body.empty());
  return request.method == "POST" && is_json ? parse_object(request.body) : json::object();
}

// A request that waits for its model, and is asked again when that is there: as it came, for what is parsed takes more.
class Waiting {
 public:
  Waiting(const Context& context, const http::Request& request, const Row& row, http::HolderPtr holder,
          std::shared_ptr<http::Reply> reply)
      : context_(context), request_(request), row_(row), holder_(std::move(holder)), reply_(std::move(reply)) {
    if ((context_.waiting_bodies += request_.body.size()) <= kWaitingBodies) return;
    context_.waiting_bodies -= request_.body.size();
    fail(ErrorKind::busy, "the requests that wait for models have more than {} MiB already; try again later", kWaitingBodies >> 20);
  }
  ~Waiting() { context_.waiting_bodies -= request_.body.size(); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  void go_on(const std::exception_ptr& failure) const {
    const http::Wording wording = row_.family.wording;
    try {
      if (reply_->gone()) return;
      if (failure) std::rethrow_exception(failure);
      const json::object body = body_of(row_, request_);
      const Behalf behalf(holder_);
      row_.endpoint(context_, {request_, body, row_.family, reply_});
    } catch (const Error& error) {
      reply_->respond(http::worded(wording, http::Failure(error)));
    } catch (...) {
      reply_->respond(http::worded(wording, http::Failure(Error(ErrorKind::out_of_memory, "no memory for the answer"))));
    }
  }

 private:
  const Context& context_;
  const http::Request request_;
  const Row& row_;
  const http::HolderPtr holder_;
  const std::shared_ptr<http::Reply> reply_;
};

void run(const Context& context, const std::vector<Row>& rows, const http::Request& request,
         const std::shared_ptr<http::Reply>& reply) {
  json::object body;
  try {
    body = body_of(rows[0], request);
  } catch (const Error& error) {
    throw Error(error.kind(), std::string(first_of(rows).family.no_json) + error.what());
  }
  const Row& row = meant(context, rows, request, body);
  try {
    const http::HolderPtr holder = holder_of(context, row, request, body);
    if (row.auth == Auth::in_body && !holder)
      fail(ErrorKind::unauthorized, "a valid password is needed: Authorization: Bearer <password>, x-api-key: <password>, or the field password");
    if (const auto refusal = refusal_of(row, holder)) return reply->respond(http::worded(row.family.wording, *refusal));
    if (holder) reply->bill(holder);
    const Behalf behalf(holder);
    try {
      row.endpoint(context, {request, body, row.family, reply});
    } catch (const host::NotResident& missing) {
      const auto waiting = std::make_shared<const Waiting>(context, request, row, holder, reply);
      context.host->when_resident(missing.id, [waiting](const std::exception_ptr& failure) { waiting->go_on(failure); });
    }
  } catch (const Error& error) {
    reply->respond(http::worded(row.family.wording, http::Failure(error)));
  }
}

}  // namespace

std::string_view model_of(const Call& call) {
  const json::value* const given = call.body.if_contains("model");
  return given && given->is_string() ? std::string_view(given->get_string()) : std::string_view();
}

std::optional<std::string> in_query(const Call& call, const FieldTable& query, std::string_view name) {
  require(query.find(name), "the table {} has no field {}", query.title, name);
  return call.http.asked(name);
}

std::optional<int64_t> integer_in_query(const Call& call, const FieldTable& query, std::string_view name) {
  const std::optional<std::string> word = in_query(call, query, name);
  if (!word) return std::nullopt;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(word->data(), word->data() + word->size(), number);
  const Field& field = *query.find(name);
  if (error != std::errc() || end != word->data() + word->size() || number < field.least || number > field.most)
    bad_field(name, fmt::format("must be a whole number from {} to {}", field.least, field.most));
  return number;
}

uint32_t usual_tokens(const Context& context, const Call& call, uint32_t otherwise) {
  if (context.max_tokens > 0) return context.max_tokens;
  return call.family.max_tokens > 0 ? call.family.max_tokens : otherwise;
}

std::vector<http::Route> make_routes(const Context& context, const std::vector<Row>& rows) {
  std::vector<std::vector<Row>> groups;
  for (const Row& row : rows) {
    const auto same = [&row](const std::vector<Row>& group) {
      return std::string_view(group[0].method) == row.method && std::string_view(group[0].path) == row.path;
    };
    const auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) {
      groups.push_back({row});
    } else {
      const Row& first = (*group)[0];
      require(first.cost == row.cost && first.auth == row.auth && first.content == row.content &&
                  first.most_body == row.most_body,
              "the rows of {} {} differ in cost, auth or content", row.method, row.path);
      group->push_back(row);
    }
  }
  std::vector<http::Route> routes;
  for (std::vector<Row>& group : groups) {
    http::Route& route = routes.emplace_back();
    route.method = group[0].method;
    route.pattern = group[0].path;
    route.open = group[0].auth != Auth::password;  // so far
    route.quick = group[0].cost == Cost::quick;
    route.wording = first_of(group).family.wording;
    route.traffic = context.traffic.emplace_back(std::make_shared<http::Traffic>(route.method, route.pattern));
    if (group[0].most_body) route.most_body = [&context, most = group[0].most_body] { return most(context); };
    route.handler = [&context, rows_of_path = std::move(group)](const http::Request& request,
                                                                const std::shared_ptr<http::Reply>& reply) {
      run(context, rows_of_path, request, reply);
    };
  }
  return routes;
}

}  // namespace fulmar::api
