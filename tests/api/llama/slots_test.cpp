// What llama.cpp's clients do with slots.
#include "api/states/service.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;

json::object llama_error(const Answer& answer, int status, std::string_view type) {
  EXPECT_EQ(answer.status, status) << answer.body;
  json::object error = object_of(answer)["error"].as_object();
  EXPECT_EQ(error["code"], status);
  EXPECT_EQ(error["type"], json::value(type));
  return error;
}

TEST(LlamaSlots, AsManyAsAreBusyAreToldAsBusy) {
  Gate gate;
  FakeOptions model;
  model.slots = 3;
  model.before_step = [&gate](uint64_t step) {
    if (step == 5) gate.wait();
  };
  const StateService service(model);
  service.turn("hello", "slot:1", "slot:1", 3);
  const auto live = listen_to(*service.engine, ask("go", 10));
  gate.wait_for_visitor();
  const json::array slots = json::parse(service.get("/slots").body).as_array();
  gate.open();
  ASSERT_EQ(slots.size(), 3u);
  EXPECT_EQ(slots[0].at("is_processing"), true);
  EXPECT_EQ(slots[1].at("is_processing"), false);
  EXPECT_EQ(slots[0].at("session_id"), nullptr);
  EXPECT_EQ(slots[1].at("session_id"), "slot:1");
  EXPECT_EQ(slots[1].at("tokens"), 8);
  EXPECT_EQ(live->wait(), Finish::length);
  EXPECT_EQ(service.get("/slots?fail_on_no_slot=1").status, 200);
}

TEST(LlamaSlots, WhatIsSavedCanBeRestored) {
  const StateService service;
  service.turn("one", "slot:0", "slot:0");
  json::object saved = object_of(service.post("/slots/0?action=save", R"({"filename": "talk.bin"})"));
  EXPECT_EQ(saved["id_slot"], 0);
  EXPECT_EQ(saved["filename"], "talk.bin");
  EXPECT_EQ(saved["n_saved"], 8);
  EXPECT_TRUE(saved["timings"].as_object().contains("save_ms"));
  const std::string two = service.turn("two", "slot:0", "slot:0");
  EXPECT_EQ(object_of(service.post("/slots/0?action=erase", ""))["n_erased"], 8 + 3 + 5);
  EXPECT_EQ(object_of(service.post("/slots/0?action=erase", "{}"))["n_erased"], 0);
  json::object restored = object_of(service.post("/slots/3?action=restore", R"({"filename": "talk.bin"})"));
  EXPECT_EQ(restored["n_restored"], 8);
  EXPECT_EQ(service.turn("two", "slot:3", "slot:3"), two);
}

TEST(LlamaSlots, ErrorsAreLlamas) {
  const StateService service;
  llama_error(service.post("/slots/0?action=restore", R"({"filename": "nothing.bin"})"), 404, "not_found_error");
  const json::object error =
      llama_error(service.post("/slots/0?action=save", R"({"filename": "x"})"), 501, "not_supported_error");
  EXPECT_THAT(std::string(error.at("message").as_string()), HasSubstr("slot:0"));
  for (const char* path : {"/slots/8?action=erase", "/slots/-1?action=erase", "/slots/x?action=erase", "/slots/0x1?action=erase",
                           "/slots/0", "/slots/0?action=dance", "/slots/0?action=save"})
    llama_error(service.post(path, ""), 400, "invalid_request_error");
  llama_error(service.post("/slots/0?action=save", R"({"filename": "\u0000"})"), 400, "invalid_request_error");
  llama_error(service.post("/slots/0?action=save", "{"), 400, "invalid_request_error");
}

}  // namespace
}  // namespace fulmar::test
