// Mixtures of states as sessions.
#include "fulmar/state_file.h"
#include "api/states/service.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;

StatePtr exported(const StateService& service, const std::string& id) {
  const Answer file = service.get("/state/export/" + id);
  EXPECT_EQ(file.status, 200) << file.body;
  return read_state(std::as_bytes(std::span(file.body)), "file").state;
}

TEST(Mix, OfOneWithAllTheWeightIsThatOne) {
  const StateService service;
  service.turn("one", "a", "a");
  service.turn("another text", "b", "b");
  const Answer answer = service.post("/state/mix", R"({"states": ["a", "b"], "weights": [1, 0], "to": "m"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(object_of(answer)["session_id"], "m");
  EXPECT_EQ(service.turn("go on", "m", "m"), service.turn("go on", "a", "a"));
  EXPECT_EQ(service.engine->sessions().entry("b")->tokens, 12u + 5u) << "what was mixed stays as it is";
}

TEST(Mix, IsTheWeightedSumOfClosedStates) {
  const StateService service;
  service.turn("one", "a", "a");
  service.turn("another text", "b", "b");
  const StatePtr a = exported(service, "a"), b = exported(service, "b");
  ASSERT_EQ(service.post("/state/mix", R"({"states": ["a", "b"], "weights": [0.25, -0.5], "to": "m"})").status, 200);
  ASSERT_EQ(service.post("/state/mix", R"({"states": ["a", "b"], "to": "half"})").status, 200);
  const StatePtr mixed = service.engine->sessions().find("m").state, half = service.engine->sessions().find("half").state;
  for (size_t i = 0; i < a->floats.size(); ++i) {
    EXPECT_EQ(mixed->floats[i], 0.25f * a->floats[i] - 0.5f * b->floats[i]);
    EXPECT_EQ(half->floats[i], 0.5f * a->floats[i] + 0.5f * b->floats[i]);
  }
  EXPECT_EQ(object_of(service.get("/state/m"))["unknown_tokens"], 17);
}

TEST(Mix, WhatIsWrongWithOneIsToldByItsField) {
  const StateService service;
  service.turn("one", "a", "a");
  complaint(service.post("/state/mix", R"({"to": "m"})"), 400, "states");
  complaint(service.post("/state/mix", R"({"states": [], "to": "m"})"), 400, "states");
  complaint(service.post("/state/mix", R"({"states": [7], "to": "m"})"), 400, "states[0]");
  complaint(service.post("/state/mix", R"({"states": ["a"]})"), 400, "to");
  complaint(service.post("/state/mix", R"({"states": ["a"], "weights": [1, 2], "to": "m"})"), 400, "weights");
  complaint(service.post("/state/mix", R"({"states": ["a"], "weights": [1e9], "to": "m"})"), 400, "weights[0]");
  complaint(service.post("/state/mix", R"({"states": ["a"], "weights": ["1"], "to": "m"})"), 400, "weights[0]");
  complaint(service.post("/state/mix", R"({"states": ["a"], "to": "a"})"), 400, "to");
  EXPECT_THAT(complaint(service.post("/state/mix", R"({"states": ["a", "nobody"], "to": "m"})"), 404), HasSubstr("nobody"));
  std::string many = R"("a")";
  for (int i = 0; i < 64; ++i) many += R"(, "a")";
  complaint(service.post("/state/mix", R"({"states": [)" + many + R"(], "to": "m"})"), 400, "states");
  EXPECT_FALSE(service.engine->sessions().entry("m"));
  EXPECT_EQ(service.post("/state/mix", R"({"states": ["a", "a"], "to": "a", "replace": true})").status, 200);
}

}  // namespace
}  // namespace fulmar::test
