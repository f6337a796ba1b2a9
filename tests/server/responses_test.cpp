// What a response costs is bounded: its end says all of its text again, several times in a stream.
#include <boost/json/serialize.hpp>

#include "answer/answer.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

constexpr size_t piece = 100'000;

json::object without_end() {
  return {{"input", "a"}, {"max_output_tokens", 1000}};
}

void expect_bounded(const json::object& response) {
  EXPECT_EQ(response.at("status"), "incomplete");
  const size_t length = response.at("output").at(0).at("content").at(0).at("text").as_string().size();
  EXPECT_GT(length, api::kRepeated);
  EXPECT_LE(length, api::kRepeated + 2 * piece);
}

TEST(Responses, OneThatIsTooLongIsCutWhereItIs) {
  FakeOptions fake;
  fake.piece_bytes = piece;
  const Harness harness(fake);
  const Answer whole = harness.client().post("/v1/responses", json::serialize(without_end()));
  ASSERT_EQ(whole.status, 200);
  expect_bounded(json::parse(whole.body).as_object());
  json::object body = without_end();
  body["stream"] = true;
  const Answer streamed = harness.client().post("/v1/responses", json::serialize(body));
  const json::object last = json::parse(streamed.events().back()).as_object();
  EXPECT_EQ(last.at("type"), "response.incomplete");
  expect_bounded(last.at("response").as_object());
  EXPECT_TRUE(eventually([&] { return harness.context.waiting_text == 0 && harness.idle(); }));
}

TEST(Responses, ATroubleWithinAStreamIsItsLastEvent) {
  FakeOptions fake;
  fake.fail_with = "the device was lost";
  const Harness harness(fake);
  json::object body = {{"input", "a"}, {"stream", true}, {"max_output_tokens", 10}};
  const std::vector<std::string> events = harness.client().post("/v1/responses", json::serialize(body)).events();
  const json::object last = json::parse(events.back()).as_object();
  EXPECT_EQ(last.at("type"), "response.failed");
  EXPECT_EQ(last.at("sequence_number"), events.size() - 1);
  EXPECT_EQ(last.at("response").at("error").at("message"), "the device was lost");
  body["stream"] = false;
  EXPECT_EQ(harness.client().post("/v1/responses", json::serialize(body)).status, 503);
}

}  // namespace
}  // namespace fulmar::test
