// Damaged and hostile files: each is refused with a message that says what is wrong, in bounded memory.
#include <gtest/gtest.h>

#include <functional>

#include "fulmar/error.h"
#include "weights/hostile.h"
#include "weights/source.h"
#include "weights/writers.h"

namespace fulmar {
namespace {

using test::Hostile, test::expect_refused, test::Pickle, test::TempFile, test::little, test::pth_entries,
    test::safetensors, test::zip;

// A safetensors file of one tensor `t` whose entry has these fields, with 16 bytes of data.
std::string with_fields(const std::string& fields) {
  return safetensors("{\"t\":{" + fields + "}}", std::string(16, 'x'));
}
std::string with_numbers(const std::string& shape, const std::string& offsets) {
  return with_fields(R"("dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets);
}

TEST(HostileWeights, FilesThatAreNoModels) {
  for (const Hostile& file : std::vector<Hostile>{
           {"zero bytes", "", "the file is empty"},
           {"one byte", "x", "is no safetensors, .pth, GGUF or rwkv.cpp file"},
           {"text", "hello, this is no model at all", "is no safetensors, .pth, GGUF or rwkv.cpp file"},
           {"pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"},
           {"old ggml", "lmgg" + little(1, 4) + "{", "an older ggml", ErrorKind::unsupported},
           {"another pickle", "\x80\x02\x8a\x0al\xfc\x9c", "is a pickle, but not one of torch.save"},
           {"empty zip", zip({}), "is no safetensors, .pth, GGUF or rwkv.cpp file"},
       })
    expect_refused(file);
}

TEST(HostileWeights, FoldersAndMissingFilesAreNamed) {
  const auto message = [](const std::filesystem::path& path, ErrorKind kind) -> std::string {
    try {
      open_weights(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind);
      return error.what();
    }
    return "nothing was thrown";
  };
  const TempFile file("x");
  EXPECT_EQ(message(file.path().parent_path(), ErrorKind::bad_file),
            file.path().parent_path().string() +
                ": is a folder without model.safetensors.index.json, model.safetensors, "
                "pytorch_model.bin.index.json, pytorch_model.bin: name the model file itself");
  EXPECT_EQ(message("no/such.pth", ErrorKind::not_found), "no/such.pth: no such file");
}

TEST(HostileWeights, SafetensorsHeaders) {
  const std::string t = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  for (const Hostile& file : std::vector<Hostile>{
           {"length past the end", little(1 << 20, 8) + "{}",
            "claims 1048576 bytes, but the file holds only 2 more"},
           {"length of 2^64-1", little(~uint64_t{0}, 8) + "{}", "but the file holds only 2 more"},
           {"no JSON", safetensors("{,}", ""), "not valid JSON near byte 9"},
           {"cut short", safetensors("{\"t\":{\"dtype\":", ""), "not valid JSON"},
           {"length of zero", little(0, 8) + "{}", "not valid JSON"},
           {"goes on", safetensors("{}{}", ""), "goes on after its JSON object"},
           {"deep JSON", safetensors("{\"t\":" + std::string(100000, '['), ""), "is not an object"},
           {"deep objects", safetensors("{\"t\":{\"shape\":{\"a\":{\"a\":1}}}}", ""), "damaged \"shape\""},
           {"deep arrays", with_numbers("[[[[[[1]]]]]]", "[0,4]"), "damaged \"shape\""},
           {"entry is a number", safetensors("{\"t\":7}", ""), "entry for t is not an object"},
           {"entry is a list", safetensors("{\"t\":[1]}", ""), "entry for t is not an object"},
           {"bad UTF-8", safetensors("{\"\xff\":" + t + "}", "x"), "not valid JSON"},
           {"long name", safetensors("{\"" + std::string(300, 'n') + "\":" + t + "}", "x"),
            "name is longer than 256 bytes"},
           {"very long name", safetensors("{\"" + std::string(5000, 'n') + "\":" + t + "}", "x"),
            "not valid JSON"},
           {"metadata number", safetensors(R"({"__metadata__":{"a":1}})", ""),
            "metadata's \"a\" is not a string"},
           {"metadata object", safetensors(R"({"__metadata__":{"a":{}}})", ""),
            "metadata's \"a\" is not a string"},
           {"metadata twice", safetensors(R"({"__metadata__":{"a":"1","a":"2"}})", ""), "has \"a\" twice"},
           {"two of a name", safetensors("{\"t\":" + t + ",\"t\":" + t + "}", "x"),
            "two tensors are named t"},
           {"overlap",
            safetensors(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                        R"("b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]}})",
                        "12345"),
            "a and b overlap"},
           {"no dtype", with_fields(R"("shape":[4],"data_offsets":[0,16])"), "t lacks \"dtype\""},
           {"no shape", with_fields(R"("dtype":"F32","data_offsets":[0,16])"), "t lacks \"shape\""},
           {"no offsets", with_fields(R"("dtype":"F32","shape":[4])"), "t lacks \"data_offsets\""},
           {"field twice", with_fields(R"("dtype":"F32","dtype":"F16")"), "has \"dtype\" twice"},
           {"unknown field", with_fields(R"("dtype":"F32","run":"rm")"), "unknown field \"run\""},
           {"dtype is a number", with_fields(R"("dtype":4)"),
            "damaged \"dtype\" in the header: expected a string"},
           {"shape is a string", with_numbers("\"4\"", "[0,16]"), "damaged \"shape\""},
           {"shape of strings", with_numbers("[\"4\"]", "[0,16]"), "damaged \"shape\""},
           {"negative shape", with_numbers("[-4]", "[0,16]"),
            "damaged \"shape\" in the header: expected a list of whole"},
           {"float shape", with_numbers("[4.0]", "[0,16]"), "damaged \"shape\""},
           {"huge float shape", with_numbers("[1e300]", "[0,16]"), "damaged \"shape\""},
           {"shape past 64 bits", with_numbers("[99999999999999999999]", "[0,16]"), "damaged \"shape\""},
           {"null shape", with_numbers("null", "[0,16]"), "damaged \"shape\""},
           {"true in shape", with_numbers("[true]", "[0,16]"), "damaged \"shape\""},
           {"many dimensions", with_numbers("[1,1,1,1,1,1,1,1,1]", "[0,4]"), "more than 8 numbers"},
           {"product overflows", with_numbers("[4294967296,4294967296,4]", "[0,16]"),
            "more than any file holds"},
           {"product wraps to fit", with_numbers("[4611686018427387905,4]", "[0,16]"),
            "more than any file holds"},
           {"negative offset", with_numbers("[4]", "[-16,0]"), "damaged \"data_offsets\""},
           {"one offset", with_numbers("[4]", "[16]"), "has 1 data_offsets, expected 2"},
           {"three offsets", with_numbers("[4]", "[0,16,16]"), "has 3 data_offsets, expected 2"},
           {"ends before it begins", with_numbers("[4]", "[16,0]"), "ends at 0, before it begins at 16"},
           {"past the file", with_numbers("[5]", "[0,20]"), "the file holds only 16: is it cut short?"},
           {"far past the file", with_numbers("[4]", "[18446744073709551599,18446744073709551615]"),
            "the file holds only 16"},
           {"too short for its shape", with_numbers("[4]", "[0,12]"),
            "t has 12 bytes, but [4] of F32 take 16"},
           {"too long for its shape", with_numbers("[3]", "[0,16]"),
            "t has 16 bytes, but [3] of F32 take 12"},
           {"fp8", with_fields(R"("dtype":"F8_E4M3","shape":[16],"data_offsets":[0,16])"),
            "type F8_E4M3, which is not supported", ErrorKind::unsupported},
       })
    expect_refused(file);
}

