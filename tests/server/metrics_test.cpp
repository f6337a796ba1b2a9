// GET /metrics says what happened: requests by route and status, tokens and times, of what is there now.
#include <gmock/gmock.h>

#include "api/exposition.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string metrics_of(const Harness& harness) {
  const Answer answer = harness.client().get("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), api::exposition_type);
  return answer.body;
}

TEST(Metrics, RequestsAreCountedByTheirRouteAndWhatTheyWereAnswered) {
  const Harness harness;
  EXPECT_EQ(harness.client().get("/v1/models/fake-rwkv").status, 200);
  EXPECT_EQ(harness.client().get("/v1/models/fake-rwkv").status, 200);
  EXPECT_EQ(harness.client().post("/v1/completions", "{").status, 400);
  EXPECT_EQ(harness.client().get("/made/up").status, 404);
  EXPECT_EQ(harness.client().get("/made/up/too").status, 404);
  const auto has_all = [&] {
    const std::string text = metrics_of(harness);
    return text.find("\nfulmar_http_requests_total{method=\"GET\",route=\"/v1/models/{}\",status=\"200\"} 2\n") != text.npos &&
           text.find("\nfulmar_http_requests_total{method=\"POST\",route=\"/v1/completions\",status=\"400\"} 1\n") != text.npos &&
           text.find("\nfulmar_http_requests_total{method=\"other\",route=\"none\",status=\"404\"} 2\n") != text.npos;
  };
  EXPECT_TRUE(eventually(has_all));
  EXPECT_THAT(metrics_of(harness), Not(HasSubstr("/made"))) << "what clients make up is no metric";
}

TEST(Metrics, TextsAreMeasuredFromTheirFirstTokenToTheirLast) {
  const Harness harness;
  const Answer answer = harness.client().post("/v1/completions", R"({"prompt": "abc", "max_tokens": 7, "n": 2})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  const std::string text = metrics_of(harness);
  for (const char* line : {"fulmar_time_to_first_token_seconds_count 2", "fulmar_inter_token_latency_seconds_count 12",
                           "fulmar_e2e_request_latency_seconds_count 2", "fulmar_request_prompt_tokens_sum 3",
                           "fulmar_request_prompt_tokens_count 1", "fulmar_request_generation_tokens_sum 14",
                           "fulmar_request_generation_tokens_bucket{le=\"5\"} 0", "fulmar_request_generation_tokens_bucket{le=\"10\"} 2",
                           "fulmar_request_generation_tokens_bucket{le=\"+Inf\"} 2",
                           "fulmar_request_success_total{finished_reason=\"length\"} 2",
                           "fulmar_num_requests_running{model_name=\"fake-rwkv\"} 0"})
    EXPECT_THAT(text, HasSubstr("\n" + std::string(line) + "\n"));
}

TEST(Metrics, AreThereWhereNoModelIs) {
  Harness harness;
  harness.serve_nothing();
  const std::string text = metrics_of(harness);
  EXPECT_THAT(text, HasSubstr("\nfulmar_build_info{version=\"fulmar\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("model_name")));
}

TEST(Metrics, EveryMetricHasItsHelpAndTypeOnceAndBeforeItsSamples) {
  api::Exposition out;
  out.begin("empty", "gauge", "Nothing.");
  out.begin("full", "gauge", "Of all kinds.");
  out.sample({{"name", "a \"b\"\\\n"}}, 0.1);
  out.sample({}, uint64_t{18446744073709551615u});
  const double bounds[] = {0.5, 2};
  out.begin("times", "histogram", "Of things.");
  out.sample({{"of", "x"}}, HistogramValues{bounds, {1, 0, 3}, 12.25});
  EXPECT_EQ(out.take(),
            "# HELP full Of all kinds.\n# TYPE full gauge\nfull{name=\"a \\\"b\\\"\\\\\\n\"} 0.1\nfull 18446744073709551615\n"
            "# HELP times Of things.\n# TYPE times histogram\ntimes_bucket{of=\"x\",le=\"0.5\"} 1\ntimes_bucket{of=\"x\",le=\"2\"} 1\n"
            "times_bucket{of=\"x\",le=\"+Inf\"} 4\ntimes_sum{of=\"x\"} 12.25\ntimes_count{of=\"x\"} 4\n");
}

}  // namespace
}  // namespace fulmar::test
