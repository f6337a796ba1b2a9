// Each server is asked in its own words, and its list of models read as it writes it.
#include "load/request_form.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

#include "fulmar/error.h"
#include "load/exchange.h"

namespace fulmar::load {
namespace {

boost::json::object asked(const std::string& backend, const FormOptions& options) {
  return boost::json::parse(body_of(request_form(backend), {"Hello", 1, 16}, options)).as_object();
}

TEST(RequestForms, AreThoseOfTheirServers) {
  FormOptions options;
  options.model = "m";
  const auto con = asked("conRWKV", options);
  EXPECT_EQ(con, boost::json::parse(R"({"model":"m","prompt":"Hello","best_of":1,"temperature":0.0,"max_tokens":16,
                                        "stream":true,"ignore_eos":true})"));
  EXPECT_TRUE(asked("fulmar", options).contains("stream_options"));
  EXPECT_EQ(asked("chat", options).at("messages"), boost::json::parse(R"([{"role":"user","content":"Hello"}])"));
  const auto lightning = asked("lightning", options);
  EXPECT_EQ(lightning.at("contents"), boost::json::parse(R"(["Hello"])"));
  EXPECT_EQ(lightning.at("stop_tokens"), boost::json::parse("[]"));
  EXPECT_EQ(request_form("infer").port, 9000);
  EXPECT_THROW(request_form("vllm?"), Error);
}

TEST(RequestForms, TakeWhatTheUserAdds) {
  FormOptions options;
  options.stream = false;
  options.ignore_eos = false;
  options.extra = {{"temperature", 1.5}, {"top_k", 4}};
  const auto body = asked("fulmar", options);
  EXPECT_EQ(body.at("temperature"), 1.5);
  EXPECT_EQ(body.at("top_k"), 4);
  EXPECT_EQ(body.at("stream"), false);
  EXPECT_EQ(body.at("ignore_eos"), false);
  EXPECT_FALSE(body.contains("stream_options")) << "which servers refuse without a stream";
}

TEST(Models, AreReadFromBothLists) {
  EXPECT_EQ(first_model(R"({"object":"list","data":[{"id":"a"},{"id":"b"}]})"), "a");
  EXPECT_EQ(first_model(R"([{"object":"models","id":"a"}])"), "a");
  for (const char* none : {"", "{}", "[]", R"({"data":[]})", R"({"data":[1]})", "<html>"}) EXPECT_EQ(first_model(none), "") << none;
}

TEST(Addresses, AreReadFromUrls) {
  const auto read = [](const std::string& url) {
    Target target;
    set_address(target, url);
    return fmt::format("{} {} {}", target.host, target.port, target.base);
  };
  EXPECT_EQ(read("http://localhost:9000"), "localhost 9000 ");
  EXPECT_EQ(read("http://example.org/api/"), "example.org 80 /api");
  EXPECT_EQ(read("http://[::1]:81/x"), "::1 81 /x");
  for (const char* wrong : {"localhost:8000", "https://localhost", "http://", "http://a:b", "http://a:0", "http://a:70000"})
    EXPECT_THROW(read(wrong), Error) << wrong;
}

}  // namespace
}  // namespace fulmar::load
