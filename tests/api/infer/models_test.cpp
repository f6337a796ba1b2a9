// Loading as RWKV-Infer's clients do it, what is refused, and what a chat is drawn by afterwards.
#include "service.h"

namespace fulmar::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

json::object model(const json::object& more = {}) {
  json::object body = {{"model_filename", "a.pth"}, {"model_viewname", "mine"}, {"model_strategy", ""}};
  for (const auto& member : more) body[member.key()] = member.value();
  return body;
}

TEST(InferModels, LoadsWhatIsNamed) {
  const InferService service;
  EXPECT_THAT(service.ids(), ElementsAre("a", "b", "broken", "facts", "style"));
  service.must("/loadmodel", model({{"adapter_filename", "style.pth"},
                                    {"adapter_mode", "bone"},
                                    {"model_strategy", "fp16i8"},
                                    {"rope_theta", "1000000"},
                                    {"rms_norm_eps", 1e-6},
                                    {"template", "world"}}));
  EXPECT_EQ(fs::path(service.spec.file).filename(), "a.pth");
  EXPECT_EQ(service.spec.strategy, "auto fp16i8");
  EXPECT_EQ(service.spec.chat_template, "");
  ASSERT_EQ(service.spec.adapters.size(), 1u);
  EXPECT_EQ(service.spec.adapters[0].mode, "bone");
  EXPECT_EQ(service.spec.adapters[0].scaling, 2.0F);
  EXPECT_EQ(service.ids()[0], "mine");
  EXPECT_EQ(json::parse(service.get("/v1/models").body).at("data").at(0).at("id"), "mine");

  service.must("/loadmodel", model({{"model_viewname", nullptr},
                                    {"model_strategy", "None"},
                                    {"adapter_filename", json::array{"facts", "style"}},
                                    {"adapter_mode", "pissa"},
                                    {"adapter_scaling", "0.5"},
                                    {"template", "raven"}}));
  EXPECT_EQ(service.ids()[0], "default model");
  EXPECT_EQ(service.spec.strategy, "");
  EXPECT_EQ(service.spec.chat_template, "raven");
  ASSERT_EQ(service.spec.adapters.size(), 2u);
  EXPECT_EQ(service.spec.adapters[1].scaling, 0.5F);
  service.must("/removemodel", json::object());
  service.must("/removemodel", json::object());
  EXPECT_EQ(Client(service.server->port()).post("/removemodel", "").status, 200) << "without a body";
  EXPECT_THAT(service.detail("/loadstatemodel", {{"state_filename", "x"}, {"state_viewname", "y"}}, 400), HasSubstr("no model is loaded"));
}

TEST(InferModels, RefusesWhatIsNoneByName) {
  const InferService service;
  const auto refused = [&](const json::object& more, int status) { return service.detail("/loadmodel", model(more), status); };
  EXPECT_THAT(refused({{"model_filename", nullptr}}, 400), HasSubstr("model_filename is missing"));
  EXPECT_THAT(refused({{"model_filename", "none.pth"}}, 500), HasSubstr("none.pth"));
  EXPECT_THAT(refused({{"model_filename", "broken.pth"}}, 500), HasSubstr("broken.pth is no model"));
  EXPECT_THAT(refused({{"model_strategy", "int3"}}, 400), HasSubstr("nf4"));
  EXPECT_THAT(refused({{"adapter_mode", "ia3"}}, 400), HasSubstr("adapter_mode"));
  EXPECT_THAT(refused({{"adapter_filename", "none.pth"}}, 500), HasSubstr("none.pth"));
  EXPECT_THAT(refused({{"adapter_filename", 1}}, 400), HasSubstr("adapter_filename"));
  EXPECT_THAT(refused({{"adapter_scaling", "two"}}, 400), HasSubstr("adapter_scaling must be a number"));
  EXPECT_THAT(refused({{"default_temperature", "nan"}}, 400), HasSubstr("default_temperature"));
  EXPECT_THAT(refused({{"default_top_p", "1.5"}}, 400), HasSubstr("between 0 and 1"));
  EXPECT_THAT(refused({{"endtoken", "\\x1"}}, 400), HasSubstr("endtoken"));
  EXPECT_THAT(refused({{"endtoken", std::string(1025, 'x')}}, 400), HasSubstr("1024"));
  EXPECT_THAT(refused({{"model_viewname", "a\nb"}}, 400), HasSubstr("control"));
  const std::string outside = service.folder.string() + "_outside.pth";
  std::ofstream(outside) << "x";
  fs::create_symlink(outside, service.folder / "link.pth");
  for (const std::string& name : {std::string("../") + fs::path(outside).filename().string(), outside, std::string("link.pth"),
                                  std::string("/etc/passwd"), std::string("states/../../x"), std::string("C:\\x.pth")})
    EXPECT_THAT(refused({{"model_filename", name}}, 500), HasSubstr("there is no")) << name;
  for (const char* name : {"adapter_filename", "model_filename"})
    EXPECT_THAT(refused({{name, std::string("a.pth\0.txt", 10)}}, 400), HasSubstr("character"));
  fs::remove(outside);
  EXPECT_EQ(service.engine, nullptr) << "nothing was loaded";
}

