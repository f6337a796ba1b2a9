// POST /state/status and /state/delete: which sessions there are, and their end.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <tuple>

#include "answer/json.h"
#include "api/lightning/lightning.h"

namespace fulmar::api::lightning {
namespace {

constexpr size_t kPage = 1024;  // sessions asked of the store at once
constexpr int64_t kDefaultListed = 1000;

struct Listing {
  uint64_t on_level[3] = {};
  std::vector<SessionEntry> first;  // so many as were asked for: those in memory, then those changed last
};

Listing list_sessions(const StateStore& sessions, size_t limit) {
  Listing listing;
  const auto before = [](const SessionEntry& a, const SessionEntry& b) {
    return std::tie(a.level, b.updated, b.head, a.id) < std::tie(b.level, a.updated, a.head, b.id);
  };
  std::string after;
  for (bool more = true; more;) {
    const std::vector<SessionEntry> page = sessions.list(after, kPage);
    more = page.size() == kPage;
    if (more) after = page.back().id;
    for (const SessionEntry& entry : page) ++listing.on_level[std::clamp(entry.level, 1, 3) - 1];
    std::vector<SessionEntry>& first = listing.first;
    first.insert(first.end(), page.begin(), page.end());
    const size_t kept = std::min(limit, first.size());
    std::partial_sort(first.begin(), first.begin() + static_cast<ptrdiff_t>(kept), first.end(), before);
    first.resize(kept);
  }
  return listing;
}

json::object told(const SessionEntry& entry, std::chrono::system_clock::time_point now) {
  constexpr std::string_view levels[] = {"L1 (VRAM)", "L2 (RAM)", "Database (Disk)"};
  const bool in_memory = entry.level < 3;
  const auto time = in_memory ? now : std::chrono::system_clock::time_point(std::chrono::milliseconds(entry.updated));
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  return {{"session_id", text(entry.id)},
          {"cache_level", text(levels[std::clamp(entry.level, 1, 3) - 1])},
          {"last_updated", in_memory ? "In Memory" : fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(seconds))},
          {"timestamp", std::chrono::duration<double>(time.time_since_epoch()).count()}};
}

void respond(const Call& call, int status, const json::object& body) {
  http::Response response;
  response.status = status;
  response.body = json::serialize(body);
  call.reply->respond(std::move(response));
}

constexpr Shape missing_shape{"a session that is not there", R"({"status": "=not_found", "message": "text"})"};

}  // namespace

constexpr Shape sessions_answer{"rwkv_lightning's sessions", R"({
  "status": "=success", "total_sessions": "integer", "l1_cache_count": "integer", "l2_cache_count": "integer", "database_count": "integer",
  "sessions": [{"session_id": "text", "cache_level": "text", "last_updated": "text", "timestamp": "number"}]})"};
constexpr Shape deleted_answer{"rwkv_lightning's deleted session", R"({"status": "=success", "message": "text"})"};
constexpr Others delete_others{{{{404, "There is no such session.", &missing_shape}}}};

void state_status(const Context& context, const Call& call) {
  const StateStore& kept = context.sessions();
  const Fields fields(call.body, status_fields);
  const auto limit = static_cast<size_t>(fields.integer("limit").value_or(kDefaultListed));
  const Listing listing = list_sessions(kept, limit);
  json::array sessions;
  const auto now = std::chrono::system_clock::now();
  for (const SessionEntry& entry : listing.first) sessions.push_back(told(entry, now));
  const auto& counts = listing.on_level;
  respond(call, 200,
          {{"status", "success"},
           {"total_sessions", counts[0] + counts[1] + counts[2]},
           {"l1_cache_count", counts[0]},
           {"l2_cache_count", counts[1]},
           {"database_count", counts[2]},
           {"sessions", std::move(sessions)}});
}

void state_delete(const Context& context, const Call& call) {
  StateStore& sessions = context.sessions();
  const Fields fields(call.body, delete_fields);
  const auto id = fields.text("session_id");
  if (!id) throw Error(ErrorKind::bad_request, "Missing session_id parameter", "session_id");
  check_session_id(*id);
  const bool below = fields.boolean("delete_prefix").value_or(false);
  const Outcome outcome = sessions.wait(sessions.erase(*id, below));
  if (below) context.child_numbers.forget(*id);
  const bool is_missing = outcome.error && outcome.error->kind() == ErrorKind::not_found;
  if (outcome.error && !is_missing) throw Error(*outcome.error);
  if (is_missing && !below)
    return respond(call, 404,
                   {{"status", "not_found"}, {"message", text(fmt::format("Session {} not found in database", *id))}});
  respond(call, 200, {{"status", "success"}, {"message", text(fmt::format("Session {} deleted successfully", *id))}});
}

}  // namespace fulmar::api::lightning
