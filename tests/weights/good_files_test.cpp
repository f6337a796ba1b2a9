// Files as they should be: what is written comes back, number by number.
#include <gtest/gtest.h>

#include <thread>

#include "base/half.h"
#include "weights/ggml_writers.h"
#include "weights/source.h"

namespace fulmar {
namespace {

using test::Pickle, test::TempFile, test::raw;

std::vector<float> numbers(const Source& source, std::string_view name) {
  return to_floats(source.load(name));
}

// Bytes of `count` elements that decode to 1, 2, 3, ... in any type.
struct Typed {
  const char* safetensors_name;
  const char* storage_name;
  Format format;
  std::string bytes;
};
template <typename T>
std::string counted() {
  return raw(std::vector<T>{1, 2, 3, 4, 5, 6});
}
std::string counted_halves(uint16_t (*convert)(float)) {
  std::vector<uint16_t> halves;
  for (int i = 1; i <= 6; ++i) halves.push_back(convert(static_cast<float>(i)));
  return raw(halves);
}
std::vector<Typed> all_types() {
  return {{"F64", "DoubleStorage", Format::f64, counted<double>()},
          {"F32", "FloatStorage", Format::f32, counted<float>()},
          {"F16", "HalfStorage", Format::f16, counted_halves(f32_to_f16)},
          {"BF16", "BFloat16Storage", Format::bf16, counted_halves(f32_to_bf16)},
          {"I64", "LongStorage", Format::i64, counted<int64_t>()},
          {"I32", "IntStorage", Format::i32, counted<int32_t>()},
          {"I16", "ShortStorage", Format::i16, counted<int16_t>()},
          {"I8", "CharStorage", Format::s8, counted<int8_t>()},
          {"U8", "ByteStorage", Format::u8, counted<uint8_t>()},
          {"BOOL", "BoolStorage", Format::boolean, counted<uint8_t>()}};
}

const std::vector<float> one_to_six{1, 2, 3, 4, 5, 6};

TEST(Safetensors, EveryTypeComesBackAtAnyAlignment) {
  for (const Typed& type : all_types())
    for (const char* padding : {"", " "}) {  // the data then starts at an odd byte
      const std::string header = std::string(R"({"__metadata__":{"gn_eps":"1e-5"},"a\u00e9.b":{"dtype":")") +
                                 type.safetensors_name + R"(","shape":[2,1,3],"data_offsets":[0,)" +
                                 std::to_string(type.bytes.size()) + "]}}" + padding;
      const TempFile file(test::safetensors(header, type.bytes), "no.extension");
      const SourcePtr source = open_weights(file.path());
      EXPECT_EQ(source->names(), std::vector<std::string>{"a\u00e9.b"});
      EXPECT_EQ(source->info("a\u00e9.b")->format, type.format) << type.safetensors_name;
      EXPECT_EQ(source->info("a\u00e9.b")->shape, (Shape{2, 1, 3}));
      EXPECT_EQ(numbers(*source, "a\u00e9.b"), one_to_six) << type.safetensors_name;
      EXPECT_EQ(source->metadata("gn_eps"), "1e-5");
      EXPECT_EQ(source->metadata("format"), std::nullopt);
      EXPECT_FALSE(source->info("a"));
    }
}

TEST(Safetensors, AHeaderWhoseLengthLooksLikeAPickleIsRead) {
  for (const std::size_t length : {640, 896, 1152, 1408}) {
    std::string header = R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    header.resize(length, ' ');
    const TempFile file(test::safetensors(header, "x"));
    EXPECT_EQ(open_weights(file.path())->names(), std::vector<std::string>{"t"}) << length;
  }
}

TEST(Safetensors, EmptyTensorsAndScalarsAreTensorsToo) {
  const TempFile file(test::safetensors(R"({"none":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]},)"
                                        R"("one":{"shape":[],"data_offsets":[0,4],"dtype":"F32"}})",
                                        raw<float>({2.5f})));
  const SourcePtr source = open_weights(file.path());
  EXPECT_TRUE(numbers(*source, "none").empty());
  EXPECT_EQ(numbers(*source, "one"), std::vector<float>{2.5f});
}

TEST(Pth, EveryTypeComesBack) {
  for (const Typed& type : all_types()) {
    const std::string pickle =
        Pickle().op("}(").tensor("w", type.storage_name, "0", 6, 0, {2, 3}, {3, 1}).op("u").stop();
    for (const bool zip64 : {false, true}) {
      const TempFile file(test::zip(test::pth_entries(pickle, {type.bytes}), {.zip64 = zip64}),
                          "weights.safetensors");
      const SourcePtr source = open_weights(file.path());
      EXPECT_EQ(source->info("w")->format, type.format) << type.storage_name;
      EXPECT_EQ(source->info("w")->shape, (Shape{2, 3}));
      EXPECT_EQ(numbers(*source, "w"), one_to_six) << type.storage_name;
    }
  }
}

TEST(Pth, StridesOffsetsAndSharedStoragesAreFollowed) {
  const std::string pickle = Pickle()
                                 .op("}(")
                                 .tensor("transposed", "FloatStorage", "0", 8, 0, {2, 4}, {1, 2})
                                 .tensor("tail", "FloatStorage", "0", 8, 5, {3}, {1})
                                 .tensor("every other row", "FloatStorage", "0", 8, 1, {2, 1, 2}, {4, 99, 1})
                                 .tensor("permuted", "FloatStorage", "0", 8, 0, {2, 2, 2}, {1, 4, 2})
                                 .tensor("scalar", "FloatStorage", "0", 8, 7, {}, {})
                                 .tensor("empty", "FloatStorage", "0", 8, 0, {3, 0}, {1, 1})
                                 .op("u")
                                 .stop();
  const TempFile file(test::zip(test::pth_entries(pickle, {raw<float>({0, 1, 2, 3, 4, 5, 6, 7})})));
  const SourcePtr source = open_weights(file.path());
  EXPECT_EQ(numbers(*source, "transposed"), (std::vector<float>{0, 2, 4, 6, 1, 3, 5, 7}));
  EXPECT_EQ(numbers(*source, "tail"), (std::vector<float>{5, 6, 7}));
  EXPECT_EQ(numbers(*source, "every other row"), (std::vector<float>{1, 2, 5, 6}));
  EXPECT_EQ(numbers(*source, "permuted"), (std::vector<float>{0, 2, 4, 6, 1, 3, 5, 7}));
  EXPECT_EQ(numbers(*source, "scalar"), std::vector<float>{7});
  EXPECT_TRUE(numbers(*source, "empty").empty());
}

TEST(Pth, CheckpointsOfModulesAndTrainersAreUnderstood) {
  // state_dict() is an OrderedDict with an attribute `_metadata`; trainers nest it beside numbers, lists and
  // None.
  Pickle pickle(4);
  pickle.op("\x95").op(test::little(0, 8)).op("}(");  // FRAME
  pickle.text("step").number(-7).text("loss").op("G").op(test::little(0, 8)).text("none").op("N");
  pickle.text("betas").op("](").number(1).number(2).op("eM").op(test::little(300, 2)).op("a");
  pickle.text("model").op(
      "\x8c\x0b"
      "collections"
      "\x8c\x0b"
      "OrderedDict"
      "\x93)R\x94(");  // STACK_GLOBAL, MEMOIZE
  pickle.tensor("w", "FloatStorage", "0", 2, 0, {2}, {1}).op("u");
  pickle.text("bias").global("torch._utils", "_rebuild_parameter").op("(");
  pickle.global("torch._utils", "_rebuild_tensor").op("(").storage("FloatStorage", "0", 2).number(1);
  pickle.op("K\x01\x85K\x01\x85tR\x88}tRs");   // shape (1,), strides (1,); the parameter; SETITEM
  pickle.text("gain").global("torch._utils", "_rebuild_parameter_with_state").op("(");
  pickle.global("torch._utils", "_rebuild_tensor").op("(").storage("FloatStorage", "0", 2).number(0);
  pickle.op("K\x01\x85K\x01\x85tR\x88}}tRs");  // with attributes of its own
  pickle.op("}").text("_metadata").op("}sb");  // BUILD
  pickle.text("again").op("h").op(std::string(1, '\0')).op("u");  // BINGET: the same dictionary
  const TempFile file(test::zip(test::pth_entries(pickle.stop(), {raw<float>({3, 4})})));
  const SourcePtr source = open_weights(file.path());
  EXPECT_EQ(source->names(), (std::vector<std::string>{"model.w", "model.bias", "model.gain", "again.w",
                                                       "again.bias", "again.gain"}));
  EXPECT_EQ(numbers(*source, "model.gain"), std::vector<float>{3});
  EXPECT_EQ(numbers(*source, "model.w"), (std::vector<float>{3, 4}));
  EXPECT_EQ(numbers(*source, "again.bias"), std::vector<float>{4});
}

// Settings as Lightning, DeepSpeed and their like pickle them: objects of classes that are not here.
TEST(Pth, ATrainersSettingsBesideTheWeightsArePassedOver) {
  Pickle pickle;
  pickle.op("}(").text("hyper_parameters").global("argparse", "Namespace").op(")\x81}(");  // NEWOBJ
  pickle.text("lr")
      .op("G")
      .op(test::little(0, 8))
      .text("path")
      .global("pathlib", "PosixPath")
      .op("(")
      .text("a")
      .op("tR");
  pickle.text("seen").global("__builtin__", "set").op("](NNe\x85Rub");  // BUILD
  pickle.text("callbacks")
      .op("}(")
      .global("lightning.callbacks", "Checkpoint")
      .op("}")
      .text("best")
      .op("Nsu");
  pickle.text("counts").global("collections", "defaultdict").global("__builtin__", "int").op("\x85R");
  pickle.text("seen").op("K\x07s");  // SETITEM on an object
  pickle.text("raw").global("_codecs", "encode").op("(").text("x").text("latin1").op("tR");
  pickle.text("numpy").global("numpy.core.multiarray", "scalar").op("(").global("numpy", "dtype").op("(");
  pickle.text("f8")
      .number(0)
      .number(1)
      .op("tR(")
      .number(3)
      .text("<")
      .op("NNNJ")
      .op(test::little(0xffffffff, 4))
      .op("tb");
  pickle.text("12345678").op("tR").text("state_dict").op("}(");
  pickle.tensor("emb.weight", "FloatStorage", "0", 2, 0, {2}, {1}).op("uu");
  const TempFile file(test::zip(test::pth_entries(pickle.stop(), {raw<float>({3, 4})})));
  const SourcePtr source = open_weights(file.path());
  EXPECT_EQ(source->names(), std::vector<std::string>{"state_dict.emb.weight"});
  EXPECT_EQ(numbers(*source, "state_dict.emb.weight"), (std::vector<float>{3, 4}));
}

TEST(LegacyPth, StoragesAreFoundInTheOrderOfTheirList) {
  const std::string pickle = Pickle()
                                 .op("}(")
                                 .tensor("b", "HalfStorage", "77", 2, 0, {2}, {1})
                                 .tensor("a", "FloatStorage", "5", 6, 0, {3, 2}, {1, 3})
                                 .tensor("again", "FloatStorage", "5", 6, 4, {2}, {1})
                                 .op("u")
                                 .stop();
  const std::string halves = raw(std::vector<uint16_t>{f32_to_f16(7), f32_to_f16(-8)});
  const TempFile file(test::legacy_pth(pickle, {{"5", 6, counted<float>()}, {"77", 2, halves}}), "old.pth");
  const SourcePtr source = open_weights(file.path());
  EXPECT_EQ(source->names(), (std::vector<std::string>{"b", "a", "again"}));
  EXPECT_EQ(numbers(*source, "a"), (std::vector<float>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(numbers(*source, "b"), (std::vector<float>{7, -8}));
  EXPECT_EQ(numbers(*source, "again"), (std::vector<float>{5, 6}));
}

TEST(Pth, ThreadsMayLoadAtOnce) {
  const std::string pickle =
      Pickle().op("}(").tensor("t", "FloatStorage", "0", 6, 0, {3, 2}, {1, 3}).op("u").stop();
  const TempFile file(test::zip(test::pth_entries(pickle, {counted<float>()})));
  const SourcePtr source = open_weights(file.path());
  std::vector<std::vector<float>> loaded(4);
  {
    std::vector<std::jthread> threads;
    for (auto& out : loaded) threads.emplace_back([&] { out = numbers(*source, "t"); });
  }
  for (const auto& out : loaded) EXPECT_EQ(out, (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

TEST(Weights, ATensorOutlivesItsSourceAndTheReleaseOfItsPages) {
  std::string data(1 << 16, '\x11');
  const TempFile file(
      test::safetensors(R"({"t":{"dtype":"U8","shape":[65536],"data_offsets":[0,65536]}})", data));
  SourcePtr source = open_weights(file.path());
  const Tensor tensor = source->load("t");
  source->release("t");
  source.reset();
  for (const std::byte b : tensor.data) ASSERT_EQ(b, std::byte{0x11});
}

}  // namespace
}  // namespace fulmar