// A good archive of one tensor, and changes to it.
std::string dictionary(const std::function<void(Pickle&)>& fill) {
  Pickle pickle;
  pickle.op("}(");
  fill(pickle);
  return pickle.op("u").stop();
}
std::string good_pickle() {
  return dictionary([](Pickle& p) { p.tensor("w", "FloatStorage", "0", 4, 0, {4}, {1}); });
}
const std::string four_floats(16, '\0');

TEST(HostileWeights, ZipArchives) {
  const std::vector<test::ZipEntry> good = pth_entries(good_pickle(), {four_floats});
  const auto changed = [&](std::size_t which, const std::function<void(test::ZipEntry&)>& change) {
    auto entries = good;
    change(entries[which]);
    return zip(entries);
  };
  auto twice = good;
  twice.push_back(good[1]);
  for (const Hostile& file : std::vector<Hostile>{
           {"only the magic", "PK\3\4", "no directory at its end"},
           {"compressed", changed(1, [](auto& e) { e.method = 8; }), "is compressed (method 8)",
            ErrorKind::unsupported},
           {"encrypted", changed(0, [](auto& e) { e.flags = 1; }), "is encrypted", ErrorKind::unsupported},
           {"listed twice", zip(twice), "lists archive/data/0 twice"},
           {"sizes differ", changed(1, [](auto& e) { e.packed = 8; }), "claims 16 bytes stored as 8"},
           {"size runs over", changed(1, [](auto& e) { e.size = e.packed = 4096; }),
            "runs into what comes next"},
           {"size of 2^32-1", changed(1, [](auto& e) { e.size = e.packed = 0xffffffff; }),
            "runs into what comes next"},
           {"last size runs over", changed(2, [](auto& e) { e.size = e.packed = 3; }),
            "runs into what comes next"},
           {"offset past the end", changed(1, [](auto& e) { e.offset = 1 << 24; }),
            "where the archive's directory says"},
           {"offset beside it", changed(1, [](auto& e) { e.offset = 3; }), "runs into what comes next"},
           {"offset of another", changed(1, [](auto& e) { e.offset = 0; }), "runs into what comes next"},
           {"names differ", changed(1, [](auto& e) { e.local_name = "archive/data/1"; }),
            "another name where it lies"},
           {"too many entries", zip(good, {.entries = 999}), "claims 999 entries, more than its directory"},
           {"one entry too many", zip(good, {.entries = 4}), "claims 4 entries, more than its directory"},
           {"directory too long", zip(good, {.directory_size = 1 << 20}), "lies outside the file"},
           {"directory past the end", zip(good, {.directory_offset = 0xfffffff0}), "lies outside the file"},
           {"directory elsewhere", zip(good, {.directory_offset = 8}), "directory is damaged at entry 0"},
           {"2^60 entries", zip(good, {.zip64 = true, .entries = uint64_t{1} << 60}),
            "claims 1152921504606846976 entries"},
           {"directory wraps", zip(good, {.zip64 = true, .directory_offset = ~uint64_t{0} - 8}),
            "lies outside the file"},
           {"no pickle", zip({{"archive/data/0", "x"}}), "has no data.pkl"},
           {"TorchScript", zip({good[0], {"archive/constants.pkl", ""}, good[1]}), "TorchScript",
            ErrorKind::unsupported},
           {"big-endian", zip({good[0], {"archive/byteorder", "big"}, good[1]}), "big-endian",
            ErrorKind::unsupported},
       })
    expect_refused(file);
}

