// Trained models of others, where they lie beside the source tree: containers must agree about them.
#include <gtest/gtest.h>

#include <algorithm>

#include "fulmar/error.h"
#include "weights/source.h"

namespace fulmar {
namespace {

std::filesystem::path models() {
  return std::filesystem::path(FULMAR_SOURCE_DIR) / ".." / "shared" / "models";
}

// Every tensor of `a` is in `b` and the other way round, with the same numbers.
void expect_equal(const Source& a, const Source& b) {
  std::vector<std::string> names = a.names(), others = b.names();
  std::sort(names.begin(), names.end());
  std::sort(others.begin(), others.end());
  ASSERT_EQ(names, others);
  ASSERT_GT(names.size(), 100u);
  for (const std::string& name : names) {
    const Tensor left = a.load(name), right = b.load(name);
    ASSERT_EQ(left.shape, right.shape) << name;
    ASSERT_EQ(to_floats(left), to_floats(right)) << name;
  }
}

TEST(RealModels, PthAndSafetensorsOfOneModelHoldTheSameNumbers) {
  for (const auto& [pth, safetensors] :
       {std::pair("tiny-rwkv-7v0/tiny-rwkv-7v0-834K.pth", "tiny-rwkv-7v0/tiny-rwkv-7v0-834K.safetensors"),
        std::pair("reverse-rwkv7/reverse-L4-D128-N64-f16.pth",
                  "reverse-rwkv7/reverse-L4-D128-N64-f16.safetensors")}) {
    if (!std::filesystem::exists(models() / pth)) GTEST_SKIP() << "no model at " << models() / pth;
    expect_equal(*open_weights(models() / pth), *open_weights(models() / safetensors));
  }
}

TEST(RealModels, OlderVersionsOfTheFormatOpenOrSayWhatToDo) {
  if (!std::filesystem::exists(models() / "tiny-rwkv-4v0")) GTEST_SKIP() << "no models at " << models();
  for (const char* pth : {"tiny-rwkv-4v0/tiny-rwkv-4v0-660K.pth", "tiny-rwkv-5v2/tiny-rwkv-5v2-730K.pth",
                          "tiny-rwkv-6v0/tiny-rwkv-6v0-1m.pth"}) {
    const SourcePtr source = open_weights(models() / pth);
    for (const std::string& name : source->names())
      EXPECT_FALSE(to_floats(source->load(name)).empty()) << name;
  }
  for (const char* other :
       {"tiny-rwkv-4v0/tiny-rwkv-4v0-660K.legacy.pth", "tiny-rwkv-7v0/tiny-rwkv-7v0-834K-FP32.bin"})
    try {
      open_weights(models() / other);
      ADD_FAILURE() << other << " was opened";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
      EXPECT_NE(std::string(error.what()).find("not supported yet: convert to"), std::string::npos)
          << error.what();
    }
}

}  // namespace
}  // namespace fulmar