TEST(InferModels, DrawAsTheyWereLoaded) {
  const InferService service;
  service.must("/loadmodel", model({{"endtoken", "\\n\\n"}}));
  Request plain = service.chat({});
  EXPECT_EQ(plain.sampling.temperature, 1.0F);
  EXPECT_EQ(plain.sampling.top_p, 0.3F);
  EXPECT_EQ(plain.sampling.rule, PenaltyRule::runner);
  EXPECT_EQ(plain.sampling.frequency_penalty, 0.3F);
  EXPECT_EQ(plain.max_tokens, 1024u);
  EXPECT_THAT(plain.stop, testing::Contains("\n\n"));
  EXPECT_THAT(service.chat({{"stop", "x"}}).stop, testing::AllOf(testing::Contains("x"), testing::Not(testing::Contains("\n\n"))));
  EXPECT_THAT(service.chat({{"stop", json::array{"x", "y"}}}).stop, testing::Contains("y"));

  service.must("/loadmodel", model({{"default_temperature", "0.7"}, {"default_top_p", 0.8}}));
  EXPECT_EQ(service.chat({}).sampling.temperature, 0.7F);
  EXPECT_EQ(service.chat({}).sampling.top_p, 0.8F);
  EXPECT_TRUE(service.chat({}).stop.empty()) << "the last model's endtoken went with it";
  const json::object params = {{"temperature", 0.6}, {"top_p", 0.5}, {"presence_penalty", 0.4}};
  Request with_params = service.chat({{"params", params}});
  EXPECT_EQ(with_params.sampling.temperature, 0.6F);
  EXPECT_EQ(with_params.sampling.top_p, 0.5F);
  EXPECT_EQ(with_params.sampling.presence_penalty, 0.4F);
  EXPECT_EQ(with_params.max_tokens, 1000u);
  Request outranked = service.chat({{"params", params}, {"temperature", 0.1}, {"max_tokens", 7}, {"minimum_gen_count", 3}});
  EXPECT_EQ(outranked.sampling.temperature, 0.1F);
  EXPECT_EQ(outranked.max_tokens, 7u);

  service.must("/loadstatemodel", {{"state_filename", "states/one.pth"}, {"state_viewname", "tuned"}, {"default_temperature", "0.2"}});
  Request tuned = service.chat({{"model", "mine tuned"}, {"params", params}});
  EXPECT_EQ(tuned.sampling.temperature, 0.2F) << "the state's own goes before params";
  EXPECT_EQ(tuned.sampling.top_p, 0.5F) << "which go before the model's";
  EXPECT_EQ(service.chat({{"model", "mine tuned"}}).sampling.top_p, 0.8F);
  EXPECT_EQ(service.chat({{"model", "mine tuned"}, {"temperature", 0}}).sampling.temperature, 0.0F);
}

TEST(InferModels, OthersAreDrawnAsOpenAIsClientsExpectUnlessTheySayParams) {
  const InferService service;
  const Answer loaded = service.post("/models/load", {{"model", "a"}});
  ASSERT_EQ(loaded.status, 200) << loaded.body;
  EXPECT_EQ(service.chat({}).sampling.top_p, 1.0F);
  EXPECT_EQ(service.chat({}).max_tokens, 4096u);
  const Request infer = service.chat({{"params", {{"user_name", "Bob"}}}});
  EXPECT_EQ(infer.sampling.top_p, 0.3F);
  EXPECT_EQ(infer.max_tokens, 1000u);
  EXPECT_EQ(service.engine->last_input().chat.user_name, "Bob");
  EXPECT_EQ(service.post("/chat/completions", {{"params", 1}}).status, 400);
}

TEST(InferModels, AllNeedThePassword) {
  const InferService service("secret", true);
  for (const char* path : {"/loadmodel", "/removemodel", "/loadstatemodel", "/mrss_loadstatemodel", "/mrss_set_gatingweight",
                           "/removestatemodel", "/fjdkgmzak9sd/sksf_appkill"})
    EXPECT_THAT(service.detail(path, json::object(), 401), testing::Not("")) << path;
  for (const char* path : {"/models", "/healthcheck"}) EXPECT_EQ(service.get(path).status, 401) << path;
  EXPECT_EQ(InferService().get("/healthcheck").body, R"({"message":"ok","status_code":200})");
}

TEST(InferModels, TheServerEndsForBothKeysAlone) {
  const InferService service({}, true);
  const char* path = "/fjdkgmzak9sd/sksf_appkill";
  for (const json::object& keys :
       {json::object(), json::object{{"key1", "left"}}, json::object{{"key1", "right"}, {"key2", "left"}}})
    EXPECT_EQ(service.detail(path, keys, 400), "Invalid keys");
  EXPECT_EQ(service.stopped, 0);
  const Answer answer = service.post(path, {{"key1", "left"}, {"key2", "right"}});
  EXPECT_EQ(answer.body, R"({"message":"Keys verified successfully","status_code":200})");
  EXPECT_EQ(service.stopped, 1);
  EXPECT_EQ(InferService().post(path, {{"key1", ""}, {"key2", ""}}).status, 404) << "without keys there is no such path";
}

}  // namespace
}  // namespace fulmar::test
