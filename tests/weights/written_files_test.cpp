// Files this program writes: what was put in comes back, in every format, or an error says why not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "fulmar/error.h"
#include "weights/ggml_types.h"
#include "weights/gguf_layout.h"
#include "weights/write.h"
#include "weights/writers.h"

namespace fulmar {
namespace {

using test::TempFile;

class Numbers : public Source {
 public:
  void add(const std::string& name, Shape shape) {
    std::vector<float> values(element_count(shape));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = std::sin(static_cast<float>(i * i + order_.size())) * static_cast<float>(i % 7);
    tensors_[name] = from_floats(values, std::move(shape));
    order_.push_back(name);
  }
  void add(const std::string& name, Tensor tensor) {
    tensors_[name] = std::move(tensor);
    order_.push_back(name);
  }
  std::vector<std::string> names() const override { return order_; }
  std::optional<TensorRef> info(std::string_view name) const override {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? std::nullopt
                                   : std::optional(TensorRef{found->second.format, found->second.shape, {}});
  }
  Tensor load(std::string_view name) const override { return tensors_.find(name)->second; }
  std::string label() const override { return "numbers"; }

 private:
  std::map<std::string, Tensor, std::less<>> tensors_;
  std::vector<std::string> order_;
};

const WriteProgress silent = [](uint64_t, uint64_t) {};

std::vector<std::byte> quantized(const Tensor& tensor, Format format) {
  const uint64_t N = tensor.shape[0], K = tensor.shape[1];
  std::vector<std::byte> bytes(info(format).matrix_bytes(N, K));
  quantize(tensor, format, N, K, bytes);
  return bytes;
}

// Bytes of matrices end in padding that nothing reads: compared is what they decode to.
void expect_same_numbers(const Tensor& got, const Tensor& source, Format format, const std::string& name) {
  ASSERT_EQ(got.format, format) << name;
  ASSERT_EQ(got.shape, source.shape) << name;
  Tensor wanted = source;
  const std::vector<std::byte> bytes = quantized(source, format);
  wanted.format = format;
  wanted.data = bytes;
  EXPECT_EQ(to_floats(got), to_floats(wanted)) << name;
}

TEST(WrittenSafetensors, EveryFormatComesBackNumberByNumber) {
  Numbers source;
  source.add("a.bias", {7});
  source.add("a.weight", {5, 512});
  source.add("b.weight", {3, 256});
  for (const Format format : matrix_formats()) {
    const TempFile target("", "out.safetensors");
    uint64_t last = 0, all = 0;
    {
      AtomicFile file(target.path(), AtomicFile::Existing::replace);
      const std::vector<OutTensor> tensors{
          {"a.bias", Format::f32}, {"a.weight", format}, {"b.weight", Format::f16}};
      write_safetensors(source, tensors, {{"gn_eps", "1e-5"}, {"quote\"", "\n"}}, file,
                        [&](uint64_t done, uint64_t total) {
                          EXPECT_LE(last, done);
                          last = done, all = total;
                        });
      file.commit();
    }
    EXPECT_EQ(last, all);
    const SourcePtr read = open_weights(target.path());
    EXPECT_EQ(read->names().size(), 3u);
    EXPECT_EQ(to_floats(read->load("a.bias")), to_floats(source.load("a.bias")));
    expect_same_numbers(read->load("a.weight"), source.load("a.weight"), format,
                        std::string(info(format).name));
    expect_same_numbers(read->load("b.weight"), source.load("b.weight"), Format::f16, "b.weight");
    EXPECT_EQ(read->metadata("gn_eps"), "1e-5");
    EXPECT_EQ(read->metadata("quote\""), "\n");
  }
}

TEST(WrittenSafetensors, BytesThatAreNotWhatTheMetadataSaysAreRefused) {
  const auto file = [](std::string_view says, std::string_view dtype, std::string_view shape, size_t bytes) {
    return test::safetensors(fmt::format(R"({{"__metadata__":{{"fulmar.a.weight":"{}"}},"a.weight":)"
                                         R"({{"dtype":"{}","shape":{},"data_offsets":[0,{}]}}}})",
                                         says, dtype, shape, bytes),
                             std::string(bytes, '\1'));
  };
  const auto opens = [&](std::string_view says, std::string_view dtype = "U8",
                         std::string_view shape = "[144]", size_t bytes = 144) {
    const TempFile target(file(says, dtype, shape, bytes), "x.safetensors");
    try {
      open_weights(target.path());
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(opens("i8 [4,32]"), "");
  for (const char* lie : {"i8",
                          "i8 ",
                          "i8 []",
                          "i8 [32]",
                          "i8 [4,32",
                          "i8 [4,,32]",
                          "i8 [4,32,]",
                          "i8 [4;32]",
                          "i8 [-4,32]",
                          "i8 [5,32]",
                          "i8 [8,16]",
                          "i8 [0,32]",
                          "i8 [4,0]",
                          "i9 [4,32]",
                          "f16 [4,32]",
                          "q8_0 [3,32]",
                          "i8 [576460752303423488,32]",
                          "i8 [18446744073709551615,18446744073709551615]",
                          "i8 [99999999999999999999,32]",
                          "i8 [1,1,1,1,1,1,1,1,4,32]",
                          "i8 [4,32] "})
    EXPECT_THAT(opens(lie), testing::HasSubstr("a.weight")) << lie;
  EXPECT_THAT(opens("i8 [4,32]", "I8"), testing::HasSubstr("a.weight"));
  EXPECT_THAT(opens("i8 [4,32]", "U8", "[12,12]"), testing::HasSubstr("a.weight"));
  EXPECT_THAT(opens("i8 [4,32]", "U8", "[143]", 143), testing::HasSubstr("a.weight"));
}

TEST(WrittenSafetensors, AnInterruptionLeavesNoFile) {
  Numbers source;
  source.add("a.weight", {64, 64});
  const TempFile old("old", "out.safetensors");
  struct Stop {};
  for (const Format format : {Format::f16, Format::i8})
    EXPECT_THROW(
        {
          AtomicFile file(old.path(), AtomicFile::Existing::replace);
          write_safetensors(source, std::vector<OutTensor>{{"a.weight", format}}, {}, file,
                            [](uint64_t, uint64_t) { throw Stop(); });
        },
        Stop);
  const auto folder = old.path().parent_path();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  EXPECT_EQ(std::filesystem::file_size(old.path()), 3u);
}

GgufHead head_of(const char* architecture) {
  GgufHead head;
  head.put("general.architecture", architecture);
  head.put(std::string(architecture) + ".wkv.head_size", uint32_t{16});
  return head;
}

TEST(WrittenGguf, EveryTypeOfGgmlComesBackNumberByNumber) {
  Numbers source;
  source.add("blk.0.time_mix_key.weight", {5, 512});
  source.add("blk.0.attn_norm.weight", {7});
  int types = 0;
  for (const Format format : matrix_formats()) {
    if (!ggml_of_format(format)) continue;
    ++types;
    const TempFile target("", "out.gguf");
    {
      AtomicFile file(target.path(), AtomicFile::Existing::replace);
      const std::vector<OutTensor> tensors{{"blk.0.time_mix_key.weight", format},
                                           {"blk.0.attn_norm.weight", Format::f32}};
      write_gguf(source, tensors, head_of("rwkv7"), file, silent);
      file.commit();
    }
    const SourcePtr read = open_weights(target.path());
    expect_same_numbers(read->load("blocks.0.att.key.weight"), source.load("blk.0.time_mix_key.weight"),
                        format, std::string(info(format).name));
    EXPECT_EQ(to_floats(read->load("blocks.0.ln1.weight")), to_floats(source.load("blk.0.attn_norm.weight")));

    // The file's own blocks are copied, not made anew.
    const TempFile again("", "again.gguf");
    Numbers once;
    once.add("blk.0.time_mix_key.weight", read->load("blocks.0.att.key.weight"));
    AtomicFile file(again.path(), AtomicFile::Existing::replace);
    write_gguf(once, std::vector<OutTensor>{{"blk.0.time_mix_key.weight", format}}, head_of("rwkv7"), file,
               silent);
    file.commit();
    EXPECT_EQ(to_floats(open_weights(again.path())->load("blocks.0.att.key.weight")),
              to_floats(read->load("blocks.0.att.key.weight")));
  }
  EXPECT_GE(types, 5);
}

// Every tensor of a layer, in BlinkDL's names and shapes, is there again after a trip through llama.cpp's.
TEST(WrittenGguf, TheTensorsOfALayerComeBackUnderTheirNames) {
  constexpr uint64_t C = 32, N = 16, H = C / N, F = 48, D = 8;
  for (const bool v7 : {false, true}) {
    auto source = std::make_shared<Numbers>();
    std::vector<std::pair<std::string, Shape>> list = {
        {"emb.weight", {10, C}},    {"head.weight", {10, C}}, {"blocks.0.ln0.weight", {C}},
        {"blocks.0.ln0.bias", {C}}, {"ln_out.weight", {C}},   {"ln_out.bias", {C}}};
    for (const std::string block : {"blocks.0.", "blocks.1."}) {
      for (const char* name :
           {"ln1.weight", "ln1.bias", "ln2.weight", "ln2.bias", "att.ln_x.weight", "att.ln_x.bias"})
        list.push_back({block + name, {C}});
      for (const char* name : {"receptance", "key", "value", "output"})
        list.push_back({block + "att." + name + ".weight", {C, C}});
      list.push_back({block + "ffn.key.weight", {F, C}});
      list.push_back({block + "ffn.value.weight", {C, F}});
      if (v7) {
        for (const char* name : {"x_r", "x_w", "x_k", "x_v", "x_a", "x_g", "w0", "a0", "k_k", "k_a"})
          list.push_back({block + "att." + name, {1, 1, C}});
        list.push_back({block + "ffn.x_k", {1, 1, C}});
        list.push_back({block + "att.r_k", {H, N}});
        for (const char* letter : {"w", "a", "g", "v"}) {
          if (*letter == 'v' && block == "blocks.0.") continue;
          list.push_back({block + "att." + letter + "1", {C, D}});
          list.push_back({block + "att." + letter + "2", {D, C}});
        }
        if (block == "blocks.1.") list.push_back({block + "att.v0", {1, 1, C}});
      } else {
        for (const char* name : {"x", "w", "k", "v", "r", "g"})
          list.push_back({block + "att.time_maa_" + name, {1, 1, C}});
        for (const char* name : {"k", "r"}) list.push_back({block + "ffn.time_maa_" + name, {1, 1, C}});
        list.push_back({block + "att.time_decay", {1, 1, C}});
        list.push_back({block + "att.time_faaaa", {H, N}});
        list.push_back({block + "att.time_maa_w1", {C, 5 * D}});
        list.push_back({block + "att.time_maa_w2", {5, D, C}});
        list.push_back({block + "att.time_decay_w1", {C, D}});
        list.push_back({block + "att.time_decay_w2", {D, C}});
        list.push_back({block + "att.gate.weight", {C, C}});
        list.push_back({block + "ffn.receptance.weight", {C, C}});
      }
    }
    for (const auto& [name, shape] : list) source->add(name, shape);

    const GgufLayout layout = gguf_layout(source, v7, N);
    std::vector<OutTensor> tensors;
    for (const GgufTensor& tensor : layout.tensors) tensors.push_back({tensor.name, Format::f32});
    const TempFile target("", "out.gguf");
    AtomicFile file(target.path(), AtomicFile::Existing::replace);
    write_gguf(*layout.source, tensors, head_of(v7 ? "rwkv7" : "rwkv6"), file, silent);
    file.commit();

    const SourcePtr read = open_weights(target.path());
    EXPECT_EQ(read->names().size(), list.size());
    for (const auto& [name, shape] : list) {
      ASSERT_TRUE(read->info(name)) << name;
      EXPECT_EQ(read->info(name)->shape, shape) << name;
      EXPECT_EQ(to_floats(read->load(name)), to_floats(source->load(name))) << name;
    }
  }
}

TEST(WrittenGguf, EveryByteOfAVocabularyComesBack) {
  EmbeddedVocabulary vocabulary;
  vocabulary.tokens.emplace_back();
  for (int byte = 0; byte < 256; ++byte) vocabulary.tokens.emplace_back(1, static_cast<char>(byte));
  for (const char* text :
       {"'", "\"", "it's", "\"it's\"", "\\x41", "\\", "\\\\n", "\n\n", "\t\r", "狐", " a b "})
    vocabulary.tokens.emplace_back(text);
  vocabulary.tokens.emplace_back();
  vocabulary.end_of_text = 0;
  vocabulary.end_of_turn = 264;
  const TempFile target("", "out.gguf");
  GgufHead head = head_of("rwkv7");
  put_vocabulary(head, vocabulary, vocabulary.tokens.size() + 3);
  AtomicFile file(target.path(), AtomicFile::Existing::replace);
  write_gguf(Numbers(), {}, head, file, silent);
  file.commit();
  const auto read = open_weights(target.path())->vocabulary();
  ASSERT_TRUE(read);
  vocabulary.tokens.resize(vocabulary.tokens.size() + 3);
  EXPECT_EQ(read->tokens, vocabulary.tokens);
  EXPECT_EQ(read->end_of_text, vocabulary.end_of_text);
  EXPECT_EQ(read->end_of_turn, vocabulary.end_of_turn);
}

}  // namespace
}  // namespace fulmar
