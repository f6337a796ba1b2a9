// /state/status and /state/delete.
#include "api/lightning/native.h"

namespace fulmar::test {
namespace {

using testing::MatchesRegex;

void begin(const Service& service, const std::string& id) {
  state_turn(service, with(native(id, 2), {{"session_id", id}}));
}

TEST(StateStatus, CountsAndListsTheSessionsOfEachLevel) {
  const std::string file = testing::TempDir() + "status_sessions.db";
  for (const char* more : {"", "-wal", "-shm"}) std::filesystem::remove(file + more);
  StoreOptions options;
  options.file = file;
  options.device_sessions = 2;
  options.memory_sessions = 3;
  const Service service({}, {.sessions = StateStore::open(options)});
  for (int i = 0; i < 8; ++i) begin(service, fmt::format("s{}", i));
  json::object status;
  ASSERT_TRUE(eventually([&] {
    status = service.ask("/state/status", json::object());
    return status.at("database_count") == 3;
  }));
  EXPECT_EQ(status.at("status"), "success");
  EXPECT_EQ(status.at("total_sessions"), 8);
  EXPECT_EQ(status.at("l1_cache_count"), 2);
  EXPECT_EQ(status.at("l2_cache_count"), 3);
  const json::array& sessions = status.at("sessions").as_array();
  ASSERT_EQ(sessions.size(), 8u);
  for (size_t i = 0; i < 8; ++i) {
    const json::object& one = sessions[i].as_object();
    EXPECT_EQ(one.at("session_id"), json::value(fmt::format("s{}", 7 - i)));  // the newest first
    EXPECT_EQ(one.at("cache_level"), i < 2 ? "L1 (VRAM)" : i < 5 ? "L2 (RAM)" : "Database (Disk)");
    const std::string updated(one.at("last_updated").as_string());
    if (i < 5)
      EXPECT_EQ(updated, "In Memory");
    else
      EXPECT_THAT(updated, MatchesRegex("20..-..-.. ..:..:.."));
    EXPECT_NEAR(one.at("timestamp").as_double(), static_cast<double>(std::time(nullptr)), 100);
  }
}

TEST(StateStatus, ListsNoMoreThanAsked) {
  const Service service;
  for (int i = 0; i < 5; ++i) begin(service, fmt::format("s{}", i));
  const json::object status = service.ask("/state/status", {{"limit", 2}});
  EXPECT_EQ(status.at("total_sessions"), 5);
  EXPECT_EQ(status.at("sessions").as_array().size(), 2u);
  const Answer empty = service.client().post("/state/status", "");
  EXPECT_EQ(empty.status, 200) << empty.body;
  EXPECT_EQ(json::parse(empty.body).at("sessions").as_array().size(), 5u);
}

TEST(StateDelete, EndsASessionOrATree) {
  const Service service;
  for (const char* id : {"a", "a:1", "a:2", "ab", "b:1"}) begin(service, id);
  EXPECT_EQ(service.ask("/state/delete", {{"session_id", "a"}}),
            (json::value{{"status", "success"}, {"message", "Session a deleted successfully"}}));
  const Answer again = service.post("/state/delete", {{"session_id", "a"}});
  EXPECT_EQ(again.status, 404);
  EXPECT_EQ(json::parse(again.body),
            (json::value{{"status", "not_found"}, {"message", "Session a not found in database"}}));
  EXPECT_EQ(service.engine->sessions().stats().sessions, 4u);
  for (const char* tree : {"a", "a", "b"}) service.ask("/state/delete", {{"session_id", tree}, {"delete_prefix", true}});
  const auto left = service.engine->sessions().list("", 10);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].id, "ab");
}

TEST(StateDelete, ATreeThatIsGoneBeginsAgain) {
  const Service service;
  const json::object turn = with(native("x"), {{"session_id", "t"}, {"dialogue_idx", 0}});
  for (const int64_t child : {1, 2}) EXPECT_EQ(service.ask("/multi_state/chat/completions", turn).at("dialogue_idx"), child);
  service.ask("/state/delete", {{"session_id", "t"}, {"delete_prefix", true}});
  EXPECT_EQ(service.ask("/multi_state/chat/completions", turn).at("dialogue_idx"), 1);
}

TEST(StateDelete, NeedsAName) {
  const Service service;
  for (const json::value& id : {json::value(nullptr), json::value("")}) {
    const Answer answer = service.post("/state/delete", {{"session_id", id}});
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body, R"({"error":"Missing session_id parameter"})");
  }
  EXPECT_EQ(service.post("/state/delete", {{"session_id", std::string("a\nb")}}).status, 400);
}

}  // namespace
}  // namespace fulmar::test
