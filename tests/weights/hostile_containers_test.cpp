// Hostile GGUF, ggmf, legacy .pth and index files: refused by name, in memory that stays in proportion.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "fulmar/error.h"
#include "weights/ggml_writers.h"
#include "weights/hostile.h"
#include "weights/source.h"

namespace fulmar {
namespace {

using namespace test;

const std::string four_floats = raw<float>({1, 2, 3, 4});

std::string one_tensor(GgufTensor tensor, GgufLies lies = {}) {
  return gguf(gguf_model(), {std::move(tensor)}, lies);
}
std::string with(std::string pair) {
  auto pairs = gguf_model();
  pairs.push_back(std::move(pair));
  return gguf(pairs, {});
}
std::string huge_text(uint64_t length) {
  return "GGUF" + little(3, 4) + little(0, 8) + little(1, 8) + little(length, 8) + std::string(16, 'k');
}

TEST(HostileGguf, HeadersAndMetadata) {
  constexpr ErrorKind unsupported = ErrorKind::unsupported;
  const std::string array = gguf_text("a") + little(9, 4);
  for (const Hostile& file : std::vector<Hostile>{
           {"only a magic", "GGUF", "is the file cut short?"},
           {"version 1", gguf(gguf_model(), {}, {.version = 1}), "version 1; versions 2 and 3", unsupported},
           {"version 4", gguf(gguf_model(), {}, {.version = 4}), "newer than 3", unsupported},
           {"big-endian", gguf(gguf_model(), {}, {.version = 0x03000000}), "big-endian", unsupported},
           {"2^32 tensors", gguf(gguf_model(), {}, {.tensors = uint64_t{1} << 32}),
            "claims 4294967296 tensors"},
           {"2^64-1 tensors", gguf(gguf_model(), {}, {.tensors = ~uint64_t{0}}),
            "tensors, but the file has only"},
           {"2^63 values", gguf(gguf_model(), {}, {.pairs = uint64_t{1} << 63}),
            "claims 9223372036854775808 values"},
           {"key of 2^64-1 bytes", huge_text(~uint64_t{0}), "is the file cut short?"},
           {"key of 2^40 bytes", huge_text(uint64_t{1} << 40), "is the file cut short?"},
           {"type 99", with(gguf_text("a") + little(99, 4)), "type 99, which does not exist"},
           {"array of type 99", with(array + little(99, 4) + little(0, 8)), "type 99, which does not exist"},
           {"array of arrays", with(array + little(9, 4) + little(1, 8) + std::string(64, '\0')),
            "array of arrays", unsupported},
           {"array of 2^61 numbers", with(array + little(10, 4) + little(uint64_t{1} << 61, 8)),
            "claims 2305843009213693952 elements"},
           {"array of 2^60 texts", with(array + little(8, 4) + little(uint64_t{1} << 60, 8)),
            "claims 1152921504"},
           {"text in an array past the end", with(array + little(8, 4) + little(1, 8) + little(1 << 20, 8)),
            "is the file cut short?"},
           {"a key twice", with(gguf_pair("general.architecture", "rwkv7")),
            "has general.architecture twice"},
           {"no architecture", gguf({}, {}), "architecture \"\", which is no RWKV", unsupported},
           {"another architecture", gguf(gguf_model("llama"), {}), "\"llama\", which is no RWKV",
            unsupported},
           {"a Qwen", gguf(gguf_model("rwkv6qwen2"), {}), "rwkv6qwen2, a Qwen", unsupported},
           {"a Qwen of 7", gguf(gguf_model("arwkv7"), {}), "arwkv7, a Qwen", unsupported},
           {"no head size", gguf({gguf_pair("general.architecture", "rwkv7")}, {}),
            "lacks rwkv7.wkv.head_size"},
           {"head size 0", gguf(gguf_model("rwkv7", 0), {}), "lacks rwkv7.wkv.head_size"},
           {"alignment 0", with(gguf_pair("general.alignment", 0u)), "general.alignment is 0"},
           {"alignment 48", with(gguf_pair("general.alignment", 48u)), "expected a power of two"},
           {"one part of three", with(gguf_pair("split.count", 3u)), "one of 3 parts", unsupported},
       })
    expect_refused(file);
}

TEST(HostileGguf, Tensors) {
  const uint64_t huge = uint64_t{1} << 33;
  for (const Hostile& file : std::vector<Hostile>{
           {"cut short", one_tensor({"t", {4}, 0, four_floats}).substr(0, 140), "cut short?"},
           {"shape overflows", one_tensor({"t", {huge, huge}, 0, four_floats}), "more than any file holds"},
           {"shape wraps", one_tensor({"t", {(uint64_t{1} << 62) + 1, 4}, 0, four_floats}),
            "more than any file"},
           {"shape past the file", one_tensor({"t", {9}, 0, four_floats}), "t of 36 bytes begins at byte 0"},
           {"offset past the file", one_tensor({"t", {4}, 0, four_floats, uint64_t{1} << 20}), "holds only"},
           {"offset of 2^64-32", one_tensor({"t", {4}, 0, four_floats, ~uint64_t{31}}), "holds only"},
           {"odd offset", one_tensor({"t", {2}, 0, four_floats, 4}), "no multiple of 32"},
           {"2^32-1 dimensions", one_tensor({"t", {4}, 0, four_floats, {}, 0xffffffff}),
            "claims 4294967295 dimensions"},
           {"overlap", gguf(gguf_model(), {{"a", {4}, 0, four_floats}, {"b", {4}, 0, four_floats, 0}}),
            " overlap"},
           {"two of a name", gguf(gguf_model(), {{"a", {4}, 0, four_floats}, {"a", {4}, 0, four_floats}}),
            "two tensors are named a"},
           {"two become one",
            gguf(gguf_model(),
                 {{"output.weight", {4}, 0, four_floats}, {"head.weight", {4}, 0, four_floats}}),
            "are both head.weight"},
           {"no name", one_tensor({"", {4}, 0, four_floats}), "name is of 0 bytes"},
           {"long name", one_tensor({std::string(300, 'n'), {4}, 0, four_floats}), "name is of 300 bytes"},
           {"unread type", one_tensor({"t", {4}, 16, four_floats}), "t is of type IQ2_XXS",
            ErrorKind::unsupported},
           {"type of tomorrow", one_tensor({"t", {4}, 4000, four_floats}), "type 4000",
            ErrorKind::unsupported},
           {"half a block", one_tensor({"t", {2, 48}, 8, std::string(200, 'x')}),
            "whose blocks hold 32 numbers"},
           {"no row of blocks", one_tensor({"t", {uint64_t{1} << 60, 0}, 8, ""}), "holds nothing"},
           {"blocks without a row", one_tensor({"t", {}, 8, ""}), "whose blocks hold"},
           {"five sixths", one_tensor({"blk.0.time_mix_lerp_fused.weight", {4}, 0, four_floats}),
            "does not fall into 6 equal parts"},
           {"factor without columns", one_tensor({"blk.0.time_mix_w1.weight", {4}, 0, four_floats}),
            "expected a matrix"},
           {"odd heads", one_tensor({"blk.0.time_mix_r_k.weight", {3}, 0, four_floats}), "2 equal parts"},
       })
    expect_refused(file);
  auto pairs = gguf_model("rwkv6");
  pairs.push_back(gguf_pair("rwkv6.rescale_every_n_layers", 1u));
  expect_refused({"a layer scaled past all numbers",
                  gguf(pairs, {{"blk.4000000000.time_mix_output.weight", {1, 4}, 0, four_floats}}),
                  "too large"});
}

TEST(HostileGguf, Vocabularies) {
  std::vector<std::string> pairs = gguf_model();
  pairs.push_back(gguf_pair("tokenizer.ggml.model", "rwkv"));
  pairs.push_back(gguf_array("tokenizer.ggml.tokens", std::vector<std::string>(1 << 21)));
  expect_refused({"two million tokens", gguf(pairs, {}), "claims 2097152 tokens"});
}

TEST(HostileGgmf, FilesThatLie) {
  constexpr ErrorKind unsupported = ErrorKind::unsupported;
  const GgmfTensor good{"emb.weight", {2, 2}, 0, four_floats};
  const std::string whole = ggmf({good});
  for (const Hostile& file : std::vector<Hostile>{
           {"only a magic", "fmgg", "is it cut short?"},
           {"version 99", ggmf({good}, 99), "version 99; versions 100 and 101", unsupported},
           {"cut in the data", whole.substr(0, whole.size() - 1), "emb.weight takes 16 bytes"},
           {"cut in a header", ggmf({good, good}).substr(0, whole.size() + 5), "a tensor's header takes"},
           {"two of a name", ggmf({good, good}), "two tensors are named emb.weight"},
           {"no dimension", ggmf({{"t", {}, 0, four_floats}}), "claims 0 dimensions"},
           {"2^32-1 dimensions", ggmf({{"t", {4}, 0, four_floats, 0xffffffff}}),
            "claims 4294967295 dimensions"},
           {"name of 2^31 bytes", ggmf({{"t", {4}, 0, four_floats, {}, 0x80000000}}),
            "a name of 2147483648 bytes"},
           {"negative shape", ggmf({{"t", {0xffffffff, 0xffffffff}, 0, four_floats}}), "more than any file"},
           {"shape past the end", ggmf({{"t", {5}, 0, four_floats}}), "t takes 20 bytes"},
           {"dropped type", ggmf({{"t", {1, 32}, 5, four_floats}}),
            "t is of type 5, which rwkv.cpp itself dropped", unsupported},
           {"old blocks", ggmf({{"t", {1, 32}, 9, std::string(34, 'x')}}, 100), "before May 2023",
            unsupported},
           {"name in Latin-1", ggmf({{"\xe4", {4}, 0, four_floats}}), "not UTF-8"},
       })
    expect_refused(file);
}

std::string legacy(const std::vector<LegacyStorage>& storages, std::string_view type = "FloatStorage") {
  const std::string pickle = Pickle().op("}(").tensor("w", type, "7", 4, 0, {4}, {1}).op("u").stop();
  return legacy_pth(pickle, storages);
}

TEST(HostileLegacyPth, FilesThatLie) {
  const std::string whole = legacy({{"7", 4, four_floats}});
  for (const Hostile& file : std::vector<Hostile>{
           {"no storage", legacy({}), "w lies in storage 7, which the file does not have"},
           {"storage of 2^61", legacy({{"7", uint64_t{1} << 61, four_floats}}),
            "claims 2305843009213693952 elements"},
           {"storage too small", legacy({{"7", 3, four_floats.substr(4)}}), "storage 7 holds only 3"},
           {"storage twice", legacy({{"7", 2, four_floats.substr(8)}, {"7", 2, four_floats.substr(8)}}),
            "lists storage 7 twice"},
           {"storage of nobody", legacy({{"8", 4, four_floats}}), "storage 8 is of type unknown",
            ErrorKind::unsupported},
           {"complex numbers", legacy({{"7", 4, four_floats}}, "ComplexFloatStorage"),
            "storage 7 is of type ComplexFloatStorage", ErrorKind::unsupported},
           {"code in it",
            legacy_pth(Pickle().global("os", "system").op("(").text("touch owned").op("tR").stop(), {}),
            "refuses to run os.system"},
       })
    expect_refused(file);
  for (std::size_t length = 20; length < whole.size(); ++length)
    expect_refused({"cut at " + std::to_string(length), whole.substr(0, length), ": "});
}

// Every byte turned: still good or refused, never a crash.
TEST(HostileContainers, OneWrongByteNeverCrashes) {
  auto pairs = gguf_model();
  pairs.push_back(gguf_pair("tokenizer.ggml.model", "rwkv"));
  pairs.push_back(gguf_array("tokenizer.ggml.tokens", std::vector<std::string>{"<s>", "\\x41"}));
  pairs.push_back(gguf_array("tokenizer.ggml.token_type", std::vector<int32_t>{3, 1}));
  const TempFile file("");
  for (const std::string& whole :
       {gguf(pairs, {{"output.weight", {1, 32}, 8, std::string(34, 'x')},
                     {"blk.0.time_mix_lerp_fused.weight", {6, 1, 1, 4}, 0, std::string(96, 'x')}}),
        ggmf({{"blocks.0.att.x_rwkvag", {6, 1, 1}, 0, std::string(24, 'x')},
              {"head.weight", {1, 32}, 9, std::string(34, 'x')}}),
        legacy({{"7", 4, four_floats}})})
    for (std::size_t i = 0; i < whole.size(); ++i)
      for (const int turn : {0xff, 1 << (i % 8)}) {
        std::string bytes = whole;
        bytes[i] = static_cast<char>(bytes[i] ^ turn);
        file.rewrite(bytes);
        try {
          const SourcePtr source = open_weights(file.path());
          for (const std::string& name : source->names()) source->load(name);
          source->vocabulary();
        } catch (const Error& error) {
          EXPECT_NE(error.kind(), ErrorKind::internal) << error.what();
        }
      }
}

TEST(HostileIndex, WhatItDoesNotSayIsSeenToo) {
  const auto file = [](const std::string& first, const std::string& second) {
    const auto entry = [](const std::string& name, int at) {
      return fmt::format(R"("{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}})", name, at, at + 1);
    };
    return safetensors(fmt::format("{{{},{}}}", entry(first, 0), entry(second, 1)), "xy");
  };
  const TempFile shard(file("a", "b"), "1.safetensors");
  const auto folder = shard.path().parent_path();
  std::ofstream(folder / "model.safetensors.index.json")
      << R"({"weight_map":{"a":"1.safetensors","c":"2.safetensors"}})";
  std::ofstream(folder / "2.safetensors", std::ios::binary) << file("c", "d");
  EXPECT_EQ(open_weights(folder)->names(), (std::vector<std::string>{"a", "c", "b", "d"}));
  EXPECT_TRUE(open_weights(folder)->info("d"));
  std::ofstream(folder / "2.safetensors", std::ios::binary) << file("c", "a");
  try {
    open_weights(folder);
    ADD_FAILURE() << "one name for two tensors";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("a is in 1.safetensors and in 2.safetensors too"));
  }
}

