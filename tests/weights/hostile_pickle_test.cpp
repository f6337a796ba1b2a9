// Hostile pickles: nothing runs, nothing grows without bound, and the message names what was asked for.
#include <gtest/gtest.h>

#include <functional>

#include "fulmar/error.h"
#include "weights/hostile.h"
#include "weights/writers.h"

namespace fulmar {
namespace {

using test::Pickle, test::TempFile, test::little;

void expect_refused(const std::string& name, const std::string& pickle, const std::string& message,
                    ErrorKind kind = ErrorKind::bad_file) {
  test::expect_refused({name, test::zip(test::pth_entries(pickle, {std::string(16, '\0')})), message, kind});
}

// {"w": tensor} over a storage of four floats.
std::string one(int64_t elements, int64_t offset, const std::vector<int64_t>& shape,
                const std::vector<int64_t>& strides, std::string_view key = "0",
                std::string_view type = "FloatStorage") {
  return Pickle().op("}(").tensor("w", type, key, elements, offset, shape, strides).op("u").stop();
}

TEST(HostilePickle, NothingInItIsEverRun) {
  const auto call = [](std::string_view module, std::string_view name) {
    return Pickle().global(module, name).op("(").text("touch owned").op("tR").stop();
  };
  expect_refused("os.system", call("os", "system"), "refuses to run os.system");
  expect_refused("posix.system", call("posix", "system"), "refuses to run posix.system");
  expect_refused("eval", call("builtins", "eval"), "refuses to run builtins.eval");
  expect_refused("torch.load", call("torch", "load"), "refuses to run torch.load");
  expect_refused("a look-alike", call("torch._utils.x", "_rebuild_tensor_v2"),
                 "refuses to run torch._utils.x._rebuild");
  expect_refused("a dotted name", call("collections", "OrderedDict.__class__"),
                 "holds an object of collections.OrderedDict.__class__");
  expect_refused("not UTF-8", call("\xff", "\xfe"), "holds an object of \xef\xbf\xbd.\xef\xbf\xbd");
  expect_refused("a whole module", call("rwkv.model", "RWKV"),
                 "an object of rwkv.model.RWKV and no dictionary of tensors: where it was made, save it with "
                 "torch.save(model.state_dict(), file)");
  expect_refused("by the stack", Pickle(4).op("\x8c\x02os\x8c\x06system\x93)R").stop(),
                 "refuses to run os.system");
  expect_refused("a type called", Pickle().global("torch", "FloatStorage").op(")R").stop(),
                 "calls FloatStorage");
  for (const std::string code : {"i", "o", "\x82\x01", "P0\n", "I1\n", "\x97", "\xff"})
    expect_refused("instruction", Pickle().op("}").op(code).stop(), "an instruction 0x");
}

// A call among settings is refused too, where it is one that no trainer makes.
TEST(HostilePickle, ACallBesideTheWeightsIsRefused) {
  const auto beside = [](std::string_view module, std::string_view name) {
    Pickle pickle;
    pickle.op("}(").tensor("w", "FloatStorage", "0", 4, 0, {4}, {1});
    return pickle.text("settings").global(module, name).op("(").text("touch owned").op("tRu").stop();
  };
  for (const auto& [module, name] :
       {std::pair("os", "system"), std::pair("posix", "system"), std::pair("os.path", "join"),
        std::pair("subprocess", "Popen"), std::pair("builtins", "exec"), std::pair("__builtin__", "eval"),
        std::pair("torch._inductor", "compile"), std::pair("torch.storage", "_load_from_bytes")})
    expect_refused(name, beside(module, name), std::string("refuses to run ") + module + "." + name);
}

TEST(HostilePickle, TensorsOfOtherKindsAreNoAttackAndSayHowToSaveThem) {
  for (const auto& [module, name] : {std::pair("torch._tensor", "_rebuild_from_type_v2"),
                                     std::pair("torch._utils", "_rebuild_sparse_tensor")})
    expect_refused(name, Pickle().op("}(").text("w").global(module, name).op(")Ru").stop(),
                   std::string("of a kind that ") + module + "." + name + " makes: where it was made, save it",
                   ErrorKind::unsupported);
}

TEST(HostilePickle, AModelConvertedForOneStrategyIsRefusedByName) {
  Pickle pickle;
  pickle.op("}(").tensor("w", "FloatStorage", "0", 4, 0, {4}, {1});
  pickle.text("_strategy").text("cuda fp16i8 *20 -> cpu fp32").text("_version").text("0.7");
  expect_refused("ChatRWKV's", pickle.op("u").stop(),
                 "was converted by ChatRWKV for its strategy \"cuda fp16i8 *20 -> cpu fp32\"",
                 ErrorKind::unsupported);
}

TEST(HostilePickle, DamagedStacksAndMemosAreRefused) {
  expect_refused("nothing", "", "ends too early");
  expect_refused("stop at once", Pickle().stop(), "takes a value that is not there");
  expect_refused("cut in a text", Pickle().op("X").op(little(0xffffffff, 4)).stop(), "ends too early");
  expect_refused("text of 2^64-1", Pickle(4).op("\x8d").op(little(~uint64_t{0}, 8)).stop(), "ends too early");
  expect_refused("long frame", Pickle(4).op("\x95").op(little(1 << 20, 8)).stop(),
                 "frame of the pickle runs past");
  expect_refused("protocol 9", Pickle(9).op("}").stop(), "protocol 9", ErrorKind::unsupported);
  expect_refused("long number", Pickle().op("\x8a\xff").op(std::string(255, 'x')).stop(),
                 "a number of 255 bytes");
  expect_refused("endless name", Pickle().op("c").op(std::string(1000, 'x')).stop(), "a name without an end");
  expect_refused("list that never began", Pickle().op("}u").stop(), "that never began");
  expect_refused("takes below a mark", Pickle().op("N(R").stop(), "takes a value that is not there");
  expect_refused("key without a value", Pickle().op("}(Nu").stop(), "a key without a value");
  expect_refused("puts nothing", Pickle().op("q").op(std::string(1, '\0')).stop(),
                 "remembers a value that is not there");
  expect_refused("gets nothing", Pickle().op("h\x05").stop(), "recalls slot 5, which it never filled");
  expect_refused("memo of 2^32", Pickle().op("}r").op(little(0xffffffff, 4)).stop(), "past the limit");
  expect_refused("items of a number", Pickle().op("K\x01(NNu").stop(), "a number where a dictionary belongs");
  expect_refused("attributes of a number", Pickle().op("K\x01}b").stop(),
                 "a number where a dictionary belongs");
  expect_refused("items of a list that is no set", Pickle().op("](N\x90").stop(),
                 "a list where an object belongs");
  expect_refused("items of no set", Pickle().op("(N\x90").stop(), "items of nothing");
  expect_refused("an object of nothing", Pickle().op("}\x81").stop(), "takes a value that is not there");
  expect_refused("an object of a number", Pickle().op("K\x01)\x81").stop(),
                 "a number where a function belongs");
  expect_refused("an object as a shape",
                 Pickle()
                     .global("torch._utils", "_rebuild_tensor_v2")
                     .op("(")
                     .storage("FloatStorage", "0", 4)
                     .number(0)
                     .global("torch", "Size")
                     .op(")R)tR")
                     .stop(),
                 "an object where a tuple belongs");
  expect_refused("attributes of nothing", Pickle().op("}b").stop(), "attributes of nothing");
  expect_refused("a list", Pickle().op("]").stop(), "holds a list, expected a dictionary");
  expect_refused("OrderedDict of things", Pickle().global("collections", "OrderedDict").op("N\x85R").stop(),
                 "OrderedDict arguments");
}

TEST(HostilePickle, BombsAndCyclesStaySmall) {
  expect_refused("a dictionary in itself", Pickle().op("}q\x01").text("a").op("h\x01s").stop(),
                 "nests dictionaries more than 16 deep");
  Pickle laughs;  // each dictionary holds the one before ten times
  laughs.op("}q").op(std::string(1, '\0'));
  for (char level = 1; level < 14; ++level) {
    laughs.op("}(");
    for (char i = 0; i < 10; ++i)
      laughs.op("K").op(std::string(1, i)).op("h").op(std::string(1, static_cast<char>(level - 1)));
    laughs.op("uq").op(std::string(1, level));
  }
  expect_refused("a billion laughs", laughs.stop(), "dictionaries hold more than 1048576 values");
  expect_refused("many values", Pickle().op(std::string(3'000'000, ')')).stop(), "stack grows past");
  std::string pops;
  for (int i = 0; i < 1'100'000; ++i) pops += "}0";
  expect_refused("many values, dropped", Pickle().op(pops).stop(), "builds more than 1048576 values");
  expect_refused("many marks", Pickle().op(std::string(5000, '(')).stop(), "nests more than 1024 deep");
  expect_refused(
      "long name",
      Pickle().op("}(").tensor(std::string(300, 'n'), "FloatStorage", "0", 4, 0, {4}, {1}).op("u").stop(),
      "name is longer than 256 bytes");
}

TEST(HostilePickle, TensorsThatLieAboutTheirStorage) {
  expect_refused("no entry", one(4, 0, {4}, {1}, "7"),
                 "w lies in archive/data/7, which the archive does not have");
  expect_refused("path as key", one(4, 0, {4}, {1}, "../../etc/passwd"), "which the archive does not have");
  expect_refused("storage too long", one(5, 0, {4}, {1}),
                 "storage of 5 elements, but archive/data/0 holds only 4");
  expect_refused("negative storage", one(-1, 0, {4}, {1}), "storage 0 has -1 elements");
  expect_refused("shape too long", one(4, 0, {5}, {1}),
                 "reaches to element 5, but archive/data/0 holds only 4");
  expect_refused("offset too far", one(4, 1, {4}, {1}), "reaches to element 5");
  expect_refused("offset of 2^63-1", one(4, INT64_MAX, {1}, {1}), "reaches ");
  expect_refused("scalar past the end", one(4, INT64_MAX, {}, {}), "reaches to element 9223372036854775808");
  expect_refused("negative offset", one(4, -1, {4}, {1}), "w has -1 in its offset: it must not be negative");
  expect_refused("negative shape", one(4, 0, {-4}, {1}), "w has -4 in its shape");
  expect_refused("negative stride", one(4, 3, {4}, {-1}), "w has -1 in its stride");
  expect_refused("stride too long", one(4, 0, {2, 2}, {3, 1}), "reaches to element 5");
  expect_refused("stride overflows", one(4, 0, {5, 2}, {INT64_MAX / 2, 1}), "reaches further than any file");
  expect_refused("strides wrap to fit", one(4, 0, {3, 3}, {INT64_MAX, INT64_MAX}),
                 "reaches further than any file");
  expect_refused("shape overflows", one(4, 0, {int64_t{1} << 40, int64_t{1} << 40}, {0, 0}),
                 "more than any file holds");
  expect_refused("repeats one element", one(4, 0, {1 << 30}, {0}),
                 "repeats elements of its storage: save it with .contiguous()");
  expect_refused("fewer strides", one(4, 0, {2, 2}, {1}), "has 2 dimensions and 1 strides");
  expect_refused("many dimensions", one(4, 0, std::vector<int64_t>(9, 1), std::vector<int64_t>(9, 1)),
                 "a tensor of 9 dimensions");
  expect_refused("complex", one(2, 0, {2}, {1}, "0", "ComplexFloatStorage"),
                 "w is of type ComplexFloatStorage", ErrorKind::unsupported);
  expect_refused("two of a name",
                 Pickle()
                     .op("}(")
                     .tensor("w", "FloatStorage", "0", 4, 0, {4}, {1})
                     .tensor("w", "FloatStorage", "0", 4, 0, {4}, {1})
                     .op("u")
                     .stop(),
                 "two tensors are named w");
  expect_refused("name is None", Pickle().op("}(N").op("}u").stop(), "has None as a tensor's name");
  expect_refused("name is no UTF-8", Pickle().op("}(").text("\xff").op("Nu").stop(),
                 "text that is not UTF-8");
  expect_refused("shape is a text",
                 Pickle()
                     .global("torch._utils", "_rebuild_tensor_v2")
                     .op("(")
                     .storage("FloatStorage", "0", 4)
                     .number(0)
                     .text("4")
                     .text("1")
                     .op("tR")
                     .stop(),
                 "a string where a tuple belongs");
  expect_refused(
      "storage is a text",
      Pickle().global("torch._utils", "_rebuild_tensor_v2").op("(").text("0").number(0).op("))tR").stop(),
      "a string where a storage belongs");
  expect_refused("two arguments", Pickle().global("torch._utils", "_rebuild_tensor_v2").op("NN\x86R").stop(),
                 "from 2 arguments, expected 4");
  expect_refused("storage of a function",
                 Pickle()
                     .op("(")
                     .text("storage")
                     .global("collections", "OrderedDict")
                     .text("0")
                     .text("cpu")
                     .number(4)
                     .op("tQ")
                     .stop(),
                 "a storage of type OrderedDict");
  expect_refused("no storage", Pickle().op("(").text("module").op("NNNNtQ").stop(),
                 "something that is not a storage");
  expect_refused("parameter of nothing",
                 Pickle().global("torch._utils", "_rebuild_parameter").op(")R").stop(),
                 "a parameter without a tensor");
}

}  // namespace
}  // namespace fulmar
