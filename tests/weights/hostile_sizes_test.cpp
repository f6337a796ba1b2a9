// Files that are hostile by their size: many tensors, long names, large tables. Each ends soon, in bounded
// memory, and says what is too much.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "weights/ggml_writers.h"
#include "weights/hostile.h"
#include "weights/source.h"

namespace fulmar {
namespace {

using test::expect_refused, test::safetensors, test::TempFile, test::GgufTensor;

constexpr std::size_t too_many = 65537;

// A header of tensors without numbers.
std::string header_of(const std::vector<std::string>& names) {
  std::string header = "{";
  for (const std::string& name : names)
    header +=
        (header.size() > 1 ? ",\"" : "\"") + name + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  return header + "}";
}

std::vector<std::string> open_names(const std::vector<std::string>& names) {
  const TempFile file(safetensors(header_of(names), ""), "model.safetensors");
  return open_weights(file.path())->names();
}

// "t0", "t1", ... behind `first`.
std::vector<std::string> numbered(std::size_t count, std::vector<std::string> first = {}) {
  for (std::size_t i = first.size(); i < count; ++i) first.push_back(fmt::format("t{}", i));
  return first;
}

TEST(HostileNames, APrefixThatBeginsWithADotDoesNotHangTheProgram) {
  using testing::ElementsAre;
  EXPECT_THAT(open_names({".blocks.0.ln1.weight"}), ElementsAre("blocks.0.ln1.weight"));
  EXPECT_THAT(open_names({".x.blocks.0.ln1.weight", ".x.emb.weight", "head.weight"}),
              ElementsAre("blocks.0.ln1.weight", "emb.weight", "head.weight"));
  EXPECT_THAT(open_names({"...blocks.0.ln1.weight", "..lm_head.weight"}),
              ElementsAre("blocks.0.ln1.weight", "head.weight"));
}

TEST(HostileNames, WhatMovesACursorIsNoName) {
  for (const char* name : {"a\\u001b[2Jb", "a\\nb", "\\u007f", "\\u0000"})
    expect_refused({name, safetensors(header_of({"ok", name}), ""), "the name of tensor 1 has control characters"});
}

TEST(HostileNames, OfSeveralHeadsAroundAModelTheNearestIsItsOwn) {
  const std::string header = R"({"a.b.blocks.0.ln1.weight":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("lm_head.weight":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},)"
                             R"("a.head.weight":{"dtype":"U8","shape":[3],"data_offsets":[3,6]},)"
                             R"("b.head.weight":{"dtype":"U8","shape":[4],"data_offsets":[6,10]},)"
                             R"("a_head.weight":{"dtype":"U8","shape":[5],"data_offsets":[10,15]}})";
  const TempFile file(safetensors(header, std::string(15, 'x')), "model.safetensors");
  EXPECT_EQ(open_weights(file.path())->info("head.weight")->shape, Shape{3});
}

TEST(HostileNames, AThousandLevelsTimesAllTensorsAreWalkedOnce) {
  const std::string deep = fmt::format("{:.>200}blocks.0.ln1.weight", "");
  EXPECT_EQ(open_names(numbered(too_many - 1, {deep})).size(), too_many - 1);
}

TEST(HostileSizes, MoreTensorsThanAnyModelHasAreRefused) {
  const std::string header = header_of(numbered(too_many));
  expect_refused({"safetensors", safetensors(header, ""), "holds more than 65536 tensors"});
  std::vector<GgufTensor> tensors;
  std::vector<test::GgmfTensor> old;
  for (const std::string& name : numbered(too_many)) {
    tensors.push_back({name, {0}, 0, ""});
    old.push_back({name, {0}, 0, ""});
  }
  expect_refused({"GGUF", test::gguf(test::gguf_model(), tensors), "claims 65537 tensors; at most 65536"});
  expect_refused({"ggmf", test::ggmf(old), "holds more than 65536 tensors"});
}

TEST(HostileSizes, TablesBesideTheTensorsAreBoundedToo) {
  std::string metadata;
  for (std::size_t i = 0; i < 67000; ++i) metadata += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"\"";
  expect_refused({"metadata of safetensors", safetensors("{\"__metadata__\":{" + metadata + "}}", ""),
                  "the metadata has more than 66560 entries"});
  std::vector<std::string> pairs = test::gguf_model();
  for (std::size_t i = 0; i < too_many; ++i) pairs.push_back(test::gguf_pair(std::to_string(i), 0u));
  expect_refused({"metadata of GGUF", test::gguf(pairs, {}), "values; at most 65536 are possible"});
  std::vector<test::ZipEntry> entries(140'000, test::ZipEntry{"x", ""});
  expect_refused(
      {"entries of a .pth", test::zip(entries, {.zip64 = true}), "claims 140000 entries; at most 131072"});
  expect_refused({"a header of 33 MiB", safetensors("{}" + std::string(33 << 20, ' '), ""),
                  "at most 33554432 are allowed"});
}

TEST(HostileSizes, IndexesAndConfigsThatNoModelHasAreNotParsed) {
  const TempFile file(safetensors(header_of({"layers.0.attn_norm.weight"}), ""), "model.safetensors");
  const auto folder = file.path().parent_path();
  const auto message = [&]() -> std::string {
    try {
      open_weights(folder);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  std::ofstream(folder / "config.json") << "{\"norm_eps\":[" << std::string(1 << 20, '0') << "]}";
  testing::internal::CaptureStderr();
  EXPECT_EQ(message(), "nothing was thrown") << "the model is whole: what lies beside it ends no program";
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("config.json: is larger than 1 MiB"));
  std::ofstream(folder / "config.json") << "{}";
  EXPECT_EQ(message(), "nothing was thrown");
  const auto index = folder / "model.safetensors.index.json";
  std::ofstream(index) << "{\"weight_map\":[" << std::string(4 << 20, '[') << "]}";
  EXPECT_THAT(message(), testing::HasSubstr("is an index of more than 4 MiB"));
  {
    std::ofstream many(index);
    many << "{\"weight_map\":{\"layers.0.attn_norm.weight\":\"model.safetensors\"";
    for (std::size_t i = 0; i < too_many; ++i) many << ",\"" << i << "\":\"model.safetensors\"";
    many << "}}";
  }
  EXPECT_THAT(message(), testing::HasSubstr("0 should be in model.safetensors, but is not"));
}

}  // namespace
}  // namespace fulmar
