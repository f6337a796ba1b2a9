// Models spread over devices answer as they do on one, in the memory that was foretold.
#include <gtest/gtest.h>

#include "fulmar/error.h"
#include "model/made_model.h"
#if FULMAR_HAS_VULKAN
#include "vulkan/backend.h"
#endif

namespace fulmar {
namespace {

using test::logits_of, test::options_for;

constexpr float tolerance = 1e-4f;

uint64_t validation_messages() {
#if FULMAR_HAS_VULKAN
  return vulkan::validation_messages();
#else
  return 0;
#endif
}

class Strategies : public testing::Test {
 protected:
  Strategies() : source_(std::make_shared<test::MadeModel>(test::made_config(4, 64, 50))) {}
  ~Strategies() override { EXPECT_EQ(validation_messages(), before_); }

  // With inputs as they are, which not all devices round.
  std::unique_ptr<Model> load(const std::string& strategy) const {
    LoadOptions options = options_for(strategy);
    options.activations = "f32";
    return Model::load(options, source_);
  }
  // Where `strategy` needs a GPU and there is none, it is passed over.
  static bool can_run(const std::string& strategy) {
    return test::has_vulkan() || strategy.find("vulkan") == std::string::npos;
  }
  void expect_same(const std::string& strategy, const std::string& single) const {
    if (!can_run(strategy)) return;
    SCOPED_TRACE(strategy);
    const std::vector<float> wanted = logits_of(*load(single)), got = logits_of(*load(strategy));
    EXPECT_LE(test::largest_difference(wanted, got), tolerance);
  }

