// Tuned states in both orders of their matrices: the same numbers for the same state, and no guess.
#include "rwkv/state_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fulmar/error.h"
#include "rwkv/memory_source.h"
#include "rwkv/state.h"

namespace fulmar {
namespace {

using rwkv::StateOrder;
using test::MemorySource;

// Two heads of 2 x 2 in each of two layers, and what the file says of itself.
class StateOrders : public testing::Test {
 protected:
  class Said final : public Source {
   public:
    Said(MemorySource inner, std::map<std::string, std::string, std::less<>> words)
        : inner_(std::move(inner)), words_(std::move(words)) {}
    std::vector<std::string> names() const override { return inner_.names(); }
    std::optional<TensorRef> info(std::string_view name) const override { return inner_.info(name); }
    Tensor load(std::string_view name) const override { return inner_.load(name); }
    std::optional<std::string> metadata(std::string_view key) const override {
      const auto found = words_.find(key);
      return found == words_.end() ? std::nullopt : std::optional(found->second);
    }
    std::string label() const override { return "tuned.state"; }

   private:
    MemorySource inner_;
    std::map<std::string, std::string, std::less<>> words_;
  };

  StateOrders() {
    config.L = 2;
    config.C = config.A = 4;
    config.H = config.N = 2;
  }
  std::vector<float> first_head(StateOrder order, std::map<std::string, std::string, std::less<>> words) {
    MemorySource state;
    for (const char* name : {"blocks.0.att.time_state", "blocks.1.att.time_state"})
      state.add(name, {2, 2, 2});
    const SourcePtr tuned = rwkv::with_state(std::make_shared<MemorySource>(),
                                             std::make_shared<Said>(state, std::move(words)), order, config);
    std::vector<float> values = to_floats(tuned->load("blocks.1.att.time_state"));
    values.resize(4);
    return values;
  }
  rwkv::Config config;
};

TEST_F(StateOrders, TheOrderOfTrainersStaysAndAi00sIsTurned) {
  const std::vector<float> as_it_is{0, 1, 2, 3}, turned{0, 2, 1, 3};
  EXPECT_EQ(first_head(StateOrder::by_file, {}), as_it_is);
  EXPECT_EQ(first_head(StateOrder::by_file, {{"model_type", "state"}, {"rwkv_version", "x070"}}), turned);
  EXPECT_EQ(first_head(StateOrder::by_file, {{"format", "pt"}, {"model_type", "state"}}), turned);
  EXPECT_EQ(first_head(StateOrder::value_key, {{"model_type", "state"}}), as_it_is);
  EXPECT_EQ(first_head(StateOrder::value_key, {{"format", "pt"}}), as_it_is);
  EXPECT_EQ(first_head(StateOrder::key_value, {{"format", "pt"}}), turned);
  EXPECT_EQ(first_head(StateOrder::key_value, {}), turned);
}

TEST_F(StateOrders, AFileThatDoesNotTellIsNotGuessedAt) {
  try {
    first_head(StateOrder::by_file, {{"format", "pt"}});
    ADD_FAILURE() << "an order was guessed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::misuse);
    EXPECT_THAT(error.what(), testing::HasSubstr("tuned.state: says \"format: pt\" and not in which order"));
    EXPECT_THAT(error.what(), testing::HasSubstr("--state-order key-value"));
  }
  EXPECT_EQ(rwkv::parse_state_order(""), StateOrder::by_file);
  EXPECT_EQ(rwkv::parse_state_order("key-value"), StateOrder::key_value);
  EXPECT_THROW(rwkv::parse_state_order("ai00"), Error);
}

}  // namespace
}  // namespace fulmar