TEST(HostileIndex, ShardsStayBesideTheirIndex) {
  const TempFile shard(safetensors(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x"),
                       "model-00001-of-00002.safetensors");
  const auto folder = shard.path().parent_path();
  const auto message = [&](const std::string& index, const std::filesystem::path& opened) -> std::string {
    std::ofstream(folder / "model.safetensors.index.json") << index;
    try {
      open_weights(opened);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const std::string name = shard.path().filename().string();
  for (const char* path : {"../../etc/passwd", "/etc/passwd", "..", "a/b", "a\\\\b", "C:x", "", "a\\u0000b"})
    EXPECT_THAT(message(R"({"weight_map":{"t":")" + std::string(path) + R"("}})", folder),
                testing::HasSubstr("is not the name of a file beside the index"))
        << path;
  // Nobody reads a name of 100 KB, nor one that steers the terminal.
  const std::string endless =
      message(R"({"weight_map":{"t":"\u001b[2J)" + std::string(100'000, 'a') + R"("}})", folder);
  EXPECT_THAT(endless, testing::HasSubstr("the name of a file beside the index: '\\x1b[2Jaaa"));
  EXPECT_LT(endless.size(), 1000u);
  EXPECT_LT(message(R"({"weight_map":{")" + std::string(100'000, 'a') + R"(":7}})", folder).size(), 1000u);
  EXPECT_THAT(message(R"({"weight_map":{"t":")" + name + R"("}})", shard.path()), "nothing was thrown");
  EXPECT_THAT(message(R"({"weight_map":{"t":")" + name + R"(","u":")" + name + R"("}})", folder),
              testing::HasSubstr("u should be in " + name + ", but is not"));
  EXPECT_THAT(message(R"({"weight_map":{"t":"missing.safetensors"}})", folder),
              testing::HasSubstr("no such file"));
  EXPECT_THAT(message(R"({"weight_map":{"t":7}})", folder), testing::HasSubstr("is not a string"));
  EXPECT_THAT(message("{}", folder), testing::HasSubstr("no object \"weight_map\""));
  EXPECT_THAT(message("[[[", folder), testing::HasSubstr("not valid JSON"));
  EXPECT_THAT(message(std::string(1 << 20, '['), folder), testing::HasSubstr("not valid JSON"));
  std::filesystem::remove(folder / "model.safetensors.index.json");
  EXPECT_THAT(message("", folder / "none"), testing::HasSubstr("no such file"));
  std::filesystem::remove(folder / "model.safetensors.index.json");
  try {
    open_weights(shard.path());
    ADD_FAILURE() << "half a model was opened";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("model.safetensors.index.json is not beside it"));
  }
}

}  // namespace
}  // namespace fulmar
