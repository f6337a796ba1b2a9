// What is kept about a driver from start to start, what kernels are changed into, and which tiles are tried.
#include <gtest/gtest.h>

#if FULMAR_HAS_VULKAN
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/platform.h"
#include "device_under_test.h"
#include "fulmar_shaders.h"
#include "vulkan/backend.h"
#include "vulkan/instance.h"
#include "vulkan/linear_shape.h"
#include "vulkan/matrix_units.h"
#include "vulkan/program.h"
#include "vulkan/self_check.h"
#include "vulkan/spirv.h"

namespace fulmar::vulkan {
namespace {

// A cache folder of its own for each test.
class FindingsTest : public testing::Test {
 protected:
  void SetUp() override {
#ifdef _WIN32
    GTEST_SKIP() << "the folder comes from the user's profile";
#else
    const char* now = std::getenv("XDG_CACHE_HOME");
    if (now) before_ = now;
    setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
#endif
    device_.caps.name = "Card";
    device_.caps.driver = "driver 1.0";
  }
  void TearDown() override {
#ifndef _WIN32
    before_ ? setenv("XDG_CACHE_HOME", before_->c_str(), 1) : unsetenv("XDG_CACHE_HOME");
#endif
    std::filesystem::remove_all(folder_);
  }
  PhysicalDevice device_;
  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("fulmar_findings_" + std::to_string(std::random_device{}()));
  std::optional<std::string> before_;
};

TEST_F(FindingsTest, AreKeptForOneBuildOfOneDriver) {
  EXPECT_EQ(read_findings(device_), Findings{});
  const Findings on{Subnormals::kept, Verdict{MatrixTile{16, 8, 16}, {}}, 0},
      off{Subnormals::kept_when_asked,
          Verdict{std::nullopt, "they multiply wrongly (tiles of 16x32x128, f16)"}, 1};
  write_findings(device_, on);
  EXPECT_EQ(read_findings(device_), on);
  write_findings(device_, off);
  EXPECT_EQ(read_findings(device_), off);

  using Change = void (*)(PhysicalDevice&);
  const Change changes[] = {
      [](PhysicalDevice& d) { d.driver_version = 2; },
      [](PhysicalDevice& d) { d.caps.driver = "driver 1.1"; },
      [](PhysicalDevice& d) { d.caps.name = "Other"; },
      [](PhysicalDevice& d) { d.device_uuid[15] = 1; },
      [](PhysicalDevice& d) { d.driver_uuid[0] = 1; },
      [](PhysicalDevice& d) { d.cache_uuid[7] = 1; },
      [](PhysicalDevice& d) { d.product = 1; },
      [](PhysicalDevice& d) { d.subgroup_size = 64; },  // other tiles
  };
  for (const Change change : changes) {
    PhysicalDevice other = device_;
    change(other);
    EXPECT_EQ(read_findings(other), Findings{});
  }
}

TEST_F(FindingsTest, DamagedOnesAreNone) {
  write_findings(device_, {Subnormals::kept, Verdict{MatrixTile{16, 16, 16}, {}}, 0});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
    if (entry.is_regular_file())
      std::ofstream(entry.path(), std::ios::binary | std::ios::app) << "units on 8 8 8\n";
  EXPECT_EQ(read_findings(device_), Findings{});
  for (const char* text :
       {"", "on", "on 16 16", "on 16 16 16 16", "on a b c", "off", "later", "on 16 16 99999999999"})
    EXPECT_FALSE(verdict_from(text)) << text;
}

TEST(Findings, AVerdictIsReadAsAnySystemEndsLines) {
  for (const char* written : {"\non 16 16 16\n", "\r\non 16 16 16\r\n", "the driver talks\r\n\r\non 16 16 16\r\n"})
    EXPECT_EQ(verdict_from(last_line(written)), (Verdict{MatrixTile{16, 16, 16}, {}})) << written;
  EXPECT_EQ(last_line("\r\n"), "");
}

TEST_F(FindingsTest, UnitsThatNeverLetATryEndAreLeftAlone) {
#if FULMAR_COOPERATIVE_MATRIX
  device_.offers_matrix_units = true;
  EXPECT_FALSE(known_verdict(device_));
  write_findings(device_, {Subnormals::kept, {}, 1});
  EXPECT_FALSE(known_verdict(device_)) << "somebody pressed Ctrl-C";
  write_findings(device_, {Subnormals::kept, {}, 2});
  ASSERT_TRUE(known_verdict(device_)) << "the machine may be what ends";
  EXPECT_FALSE(known_verdict(device_)->tile);
#endif
}

TEST_F(FindingsTest, AProgramWithoutAHelperTriesNothing) {
#if FULMAR_COOPERATIVE_MATRIX
  device_.offers_matrix_units = true;
  EXPECT_NE(try_matrix_units(device_, 60).why_not.find("no second process"), std::string::npos);
  EXPECT_EQ(read_findings(device_), Findings{});
#endif
}

TEST(VulkanCoopShape, TheTryMeetsEveryTileThatAStepCanGet) {
  for (const uint32_t subgroup : {8u, 16u, 32u, 64u})
    for (const uint32_t max_workgroup : {256u, 512u, 1024u}) {
      const LinearDevice device{subgroup, max_workgroup, 49152};
      std::vector<CoopShape> tried;
      for (const CoopCase& c : coop_cases(device)) {
        tried.push_back(coop_shape(c.rows, c.outputs, c.K, device));
        EXPECT_GT(c.K, 2 * tried.back().step) << "the loop over K turns";
      }
      EXPECT_GE(tried.size(), 4u);
      ASSERT_FALSE(tried.empty());
      EXPECT_EQ(tried[0].rows, 16u) << "the cheapest first, which also tries the formats";
      for (uint32_t rows = 1; rows < 700; ++rows)
        for (const uint32_t outputs : {1u, 512u, 1024u, 2048u, 4096u, 8192u, 14336u, 65536u})
          for (const uint32_t K : {64u, 96u, 256u, 512u, 1024u, 2048u, 14336u})
            for (const bool one_order : {false, true})
              EXPECT_NE(std::find(tried.begin(), tried.end(), coop_shape(rows, outputs, K, device, one_order)),
                        tried.end())
                  << rows << " rows of " << K << ", " << outputs << " outputs, subgroups of " << subgroup;
    }
}

// Notes what is compiled on the way to another backend.
class Watched final : public ops::Backend {
 public:
  explicit Watched(ops::Backend& backend) : backend_(backend) {}
  const ops::Caps& caps() const override { return backend_.caps(); }
  std::unique_ptr<ops::Buffer> allocate(uint64_t bytes, ops::Where where) override {
    return backend_.allocate(bytes, where);
  }
  std::unique_ptr<ops::Buffer> adopt(std::span<const std::byte>, std::shared_ptr<const void>) override {
    return nullptr;
  }
  void upload(ops::Buffer& to, uint64_t at, std::span<const std::byte> from) override { backend_.upload(to, at, from); }
  void download(std::span<std::byte> to, const ops::Buffer& from, uint64_t at) override {
    backend_.download(to, from, at);
  }
  void copy(ops::Buffer& to, uint64_t to_at, const ops::Buffer& from, uint64_t from_at, uint64_t bytes) override {
    backend_.copy(to, to_at, from, from_at, bytes);
  }
  std::unique_ptr<ops::Program> compile(const ops::Tape& tape, const ops::Memory& memory,
                                        const ops::BatchShape& shape, bool timing) override {
    const ops::Weight& w = tape.weights[0];
    for (const uint32_t subgroup : {32u, 64u})
      if (shape.rows <= vec_rows)
        shapes.push_back(vec_shape(shape.rows, w.rows, w.cols, info(w.format).chunk, LinearDevice{subgroup}));
    return backend_.compile(tape, memory, shape, timing);
  }
  std::vector<VecShape> shapes;  // on hardware

