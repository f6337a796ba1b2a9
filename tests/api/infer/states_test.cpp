// Names of states and mixtures as RWKV-Infer's clients make, choose, change and forget them.
#include "service.h"

namespace fulmar::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

struct StatesService : InferService {
  StatesService() { must("/loadmodel", {{"model_filename", "a"}, {"model_viewname", "RWKV x"}}); }
  std::vector<float> gates(const json::object& more) const {
    std::vector<float> all;
    for (const Stream& stream : chat(more).streams) all.push_back(stream.gate);
    return all;
  }
};

json::object mixture(const json::object& more = {}) {
  json::object body = {{"state_viewname", "mix"}, {"state_filenames", json::array{"states/one.pth", "states/two.pth"}}};
  for (const auto& member : more) body[member.key()] = member.value();
  return body;
}

TEST(InferStates, AreChosenByNameAndForgottenTogether) {
  const StatesService service;
  service.must("/loadstatemodel", {{"state_filename", "states/one.pth"}, {"state_viewname", "tuned"}});
  service.must("/mrss_loadstatemodel", mixture());
  EXPECT_THAT(service.ids(), ElementsAre("RWKV x", "RWKV x tuned", "RWKV x mix", "a", "b", "broken", "facts", "style"));
  const json::value listed = json::parse(service.get("/v1/models").body);
  EXPECT_EQ(listed.at("object"), "list");
  EXPECT_THAT(json::serialize(listed), HasSubstr("RWKV x mix"));
  EXPECT_EQ(service.chat({{"model", "RWKV x tuned"}}).streams.size(), 1u);
  EXPECT_EQ(service.chat({{"model", "RWKV x mix"}}).streams.size(), 2u);
  EXPECT_TRUE(service.chat({{"model", "RWKV x"}}).streams.empty());
  EXPECT_EQ(service.post("/removestatemodel", json::object{{"dummy", "dummy"}}).status, 200);
  EXPECT_EQ(service.ids().size(), 6u);
  EXPECT_EQ(service.post("/chat/completions", {{"model", "RWKV x tuned"}}).status, 404);
  EXPECT_EQ(Client(service.server->port()).post("/removestatemodel", "").status, 400) << "a body is needed";
  service.must("/loadstatemodel", {{"state_filename", "states/one.pth"}, {"state_viewname", "tuned"}});
  service.must("/loadmodel", {{"model_filename", "b"}, {"model_viewname", "other"}});
  EXPECT_EQ(service.ids()[1], "RWKV x") << "no state of the model before";
}

TEST(InferStates, WhatIsWrongIsToldInTheSentencesThatClientsKnow) {
  const StatesService service;
  const auto state = [&](const json::value& file, int status) {
    return service.detail("/loadstatemodel", {{"state_filename", file}, {"state_viewname", "s"}}, status);
  };
  const std::string incorrect = "State file is incorrect. check filename or tensor size.";
  for (const json::value& file : {json::value("none.pth"), json::value("../x.pth"), json::value("/etc/passwd"), json::value("a\nb")})
    EXPECT_THAT(state(file, 500), StartsWith(incorrect));
  EXPECT_THAT(state(nullptr, 400), HasSubstr("state_filename is missing"));
  EXPECT_THAT(state(1, 400), HasSubstr("state_filename must be a string"));
  const auto mixed = [&](const json::object& more, int status) {
    return service.detail("/mrss_loadstatemodel", mixture(more), status);
  };
  EXPECT_THAT(mixed({{"state_filenames", json::array{"states/one.pth", "none.pth"}}}, 500), StartsWith("none.pth " + incorrect));
  const json::array five(5, json::value("states/one.pth"));
  EXPECT_EQ(mixed({{"state_filenames", five}}, 500), "State Count is over than 4. please reduce state coutns. :(");
  EXPECT_THAT(mixed({{"state_filenames", json::array()}}, 400), HasSubstr("state_filenames is missing"));
  EXPECT_THAT(mixed({{"state_gatingweight", json::array{0, "0"}}}, 400), HasSubstr("all its gates are 0"));
  EXPECT_THAT(mixed({{"state_gatingweight", json::array{"much"}}}, 400), HasSubstr("state_gatingweight[0] must be a number"));
  EXPECT_THAT(mixed({{"contain_originalstate", "maybe"}}, 400), HasSubstr("contain_originalstate"));
  EXPECT_EQ(service.detail("/mrss_set_gatingweight", {{"state_viewname", "none"}}, 500), "none State name is incorrect");
  EXPECT_EQ(service.detail("/mrss_set_gatingweight", {{"state_viewname", "RWKV x"}}, 500), "RWKV x State name is incorrect");
  EXPECT_EQ(service.ids().size(), 6u) << "and nothing came of it";
}

