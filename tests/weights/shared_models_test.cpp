// Trained models of others, where they lie beside the source tree: containers must agree about them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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

TEST(RealModels, EveryContainerOfAModelHoldsTheSameNumbers) {
  if (!std::filesystem::exists(models() / "tiny-rwkv-4v0")) GTEST_SKIP() << "no models at " << models();
  struct Twins {
    const char *one, *other;
    float relative, absolute;  // what the other may differ by: computed decays, halves
  };
  for (const Twins& twins : std::initializer_list<Twins>{
           {"tiny-rwkv-4v0/tiny-rwkv-4v0-660K.pth", "tiny-rwkv-4v0/tiny-rwkv-4v0-660K.legacy.pth", 0, 0},
           {"tiny-rwkv-4v0/tiny-rwkv-4v0-660K.pth", "tiny-rwkv-4v0/tiny-rwkv-4v0-660K-FP32.bin", 1e-6f,
            1e-7f},
           {"tiny-rwkv-5v2/tiny-rwkv-5v2-730K.pth", "tiny-rwkv-5v2/tiny-rwkv-5v2-730K-FP32.bin", 1e-4f,
            1e-4f},
           {"tiny-rwkv-6v0/tiny-rwkv-6v0-1m.pth", "tiny-rwkv-6v0/tiny-rwkv-6v0-1m-FP16.bin", 1e-3f, 1e-7f},
           {"tiny-rwkv-7v0/tiny-rwkv-7v0-834K.pth", "tiny-rwkv-7v0/tiny-rwkv-7v0-834K-FP32.bin", 0, 0}}) {
    SCOPED_TRACE(twins.other);
    const SourcePtr a = open_weights(models() / twins.one), b = open_weights(models() / twins.other);
    std::vector<std::string> names = a->names(), others = b->names();
    std::sort(names.begin(), names.end());
    std::sort(others.begin(), others.end());
    ASSERT_EQ(names, others);
    for (const std::string& name : names) {
      const std::vector<float> left = to_floats(a->load(name)), right = to_floats(b->load(name));
      ASSERT_EQ(left.size(), right.size()) << name;
      for (std::size_t i = 0; i < left.size(); ++i)
        ASSERT_NEAR(left[i], right[i], twins.absolute + twins.relative * std::abs(left[i])) << name;
    }
  }
}

}  // namespace
}  // namespace fulmar