TEST(HostileWeights, ArchivesCutAnywhereAreRefused) {
  const std::string whole = zip(pth_entries(good_pickle(), {four_floats}));
  const std::string with_zip64 = zip(pth_entries(good_pickle(), {four_floats}), {.zip64 = true});
  for (const std::string& bytes : {whole, with_zip64})
    // Every length near the end, where the directory is; every fifth before it.
    for (std::size_t length = 4; length < bytes.size(); length += length + 150 < bytes.size() ? 5 : 1)
      expect_refused({"cut at " + std::to_string(length), bytes.substr(0, length), ": "});
}

TEST(HostileWeights, SafetensorsCutAnywhereAreRefused) {
  const std::string whole = with_numbers("[2,2]", "[0,16]");
  for (std::size_t length = 0; length < whole.size(); ++length)
    expect_refused({"cut at " + std::to_string(length), whole.substr(0, length), ": "});
}

// Every byte of a good archive, turned: either still good (data, dates) or refused, never a crash.
TEST(HostileWeights, OneWrongByteNeverCrashes) {
  const TempFile file("");
  for (const std::string& whole :
       {zip(pth_entries(good_pickle(), {four_floats})), with_numbers("[2,2]", "[0,16]")})
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ (i % 3 == 0 ? 0xff : 1 << (i % 8)));
      file.rewrite(bytes);
      try {
        const SourcePtr source = open_weights(file.path());
        for (const std::string& name : source->names()) source->load(name);
      } catch (const Error& error) {
        EXPECT_NE(error.kind(), ErrorKind::internal) << error.what();
      }
    }
}

}  // namespace
}  // namespace fulmar
