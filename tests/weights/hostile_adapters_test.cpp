// Adapters that do not fit: every one is refused with a sentence that names the tensor and what is expected.
#include <gtest/gtest.h>

#include "fulmar/error.h"
#include "weights/adapter_files.h"
#include "weights/adapters.h"

namespace fulmar {
namespace {

using test::made, test::MadeTensors, test::TempFile;

const std::string p = "blocks.0.att.key.";

// Expects an adapter to be refused with a message that holds all of `words`.
void expect_refused(const MadeTensors& tensors, const std::string& mode,
                    const std::vector<std::string>& words, ErrorKind kind = ErrorKind::bad_file) {
  const TempFile model(test::safetensors_of({{p + "weight", made({12, 8}, 1)},
                                             {"blocks.0.ln1.weight", made({8}, 2)},
                                             {"blocks.0.empty.weight", made({0, 8}, 2)}}),
                       "model.safetensors");
  const TempFile adapter(test::safetensors_of(tensors), "adapter.safetensors");
  try {
    adapt(open_weights(model.path()), {{adapter.path().string(), mode, 2}});
    ADD_FAILURE() << "accepted; expected " << words[0];
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    const std::string text = error.what();
    EXPECT_NE(text.find("adapter.safetensors: "), text.npos) << text;
    for (const std::string& word : words) EXPECT_NE(text.find(word), text.npos) << word << " in: " << text;
  }
}

TEST(HostileAdapter, ShapesOfAnotherModelAreRefused) {
  const auto A = made({4, 8}, 1), B = made({12, 4}, 2);
  expect_refused({{p + "lora_A", made({4, 9}, 1)}, {p + "lora_B", B}}, "lora",
                 {"blocks.0.att.key.lora_A is [4,9], expected [r,8]", "[12,8]"});
  expect_refused({{p + "lora_A", A}, {p + "lora_B", made({12, 5}, 1)}}, "lora",
                 {"lora_B is [12,5], expected [12,4]"});
  expect_refused({{p + "lora_A", A}, {p + "lora_B", made({4, 12}, 1)}}, "lora", {"lora_B is [4,12]"});
  expect_refused({{p + "lora_A", made({0, 8}, 1)}, {p + "lora_B", made({12, 0}, 1)}}, "lora",
                 {"lora_A is [0,8]"});
  expect_refused({{p + "lora_A", made({32}, 1)}, {p + "lora_B", B}}, "lora", {"lora_A is [32]"});
  expect_refused({{p + "lora_A", A}, {p + "lora_B", B}, {p + "lora_M", made({12}, 1)}}, "lora",
                 {"lora_M is [12], expected [1,8]"});
  expect_refused({{p + "bone", made({2, 4, 3}, 1)}}, "bone", {"bone is [2,4,3]", "divisor of 8 and 12"});
  expect_refused({{p + "bone", made({1, 8, 8}, 1)}}, "bone", {"bone is [1,8,8]"});  // 8 does not divide 12
  expect_refused({{p + "bone", made({3, 4, 4}, 1)}}, "bone", {"bone is [3,4,4]"});
  expect_refused({{p + "bone", made({0, 0, 0}, 1)}}, "bone", {"bone is [0,0,0]"});
  expect_refused({{p + "disha", made({4, 8}, 1)}}, "disha", {"disha is [4,8], expected [r,12]"});
  expect_refused({{p + "disha", made({0, 12}, 1)}}, "disha", {"disha is [0,12]"});
  expect_refused({{"blocks.0.ln1.weight", made({9}, 1)}}, "lora",
                 {"ln1.weight is [9]", "the model's is [8]"});
}

TEST(HostileAdapter, TensorsWithoutAPlaceAreRefused) {
  const auto A = made({4, 8}, 1), B = made({12, 4}, 2);
  expect_refused({{"blocks.7.att.key.lora_A", A}, {"blocks.7.att.key.lora_B", B}}, "lora",
                 {"blocks.7.att.key.lora_A", "no blocks.7.att.key.weight", "another model"});
  expect_refused({{"optimizer.step", made({1}, 1)}}, "lora", {"optimizer.step belongs to nothing"});
  expect_refused({{"blocks.0.ln1.lora_A", A}, {"blocks.0.ln1.lora_B", B}}, "lora",
                 {"ln1.weight is [8], no matrix"});
  expect_refused({{"blocks.0.empty.lora_A", A}, {"blocks.0.empty.lora_B", made({0, 4}, 1)}}, "lora",
                 {"empty.weight is [0,8], no matrix"});
  expect_refused({{p + "lora_magnitude_vector", made({12}, 1)}}, "dora",
                 {"lora_magnitude_vector belongs to nothing"});
  expect_refused({}, "lora", {"holds no tensors"});
}

TEST(HostileAdapter, HalvesWithoutTheirOthersAreRefused) {
  const auto A = made({4, 8}, 1), B = made({12, 4}, 2);
  expect_refused({{p + "lora_A", A}}, "lora", {"blocks.0.att.key.lora_B is missing"});
  expect_refused({{p + "lora_B", B}}, "", {"blocks.0.att.key.lora_A is missing"});
  expect_refused({{p + "lora_M", made({8}, 1)}}, "", {"lora_A is missing"});
  expect_refused({{p + "init_lora_A", A}, {p + "init_lora_B", B}}, "", {"start of a PiSSA", "--adapter-mode pissa"});
  expect_refused({{p + "init_lora_A", A}, {p + "init_lora_B", B}}, "pissa", {"start of a PiSSA", "one more adapter"});
  expect_refused({{p + "lora_A", A}, {p + "lora_B", B}}, "pissa", {"init_lora_A", "one more adapter"});
  expect_refused({{p + "lora_A", A}, {p + "lora_B", B}, {p + "init_lora_A", A}}, "pissa",
                 {"init_lora_B is missing"});
}

TEST(HostileAdapter, MixturesWithoutAMeaningAreRefused) {
  const auto A = made({4, 8}, 1), B = made({12, 4}, 2), D = made({2, 4, 4}, 3);
  expect_refused({{p + "lora_A", A}, {p + "lora_B", B}, {p + "bone", D}}, "", {"several kinds"});
  expect_refused({{p + "bone", D}, {p + "disha", D}}, "", {"several kinds"});
  expect_refused({{p + "lora_A", A}, {p + "lora_B", B}, {p + "weight", made({12, 8}, 1)}}, "",
                 {"beside blocks.0.att.key.weight"});
  expect_refused({{p + "lora_A", A}, {p + "lora_B", B}, {"module." + p + "lora_A", A}}, "lora", {"twice"});
  expect_refused({{p + "weight", made({12, 8}, 1)}, {"module." + p + "weight", made({12, 8}, 1)}}, "",
                 {"twice"});
}

TEST(HostileAdapter, AWrongModeIsSaidWithTheRightOne) {
  const auto A = made({4, 8}, 1), B = made({12, 4}, 2), D = made({2, 4, 4}, 3);
  expect_refused({{p + "lora_A", A}, {p + "lora_B", B}}, "bone", {"is lora", "use mode lora"});
  expect_refused({{p + "lora_A", A}, {p + "lora_B", B}}, "dora", {"is lora", "use mode lora"});
  expect_refused({{p + "bone", D}}, "lora", {"is bone", "use mode bone"});
  expect_refused({{p + "bone", D}}, "Bone", {"no adapter mode 'Bone'", "pissa"}, ErrorKind::misuse);
}

TEST(HostileAdapter, NumbersThatAreNoFloatsAreRefused) {
  const std::string header =
      R"({"blocks.0.att.key.lora_A":{"dtype":"I32","shape":[1,8],"data_offsets":[0,32]}})";
  const TempFile model(test::safetensors_of({{p + "weight", made({12, 8}, 1)}}), "model.safetensors");
  const TempFile adapter(test::safetensors(header, std::string(32, '\0')), "adapter.safetensors");
  EXPECT_THROW(adapt(open_weights(model.path()), {{adapter.path().string(), "lora", 2}}), Error);
}

}  // namespace
}  // namespace fulmar