  std::shared_ptr<test::MadeModel> source_;
  const uint64_t before_ = validation_messages();
};

TEST_F(Strategies, LogitsDoNotDependOnWhichDeviceHasWhichLayer) {
  for (const char* strategy :
       {"vulkan fp32 *2 -> cpu fp32", "cpu fp32 *2 -> vulkan fp32", "vulkan fp32 *4 -> cpu fp32",
        "vulkan:0 fp32 *1 -> vulkan:1 fp32", "vulkan:0 fp32 *4 -> vulkan:1 fp32",
        "cpu fp32 *1 -> vulkan:0 fp32 *1 -> vulkan:1 fp32 *2 -> cpu fp32",
        "cpu fp32 *0 -> vulkan fp32 *0 -> cpu fp32", "vulkan fp32 *99 -> cpu fp32"})
    expect_same(strategy, "cpu fp32");
}

TEST_F(Strategies, StreamedLayersAnswerAsResidentOnes) {
  for (const char* strategy :
       {"vulkan fp32 *0+", "vulkan fp32 *1+", "vulkan fp32 *3+", "vulkan fp32 *4+",
        "vulkan fp32 *0+ -> vulkan fp32 *1", "cpu fp32 *1 -> vulkan fp32 *1+ -> cpu fp32 *1",
        "vulkan:0 fp32 *1+ -> vulkan:1 fp32 *2", "cpu fp32 *2+"})
    expect_same(strategy, "cpu fp32");
  expect_same("vulkan fp16i8 *1+", "cpu fp16i8");
}

// 1e-5 of an input is what 16 bits cost, and 5e-3 what 8 do.
TEST_F(Strategies, InputsAreRoundedToWhatWasAskedFor) {
  const auto run = [&](const char* strategy, const char* activations) {
    LoadOptions options = options_for(strategy);
    options.activations = activations;
    return logits_of(*Model::load(options, source_));
  };
  const std::vector<float> exact = run("cpu fp16q4_0", "f32"), fine = run("cpu fp16q4_0", "i16"),
                           coarse = run("cpu fp16q4_0", "i8");
  EXPECT_GT(test::largest_difference(exact, fine), 0.0f);
  EXPECT_GT(test::largest_difference(exact, coarse), 10 * test::largest_difference(exact, fine));
  EXPECT_EQ(run("cpu fp16q4_0", ""), coarse);
  EXPECT_EQ(run("cpu fp16i8", ""), run("cpu fp16i8", "i16"));
  EXPECT_EQ(run("cpu fp32q4_0", ""), run("cpu fp32q4_0", "f32"));
  EXPECT_THROW(run("cpu fp16i8", "i4"), Error);
}

// The same matrices, rounded by hand, in a model that is run as it is.
TEST_F(Strategies, PrecisionsOfLayersAreTheOnesOfTheirParts) {
  const auto round = [](const test::MadeModel& from, uint32_t first, uint32_t last) {
    auto copy = std::make_shared<test::MadeModel>(from);
    for (auto& [name, tensor] : copy->tensors) {
      const bool inside =
          name.starts_with("blocks.") && uint32_t(name[7] - '0') >= first && uint32_t(name[7] - '0') < last;
      if (!inside || tensor.shape.size() != 2 || name.ends_with("r_k")) continue;
      std::vector<float> values = to_floats(tensor);
      std::vector<std::byte> bytes(values.size() * 2);
      info(Format::f16).encode_row(bytes.data(), 1, values.size(), 0, values.data());
      info(Format::f16).decode_row(bytes.data(), 1, values.size(), 0, values.data());
      tensor = from_floats(values, tensor.shape);
    }
    return copy;
  };
  const auto original = source_;
  const auto run = [&](const char* strategy) { return logits_of(*load(strategy)); };
  for (const std::string device : {"cpu", "vulkan"}) {
    if (!can_run(device)) continue;
    SCOPED_TRACE(device);
    source_ = round(*original, 0, 2);
    const std::vector<float> wanted = run("cpu fp32"), unrounded = (source_ = original, run("cpu fp32"));
    const std::string mixed = device + " fp16 *2 -> " + device + " fp32";
    EXPECT_LE(test::largest_difference(wanted, run(mixed.c_str())), tolerance);
    EXPECT_GT(test::largest_difference(wanted, unrounded), tolerance) << "rounding does not show";
  }
}

TEST_F(Strategies, AStateMovesFromOneStrategyToAnother) {
  const std::string other = can_run("vulkan") ? "vulkan fp32 *1+ -> cpu fp32 *2" : "cpu fp16 *2 -> cpu fp32";
  const auto from = load("cpu fp32"), to = load(other);
  logits_of(*from);
  ASSERT_EQ(from->state_floats(), to->state_floats());
  std::vector<float> state(from->state_floats()), again(state.size());
  from->read_slot(2, state);
  to->write_slot(1, state);
  to->copy_slot(0, 1);
  to->read_slot(0, again);
  EXPECT_EQ(state, again);
  to->reset_slot(0);
  to->read_slot(0, again);
  EXPECT_EQ(again, std::vector<float>(again.size(), 0.0f));
}

TEST_F(Strategies, TimesOfAllStagesAreNumberedAsTheOpsOfTheModel) {
  const auto model =
      load(can_run("vulkan") ? "cpu fp32 *1 -> vulkan fp32 *1+ -> cpu fp32 *1" : "cpu fp16 *1 -> cpu fp32");
  model->set_timing(true);
  logits_of(*model);
  uint32_t next = 0;
  for (const ops::OpTime& time : model->times()) {
    EXPECT_EQ(time.first_op, next);
    next += time.ops;
  }
  EXPECT_EQ(next, model->tape().ops.size());
}

TEST_F(Strategies, ADeviceThatIsNotThereIsRefusedWithTheWayOut) {
  for (const char* strategy : {"cuda:99 fp16", "cpu fp32 *1 -> cuda:99 fp16", "cpu:1 fp32", "vulkan:99 fp16"}) {
    SCOPED_TRACE(strategy);
    LoadOptions options = options_for(strategy);
    options.open = {};
    try {
      Model::load(options, source_);
      ADD_FAILURE() << "loaded";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    }
  }
}

// Large enough that weights, states and activations outweigh what is not foretold.
class Memory : public Strategies {
 protected:
  Memory() { source_ = std::make_shared<test::MadeModel>(test::made_config(4, 256, 1000)); }
  std::unique_ptr<Model> load(const std::string& strategy, uint64_t limit = 0) const {
    LoadOptions options = options_for(strategy);
    options.memory_limit = limit;
    return Model::load(options, source_);
  }
};

TEST_F(Memory, PeaksAreAsForetold) {
  for (const char* strategy : {"cpu fp16i8", "vulkan fp32", "vulkan fp16i8 *2 -> vulkan fp32",
                               "vulkan fp32 *1+", "vulkan fp16 *0+ -> vulkan fp16 *1",
                               "vulkan fp32 *2 -> cpu fp16", "vulkan:0 fp32 *2 -> vulkan:1 fp16 *1+"}) {
    if (!can_run(strategy)) continue;
    SCOPED_TRACE(strategy);
    const auto model = load(strategy);
    logits_of(*model);
    for (const DeviceMemory& memory : model->memory()) {
      const auto predicted = static_cast<double>(memory.predicted);
      EXPECT_NEAR(static_cast<double>(memory.used.peak), predicted, predicted / 20) << memory.device;
    }
  }
}

TEST_F(Memory, AModelLargerThanTheLimitRunsStreamed) {
  if (!can_run("vulkan")) GTEST_SKIP() << "no Vulkan device";
  const auto whole = load("vulkan fp32");
  const uint64_t limit = whole->memory()[0].predicted * 6 / 10;
  const auto streamed = load("vulkan fp32", limit);
  EXPECT_EQ(whole->strategy(), "vulkan:0 fp32");
  EXPECT_EQ(streamed->strategy(), "vulkan:0 fp32 *0+ -> vulkan:0 fp32 *1");
  EXPECT_LE(test::largest_difference(logits_of(*whole), logits_of(*streamed)), tolerance);
  EXPECT_LE(streamed->memory()[0].predicted, limit);
  EXPECT_LE(streamed->memory()[0].used.peak, limit + limit / 20);
}

TEST_F(Memory, AStrategyThatPassesTheLimitIsRefusedWithTheNumbers) {
  if (!can_run("vulkan")) GTEST_SKIP() << "no Vulkan device";
  for (const char* strategy : {"vulkan fp32 *3 -> cpu fp32", "vulkan fp32 *1+"}) {
    SCOPED_TRACE(strategy);
    try {
      load(strategy, 1 << 20);
      ADD_FAILURE() << "loaded";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
      EXPECT_NE(std::string(error.what()).find("allowed are 1.0 MiB"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace fulmar
