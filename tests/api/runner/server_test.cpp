// The server as RWKV-Runner's clients manage it: its status, what they set, what deploying closes, and its end.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>

#include "base/platform.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

Answer post(const Harness& harness, std::string_view path, const std::string& body = "", std::string_view headers = {}) {
  Client client = harness.client();
  client.send("POST", path, body, headers);
  return client.receive();
}

std::string detail(const Answer& answer, int status) {
  EXPECT_EQ(answer.status, status) << answer.body;
  return json::serialize(json::parse(answer.body).at("detail"));
}

TEST(RunnerServer, TellsHowItIs) {
  Harness harness;
  EXPECT_EQ(harness.client().get("/").body, R"({"Hello":"World!"})");
  json::value status = json::parse(harness.client().get("/status").body);
  EXPECT_EQ(status.at("status"), 3);
  EXPECT_EQ(status.at("pid"), process_number());
  EXPECT_TRUE(status.at("device_name").is_string());
  EXPECT_EQ(json::parse(harness.client().get("/dashboard/billing/credit_grants").body).at("total_available"), 10000);
  harness.serve_nothing();
  EXPECT_EQ(json::parse(harness.client().get("/status").body).at("status"), 0);
}

TEST(RunnerServer, WhatIsSwitchedToIsAFileOfTheFolder) {
  Harness harness;
  EXPECT_THAT(detail(post(harness, "/switch-model", R"({"model": "x", "strategy": "cpu fp32"})"), 500),
              testing::AllOf(testing::HasSubstr("failed to load: "), testing::HasSubstr("--models-dir")));
  EXPECT_THAT(detail(post(harness, "/switch-model", R"({"strategy": "cpu fp32"})"), 422), testing::HasSubstr("model"));
  EXPECT_THAT(detail(post(harness, "/switch-model", R"({"model": "x", "deploy": "perhaps"})"), 422), testing::HasSubstr("deploy"));
  EXPECT_THAT(detail(post(harness, "/switch-model", R"({"model": "\u0000", "strategy": ""})"), 422), testing::HasSubstr("model"));
  EXPECT_EQ(post(harness, "/switch-model", R"({"model": "", "strategy": ""})").body, "\"success\"");
  EXPECT_EQ(json::parse(harness.client().get("/status").body).at("status"), 0);
  EXPECT_EQ(post(harness, "/switch-model", R"({"model": "", "strategy": ""})").body, "\"success\"") << "there is none";
}

TEST(RunnerServer, TheStateCacheIsLeftAloneByRequestsWhereItIsOff) {
  Harness harness;
  const std::string body = R"({"prompt": "say a", "state": ""})";
  const auto uses_cache = [&] {
    EXPECT_EQ(post(harness, "/v1/completions", body).status, 200);
    return harness.engine.last_request().use_prefix_cache;
  };
  EXPECT_TRUE(uses_cache());
  EXPECT_EQ(post(harness, "/disable-state-cache").body, "\"success\"");
  EXPECT_FALSE(uses_cache());
  EXPECT_EQ(detail(post(harness, "/reset-state"), 400), "\"trie not loaded\"");
  EXPECT_EQ(post(harness, "/enable-state-cache", "{}").body, "\"success\"");
  EXPECT_TRUE(uses_cache());
  EXPECT_EQ(post(harness, "/reset-state").body, "\"success\"");
}

TEST(RunnerServer, ADeployedServerStaysAsItIs) {
  Harness harness;
  harness.context.stop = [] { FAIL() << "stopped"; };
  harness.context.standing.deploy();
  for (const char* path : {"/switch-model", "/exit", "/disable-state-cache", "/enable-state-cache", "/reset-state"})
    EXPECT_THAT(detail(post(harness, path, R"({"model": "", "strategy": ""})"), 403), testing::HasSubstr("deployed")) << path;
  EXPECT_EQ(post(harness, "/update-config", R"({"top_k": 1})").status, 200);
}

TEST(RunnerServer, EndsForWhoMayEndItOnly) {
  Harness harness;
  EXPECT_THAT(detail(post(harness, "/exit"), 403), testing::HasSubstr("password")) << "where others reach it";
  harness.context.own_machine_only = true;
  int stopped = 0;
  harness.context.stop = [&] { ++stopped; };
  for (const char* page : {"https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.evil.example:80"})
    EXPECT_EQ(post(harness, "/exit", "", fmt::format("Origin: {}\r\n", page)).status, 403) << page;
  EXPECT_EQ(stopped, 0);
  for (const char* page : {"http://localhost:5173", "http://wails.localhost", "wails://wails", "http://127.0.0.1:8000", "http://[::1]:1"})
    EXPECT_EQ(post(harness, "/exit", "", fmt::format("Origin: {}\r\n", page)).body, "\"success\"") << page;
  EXPECT_EQ(post(harness, "/exit", "{}").body, "\"success\"");
  EXPECT_EQ(stopped, 6);
}

TEST(RunnerServer, ItsNamesForEmbeddingsAreTheSame) {
  Harness harness;
  for (const char* path : {"/v1/engines/text-embedding-ada-002/embeddings", "/engines/text-embedding-ada-002/embeddings"}) {
    const Answer answer = post(harness, path, R"({"input": "one", "model": "rwkv"})");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(json::parse(answer.body).at("data").as_array().size(), 1u);
  }
}

}  // namespace
}  // namespace fulmar::test
