// The server itself, as RWKV-Runner's clients see it: GET /, /status and the credits, and POST /exit.
#include <fmt/format.h>

#include <utility>

#include "api/runner/runner.h"
#include "base/json_text.h"
#include "base/platform.h"
#include "host/host.h"

namespace fulmar::api::runner {
namespace {

enum Phase { offline = 0, loading = 2, working = 3 };  // RWKV-Runner's numbers

void respond(const Call& call, std::string body) {
  http::Response response;
  response.body = std::move(body);
  call.reply->respond(std::move(response));
}

void forbid(const Call& call, std::string why) {
  call.reply->respond(http::worded(call.family.wording, http::Failure(403, std::move(why), "forbidden")));
}

// A page of this machine, as RWKV-Runner's own is, or none at all.
bool is_local(std::string_view origin) {
  if (origin.empty()) return true;
  const size_t scheme = origin.find("://");
  if (scheme == origin.npos) return false;
  std::string_view host = origin.substr(scheme + 3);
  host = host.substr(0, host.starts_with('[') ? host.find(']') + 1 : host.find(':'));
  return host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "[::1]" || host == "wails";
}

}  // namespace

constexpr Shape success_answer{"RWKV-Runner's success", R"("=success")"};
constexpr Shape hello_answer{"RWKV-Runner's greeting", R"({"Hello": "=World!"})"};
constexpr Shape status_answer{"RWKV-Runner's status", R"({"status": "integer", "pid": "integer", "device_name": "text"})"};
constexpr Shape credits_answer{"what is left to spend", R"({
  "object": "=credit_summary", "total_granted": "integer", "total_used": "integer", "total_available": "integer",
  "grants": {"object": "=list", "data": [{"object": "=credit_grant", "id": "text", "grant_amount": "integer", "used_amount": "integer",
    "effective_at": "integer", "expires_at": "integer"}]}})"};

http::Response success() {
  http::Response response;
  response.body = "\"success\"";
  return response;
}

bool is_closed(const Context& context, const Call& call) {
  if (!context.standing.deployed()) return false;
  forbid(call, "the server was deployed: this is closed until it is started again");
  return true;
}

void hello(const Context&, const Call& call) {
  respond(call, R"({"Hello":"World!"})");
}

void status(const Context& context, const Call& call) {
  Phase phase = offline;
  std::string device;
  for (const host::Listed& listed : context.host->list()) {
    if (listed.presence == host::Presence::loading) phase = loading;
    if (!listed.current || !listed.served) continue;
    if (phase == offline) phase = working;
    device = listed.served->engine->model().device;
  }
  respond(call, fmt::format(R"({{"status":{},"pid":{},"device_name":{}}})", static_cast<int>(phase), process_number(),
                            json_quoted(device)));
}

// Clients of OpenAI of old ask what is left to spend.
void credits(const Context&, const Call& call) {
  respond(call, R"({"object":"credit_summary","total_granted":10000,"total_used":0,"total_available":10000,"grants":)"
                R"({"object":"list","data":[{"object":"credit_grant","id":"1234567","grant_amount":10000,"used_amount":0,)"
                R"("effective_at":1672531200,"expires_at":33229440000}]}})");
}

void leave(const Context& context, const Call& call) {
  if (is_closed(context, call)) return;
  if (!context.asks() && !context.own_machine_only)
    return forbid(call, "without a password only a server that this machine alone reaches can be ended by a request");
  if (!context.asks() && !is_local(call.http.header("Origin")))
    return forbid(call, "without a password no web page of elsewhere can end the server");
  call.reply->respond(success());
  context.stop();
}

}  // namespace fulmar::api::runner
