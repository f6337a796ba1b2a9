// Compiles the kernels that models use, each as they use it, with a driver that can count registers without
// hardware, and prints a line for each. check_statistics.py judges and tabulates them.
#include <fmt/format.h>

#include <map>
#include <optional>

#include "base/fail.h"
#include "fulmar_shaders.h"
#include "ops/memory.h"
#include "rwkv/forward.h"
#include "vulkan/instance.h"
#include "vulkan/plan.h"

namespace fulmar::vulkan {
namespace {

constexpr int skipped = 77;

// Widths of the 1.5B models, two layers of them.
rwkv::Config config_of(rwkv::Version version) {
  rwkv::Config c;
  c.version = version;
  c.L = 2;
  c.C = c.A = 2048;
  c.V = 65536;
  c.F = c.is_v7() || version == rwkv::Version::v4 ? 8192 : 7168;
  if (version == rwkv::Version::v4) return c;
  c.H = 32;
  c.N = 64;
  c.Dw = 96;
  c.Dx = 32;
  c.Da = 96;
  c.Dv = 64;
  c.Dg = 256;
  return c;
}

using Kernels = std::map<Kernel, uint32_t>;  // with the rows of a step that first used it

void add_kernels(Kernels& kernels, const rwkv::Config& config, Format format, uint32_t rows,
                 const PhysicalDevice& device) {
  const ops::Tape tape = [&] {
    ops::Tape made = rwkv::build(config, {0, config.L}, [&](const std::string& name, uint32_t, uint32_t) {
      return name.ends_with(".weight") ? format : Format::f16;  // the LoRAs' widths suit few formats
    });
    made.half_inputs = true;
    return made;
  }();
  const ops::BatchShape shape{rows, 1, 1};
  const Addresses nowhere{0, 0, 0, [](ops::WeightId) { return uint64_t{0}; }};
  for (const Launch& launch : make_plan(tape, ops::plan_arena(tape, shape), shape, nowhere, device).launches)
    kernels.try_emplace(launch.kernel, rows);
}

Kernels kernels_of_models(const PhysicalDevice& device) {
  Kernels kernels;
  const rwkv::Config v7 = config_of(rwkv::Version::v7);
  for (const Format format : matrix_formats())
    for (const uint32_t rows : {1u, 8u, 256u}) add_kernels(kernels, v7, format, rows, device);
  for (const auto version : {rwkv::Version::v4, rwkv::Version::v5_2, rwkv::Version::v6})
    for (const uint32_t rows : {1u, 256u})
      add_kernels(kernels, config_of(version), Format::f16, rows, device);
  rwkv::Config experts = v7;
  experts.E = 4;
  experts.active = 2;
  experts.Er = 8;
  experts.Dm = 64;
  add_kernels(kernels, experts, Format::f16, 1, device);
  return kernels;
}

// The extension's functions, on a device of their own: programs do not ask for it.
class Counter {
 public:
  Counter(const InstanceFunctions& instance, const PhysicalDevice& physical) : physical_(physical) {
    auto counted = blank<VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR);
    counted.pipelineExecutableInfo = VK_TRUE;
    DeviceFeatures features(physical);
    counted.pNext = features.chain();
    features.extensions.push_back(VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue{
        VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, nullptr, 0, physical.queue_family, 1, &priority};
    auto info = blank<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
    info.pNext = &counted;
    info.queueCreateInfoCount = 1;
    info.pQueueCreateInfos = &queue;
    info.enabledExtensionCount = static_cast<uint32_t>(features.extensions.size());
    info.ppEnabledExtensionNames = features.extensions.data();
    check(instance.vkCreateDevice(physical.handle, &info, nullptr, &owner_.handle), "opening the device");
    vk_.load(instance, owner_.handle);
    owner_.destroy = vk_.vkDestroyDevice;
    find(instance, get_executables_, "vkGetPipelineExecutablePropertiesKHR");
    find(instance, get_statistics_, "vkGetPipelineExecutableStatisticsKHR");
    layout_ = make_layout(vk_, owner_);
  }

  // By the driver's own words for them.
  std::map<std::string, uint64_t> statistics(const Kernel& kernel) {
    const auto pipeline = compile(vk_, owner_, physical_, kernel, layout_.get(), VK_NULL_HANDLE,
                                  VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR);
    const VkPipelineInfoKHR which{VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, nullptr, pipeline.get()};
    uint32_t executables = 0, count = 0;
    check(get_executables_(owner_.handle, &which, &executables, nullptr), "counting executables");
    if (executables != 1) fail(ErrorKind::internal, "{} has {} executables", kernel.name, executables);
    const VkPipelineExecutableInfoKHR info{VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, nullptr,
                                           pipeline.get(), 0};
    check(get_statistics_(owner_.handle, &info, &count, nullptr), "counting statistics");
    std::vector<VkPipelineExecutableStatisticKHR> list(
        count, blank<VkPipelineExecutableStatisticKHR>(VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR));
    check(get_statistics_(owner_.handle, &info, &count, list.data()), "reading statistics");
    std::map<std::string, uint64_t> found;
    for (const auto& statistic : list) found[statistic.name] = statistic.value.u64;
    return found;
  }

 private:
  template <typename Function>
  void find(const InstanceFunctions& instance, Function& function, const char* name) {
    function = reinterpret_cast<Function>(instance.vkGetDeviceProcAddr(owner_.handle, name));
    if (!function) fail(ErrorKind::unsupported, "the driver lacks {}", name);
  }

  const PhysicalDevice& physical_;
  DeviceFunctions vk_;
  DeviceOwner owner_;
  Unique<VkPipelineLayout> layout_;
  PFN_vkGetPipelineExecutablePropertiesKHR get_executables_ = nullptr;
  PFN_vkGetPipelineExecutableStatisticsKHR get_statistics_ = nullptr;
};

// A card that is not there has no memory either, which is all that such a one may lack.
std::optional<PhysicalDevice> card_of(const Instance& instance) {
  if (!instance.devices().empty()) return instance.devices()[0];
  for (const auto& [device, lacks] : instance.passed_over())
    if (device.caps.memory_bytes == 0 && device.driver == VK_DRIVER_ID_MESA_RADV) return device;
  return std::nullopt;
}

int run() {
  std::string why;
  const Instance* instance = Instance::start(why);
  const auto card = instance ? card_of(*instance) : std::nullopt;
  if (!card) {
    fmt::print("skipped: {}\n", instance ? instance->passed_over_because() : why);
    return skipped;
  }
  PhysicalDevice device = *card;
  if (!ask(instance->vk(), device.handle).has(VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME)) {
    fmt::print("skipped: {} does not tell what kernels need\n", device.caps.name);
    return skipped;
  }
  Kernels kernels = kernels_of_models(device);
#if FULMAR_COOPERATIVE_MATRIX
  if (device.offers_matrix_units) {
    device.matrix_tile = MatrixTile{16, 16, 16};
    kernels.merge(kernels_of_models(device));
  }
#endif
  fmt::print("{}, {}\n", device.caps.name, device.caps.driver);
  Counter counter(instance->vk(), device);
  for (const auto& [kernel, rows] : kernels) {
    auto found = counter.statistics(kernel);
    fmt::print("{} {} {} {} {} {}\n", kernel.name, rows, fmt::join(kernel.constants, ","), found.at("VGPRs"),
               found.at("Spilled VGPRs") + found.at("Spilled SGPRs"), found.at("Code size"));
  }
  return 0;
}

}  // namespace
}  // namespace fulmar::vulkan

int main() {
  try {
    return fulmar::vulkan::run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "kernel_statistics: {}\n", error.what());
    return 1;
  }
}
