// With a password nobody gets past it, whichever family's door he takes, and each says so in its own words.
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "server/harness.h"

namespace fulmar::test {
namespace {

http::ServerOptions with_password() {
  http::ServerOptions options;
  options.password = "sesame";
  return options;
}

Answer ask(const Harness& harness, const api::Row& row, std::string_view headers) {
  std::string path = row.path;
  if (const size_t place = path.find("{}"); place != path.npos) path.replace(place, 2, "x");
  Client client = harness.client();
  const bool has_body = std::string_view(row.method) == "POST" && row.content != api::Content::bytes;
  client.send(row.method, path, has_body ? "{}" : "", headers);
  return client.receive();
}

TEST(Passwords, EveryRouteButHealthIsClosedInTheWordsOfItsFamily) {
  Harness harness({}, with_password());
  harness.context.password = "sesame";
  const http::Failure failure(Error(ErrorKind::unauthorized, "no"));
  size_t closed = 0;
  std::set<std::pair<std::string, std::string>> paths;
  for (const api::Row& row : api::all_rows()) {
    if (row.path == std::string_view("/health") || row.when_told || row.when_asked) continue;
    // Whose body it is, is known behind the password: until then a path's first family speaks.
    if (!paths.emplace(row.method, row.path).second) continue;
    for (const std::string_view headers : {"", "Authorization: Bearer wrong\r\n", "Authorization: Bearer \r\n", "x-api-key: wrong\r\n"}) {
      const Answer answer = ask(harness, row, headers);
      EXPECT_EQ(answer.status, 401) << row.method << ' ' << row.path;
      // Keys of the family's error object, whatever its sentence.
      const json::value said = json::parse(answer.body), shape = json::parse(http::worded(row.family.wording, failure).body);
      ASSERT_TRUE(said.is_object() && shape.is_object()) << row.path << ": " << answer.body;
      for (const auto& member : shape.get_object()) EXPECT_TRUE(said.get_object().contains(member.key())) << row.path << ": " << answer.body;
      EXPECT_EQ(said.get_object().size(), shape.get_object().size()) << row.path << ": " << answer.body;
    }
    ++closed;
  }
  EXPECT_GT(closed, 25u);
  Client client = harness.client();
  EXPECT_EQ(client.get("/health").status, 200);
  const std::string said = client.get("/v1/models").body;
  for (const char* way : {"Authorization: Bearer", "x-api-key"}) EXPECT_NE(said.find(way), std::string::npos) << said;
}

}  // namespace
}  // namespace fulmar::test