TEST(InferStates, GatesAreThoseOfTheNameOfTheChangeAndOfTheRequest) {
  const StatesService service;
  service.must("/mrss_loadstatemodel", mixture({{"contain_originalstate", "False"}, {"state_gatingweight", json::array{"0.25", 0.5, 9}}}));
  const json::object plain = {{"model", "RWKV x mix"}};
  EXPECT_THAT(service.gates(plain), ElementsAre(0.25F, 0.5F));
  service.must("/mrss_loadstatemodel",
               mixture({{"contain_originalstate", "True"}, {"state_gatingweight", json::array{"0.01", "0.3", "0.4"}}, {"default_top_p", "0.8"}}));
  EXPECT_THAT(service.gates(plain), ElementsAre(0.01F, 0.3F, 0.4F));
  EXPECT_EQ(service.chat(plain).sampling.top_p, 0.8F);
  json::object own = plain;
  own["mrss_gatingweight"] = json::array{"1", -2};
  EXPECT_THAT(service.gates(own), ElementsAre(1.0F, -2.0F)) << "the third is 0: it costs no slot";
  own["mrss_gatingweight"] = json::array{0, 0, 0};
  json::object chat = own;
  chat["messages"] = json::array{{{"role", "user"}, {"content", "a"}}};
  EXPECT_EQ(service.post("/chat/completions", chat).status, 400);
  for (const char* name : {"mix", "RWKV x mix"}) {
    service.must("/mrss_set_gatingweight", {{"state_viewname", name}, {"state_gatingweight", json::array{1, "2", 3}}});
    EXPECT_THAT(service.gates(plain), ElementsAre(1.0F, 2.0F, 3.0F));
    service.must("/mrss_set_gatingweight", {{"state_viewname", name}, {"default_temperature", "0.5"}});
    EXPECT_THAT(service.gates(plain), ElementsAre(1.0F, 2.0F, 3.0F)) << "not said, not changed";
    EXPECT_EQ(service.chat(plain).sampling.temperature, 0.5F);
    service.must("/mrss_loadstatemodel", mixture({{"contain_originalstate", true}}));
    EXPECT_THAT(service.gates(plain), ElementsAre(1.0F, 1.0F, 1.0F)) << "equal shares";
  }
  const Answer kept = service.post("/chat/completions", {{"model", "RWKV x mix"},
                                                         {"session_id", "s"},
                                                         {"messages", json::array{{{"role", "user"}, {"content", "a"}}}}});
  EXPECT_EQ(kept.status, 400);
  EXPECT_THAT(kept.body, HasSubstr("is a mixture of 3"));
}

TEST(InferStates, AModelsNamesHaveSoManyStatesTogether) {
  const StatesService service;
  const json::array four(4, json::value("states/one.pth"));
  for (int i = 0; i < 64; ++i)
    service.must("/mrss_loadstatemodel", mixture({{"state_viewname", fmt::format("m{}", i)}, {"state_filenames", four}}));
  service.must("/mrss_loadstatemodel", mixture({{"state_viewname", "m0"}, {"state_filenames", four}}));
  EXPECT_THAT(service.detail("/loadstatemodel", {{"state_filename", "states/one.pth"}, {"state_viewname", "s"}}, 429), HasSubstr("256"));
  service.must("/removestatemodel", json::object{{"dummy", "dummy"}});
  service.must("/loadstatemodel", {{"state_filename", "states/one.pth"}, {"state_viewname", "s"}});
}

}  // namespace
}  // namespace fulmar::test
