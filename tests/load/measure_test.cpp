// Figures against ones that were worked out by hand.
#include "load/measure.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

#include "fulmar/error.h"
#include "load/report.h"

namespace fulmar::load {
namespace {

using testing::HasSubstr;

TEST(Percentiles, LieBetweenTheNearestTwoAsNumpyHasThem) {
  const std::vector<double> sorted = {1, 2, 3, 4};
  EXPECT_DOUBLE_EQ(percentile(sorted, 0), 1);
  EXPECT_DOUBLE_EQ(percentile(sorted, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(percentile(sorted, 0.9), 3.7);
  EXPECT_DOUBLE_EQ(percentile(sorted, 1), 4);
  EXPECT_DOUBLE_EQ(percentile({5}, 0.99), 5);
  EXPECT_DOUBLE_EQ(percentile({}, 0.5), 0);
  const Spread spread = spread_of({4, 1, 3, 2});
  EXPECT_DOUBLE_EQ(spread.mean, 2.5);
  EXPECT_DOUBLE_EQ(spread.p50, 2.5);
  EXPECT_NEAR(spread.deviation, 1.118034, 1e-6);
}

Outcome answer(double begin, double first, std::vector<float> gaps, double end) {
  Outcome outcome;
  outcome.begin = begin;
  outcome.first = first;
  outcome.pieces = static_cast<uint32_t>(gaps.size() + 1);
  outcome.gaps = std::move(gaps);
  outcome.end = end;
  outcome.text = "abc";
  return outcome;
}

class Measured : public testing::Test {
 protected:
  Measured() {
    outcomes[0].tokens = 3;
    outcomes[2].fault = outcomes[3].fault = Fault::status;
    outcomes[2].why = "503 the queue is full";
  }
  Figures figures(const Limits& limits = {}) { return measure(outcomes, prompts, *open_tokenizer("bytes"), limits); }

  std::vector<Outcome> outcomes = {answer(0, 0.1, {0.2f, 0.3f}, 0.7), answer(1, 0.3, {0.1f}, 0.5), answer(1, 0, {}, 0.1),
                                   answer(2, 0, {}, 0.1)};
  const std::vector<Prompt> prompts = {{"p", 10, 3}, {"q", 20, 4}, {"r", 1000, 5}, {"s", 1000, 5}};
};

TEST_F(Measured, CountsWhatWasServedAndTellsTheRestByItsKind) {
  const Figures f = figures();
  EXPECT_EQ(f.sent, 4u);
  EXPECT_EQ(f.completed, 2u);
  EXPECT_DOUBLE_EQ(f.seconds, 2.1);
  EXPECT_EQ(f.input_tokens, 30u) << "of those served";
  EXPECT_EQ(f.asked_tokens, 7u);
  EXPECT_EQ(f.output_tokens, 3u + 2u) << "by usage, and by pieces";
  EXPECT_EQ(f.by_usage, 1u);
  EXPECT_EQ(f.by_pieces, 1u);
  EXPECT_EQ(f.retokenized, 6u);
  EXPECT_NEAR(f.ttft.p50, 200, 1e-9);
  EXPECT_NEAR(f.e2e.mean, 600, 1e-9);
  EXPECT_NEAR(f.itl.p50, 200, 1e-4);
  EXPECT_NEAR(f.tpot.p50, (300 + 200) / 2.0, 1e-9);
  EXPECT_EQ(f.errors[static_cast<size_t>(Fault::status)], 2u);
  EXPECT_EQ(f.examples[static_cast<size_t>(Fault::status)], "503 the queue is full");
  EXPECT_FALSE(f.good);
}

TEST_F(Measured, CallsGoodWhatKeepsEveryLimit) {
  EXPECT_EQ(figures(parse_limits({"ttft:150"})).good, 1u);
  EXPECT_EQ(figures(parse_limits({"ttft:301", "e2e:600"})).good, 1u);
  EXPECT_EQ(figures(parse_limits({"itl:250"})).good, 1u) << "its longest gap";
  EXPECT_EQ(figures(parse_limits({"tpot:1000", "e2e:9000"})).good, 2u);
  for (const char* word : {"ttft", "ttft:", "ttft:0", "ttft:x", "speed:3", ":3"})
    EXPECT_THROW(parse_limits({word}), Error) << word;
}

TEST_F(Measured, IsReportedUnderTheTitlesThatScriptsLookFor) {
  load::Setup setup;
  setup.backend = "fulmar";
  setup.dataset = "random";
  setup.rate = 2;
  setup.prompts = 4;
  const std::string report = report_text(setup, figures(parse_limits({"ttft:150"})));
  for (const char* line :
       {"============ Serving Benchmark Result ============\n", "Backend:                                 fulmar    \n",
        "Traffic request rate:                    2         \n", "Successful requests:                     2         \n",
        "Benchmark duration (s):                  2.10      \n", "Total input tokens:                      30        \n",
        "Total generated tokens:                  5         \n", "Total generated tokens (retokenized):    6         \n",
        "Request throughput (req/s):              0.95      \n", "Input token throughput (tok/s):          14.29     \n",
        "Output token throughput (tok/s):         2.38      \n", "----------------End-to-End Latency----------------\n",
        "Mean E2E Latency (ms):                   600.00    \n", "Median E2E Latency (ms):                 600.00    \n",
        "---------------Time to First Token----------------\n", "P99 TTFT (ms):                           298.00    \n",
        "-----Time per Output Token (excl. 1st token)------\n", "---------------Inter-token Latency----------------\n",
        "Median ITL (ms):                         200.00    \n", "status:                                  2         \n",
        "503 the queue is full", "Requests within all limits:              1         \n"})
    EXPECT_THAT(report, HasSubstr(line));
  EXPECT_TRUE(report.ends_with(fmt::format("{:=>50}\n", "")));
}

TEST_F(Measured, IsALineWithTheKeysOfTheOtherBenchmarks) {
  load::Setup setup;
  setup.rate = parse_rate("inf");
  const std::string line = report_json(setup, figures());
  EXPECT_EQ(line.find('\n'), line.npos);
  const boost::json::object object = boost::json::parse(line).as_object();
  for (const char* key :
       {"backend", "dataset_name", "request_rate", "total_input_tokens", "total_output_tokens", "total_output_tokens_retokenized",
        "mean_e2e_latency_ms", "median_e2e_latency_ms", "median_ttft_ms", "median_itl_ms", "output_throughput", "sharegpt_output_len",
        "random_input_len", "random_output_len", "random_range_ratio", "duration", "completed", "p90_itl_ms", "p99_ttft_ms", "errors"})
    EXPECT_TRUE(object.contains(key)) << key;
  EXPECT_EQ(object.at("request_rate").as_string(), "inf");
  EXPECT_EQ(object.at("errors").at("status").to_number<int>(), 2);
  EXPECT_EQ(object.at("output_tokens_by").as_string(), "usage, pieces");
}

}  // namespace
}  // namespace fulmar::load