 private:
  ops::Backend& backend_;
};

TEST(VulkanSelfCheck, ThePlainCheckRunsTheKernelsThatModelsUse) {
  std::string why;
  if (enumerate(why).empty()) GTEST_SKIP() << why;
  const auto backend = make_backend(0);
  Watched watched(*backend);
  EXPECT_TRUE(check_kernels(watched).right);
  const auto any = [&](const auto& holds) { return std::any_of(watched.shapes.begin(), watched.shapes.end(), holds); };
  for (const uint32_t subgroup : {32u, 64u}) {
    EXPECT_TRUE(any([&](const VecShape& s) { return s.subgroup == subgroup && s.split && s.T == 1; }));
    EXPECT_TRUE(any([&](const VecShape& s) {
      return s.subgroup == subgroup && !s.split && s.T == 8 && s.lanes == subgroup;
    }));
  }
}

TEST(VulkanSubnormals, KernelsThatPromiseToKeepThemStillComputeRightly) {
  std::string why;
  const Instance* instance = Instance::open(why);
  if (!instance) GTEST_SKIP() << why;
  PhysicalDevice device = instance->devices().at(device_under_test());
  if (!device.may_preserve_subnormals) GTEST_SKIP() << "this driver does not offer it";
  device.preserve_subnormals = true;
  const KernelCheck check = check_kernels(*open_unchecked(*instance, device));
  EXPECT_TRUE(check.right);
  EXPECT_TRUE(check.subnormals_kept);
}

TEST(VulkanSubnormals, ThePromiseIsOneCapabilityAndOneMode) {
  for (const shaders::Shader& shader : shaders::all()) {
    const std::vector<uint32_t> changed = with_subnormals_preserved(shader.words);
    ASSERT_EQ(changed.size(), shader.words.size() + 6) << shader.name;
    int capabilities = 0, modes = 0, functions = 0;
    for (size_t at = 5; at < changed.size(); at += changed[at] >> 16) {
      const uint32_t opcode = changed[at] & 0xffff;
      functions += opcode == 54;
      capabilities += opcode == 17 && changed[at + 1] == 4464;
      modes += opcode == 16 && changed[at + 2] == 4459 && changed[at + 3] == 16;
      EXPECT_TRUE(functions == 0 || (opcode != 16 && opcode != 17)) << "both stand before all code";
    }
    EXPECT_EQ(capabilities, 1) << shader.name;
    EXPECT_EQ(modes, 1) << shader.name;
  }
}

}  // namespace
}  // namespace fulmar::vulkan
#endif
