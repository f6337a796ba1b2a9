// What is made of a driver's answers, however strange they are: a device that works, or a sentence.
#include <gtest/gtest.h>

#if FULMAR_HAS_VULKAN
#include <cstring>

#include "vulkan/matrix_units.h"
#include "vulkan/physical_device.h"

namespace fulmar::vulkan {
namespace {

constexpr uint64_t mebibyte = 1 << 20, gibibyte = 1 << 30;

VkQueueFamilyProperties family(VkQueueFlags flags, uint32_t count = 1, uint32_t timestamp_bits = 64) {
  VkQueueFamilyProperties f{};
  f.queueFlags = flags;
  f.queueCount = count;
  f.timestampValidBits = timestamp_bits;
  return f;
}

// A usual discrete card.
Report card() {
  Report r;
  std::strcpy(r.properties.deviceName, "Card");
  r.properties.apiVersion = VK_API_VERSION_1_3;
  r.properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  VkPhysicalDeviceLimits& l = r.properties.limits;
  l.maxComputeWorkGroupInvocations = l.maxComputeWorkGroupSize[0] = 1024;
  l.maxComputeWorkGroupCount[0] = l.maxComputeWorkGroupCount[1] = 65535;
  l.maxComputeSharedMemorySize = 49152;
  l.timestampPeriod = 1;
  std::strcpy(r.p12.driverName, "driver");
  std::strcpy(r.p12.driverInfo, "1.0");
  r.p11.subgroupSize = r.p13.minSubgroupSize = r.p13.maxSubgroupSize = 32;
  r.p11.subgroupSupportedOperations = ~0u;
  r.p11.subgroupSupportedStages = VK_SHADER_STAGE_COMPUTE_BIT;
  r.p11.maxMemoryAllocationSize = r.p13.maxBufferSize = 4 * gibibyte;
  r.p13.maxComputeWorkgroupSubgroups = 32;
  r.f12.bufferDeviceAddress = r.f12.timelineSemaphore = r.f12.shaderFloat16 = r.f12.vulkanMemoryModel =
      VK_TRUE;
  r.f13.synchronization2 = r.f13.maintenance4 = r.f13.subgroupSizeControl = r.f13.computeFullSubgroups =
      VK_TRUE;
  r.families = {family(VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT)};
  r.memory.memoryHeapCount = 1;
  r.memory.memoryHeaps[0] = {8 * gibibyte, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
  r.memory.memoryTypeCount = 1;
  r.memory.memoryTypes[0] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
  r.extensions = {"VK_KHR_cooperative_matrix"};
  return r;
}

PhysicalDevice described(const Report& report) {
  PhysicalDevice device;
  EXPECT_EQ(describe(report, device), "");
  return device;
}

TEST(VulkanDevices, AUsualCardIsTaken) {
  const PhysicalDevice device = described(card());
  EXPECT_EQ(device.caps.memory_bytes, 8 * gibibyte);
  EXPECT_EQ(device.subgroup_size, 32u);
  EXPECT_EQ(device.max_workgroup, 1024u);
  EXPECT_EQ(device.max_groups, 65535u);
  EXPECT_TRUE(device.offers_matrix_units);
  EXPECT_FALSE(device.portability_subset);
}

TEST(VulkanDevices, WhateverADeviceLacksIsNamed) {
  struct Case {
    const char* named;
    void (*spoil)(Report&);
  };
  const Case cases[] = {
      {"Vulkan 1.1", [](Report& r) { r.properties.apiVersion = VK_API_VERSION_1_1; }},
      {"buffer device addresses", [](Report& r) { r.f12.bufferDeviceAddress = VK_FALSE; }},
      {"timeline", [](Report& r) { r.f12.timelineSemaphore = VK_FALSE; }},
      {"synchronization2", [](Report& r) { r.f13.synchronization2 = VK_FALSE; }},
      {"full subgroups", [](Report& r) { r.f13.computeFullSubgroups = VK_FALSE; }},
      {"subgroup operations",
       [](Report& r) { r.p11.subgroupSupportedOperations = VK_SUBGROUP_FEATURE_BASIC_BIT; }},
      {"subgroup operations",
       [](Report& r) { r.p11.subgroupSupportedStages = VK_SHADER_STAGE_FRAGMENT_BIT; }},
      {"subgroups of 2",
       [](Report& r) { r.p11.subgroupSize = r.p13.minSubgroupSize = r.p13.maxSubgroupSize = 2; }},
      {"subgroups of 0",
       [](Report& r) { r.p11.subgroupSize = r.p13.minSubgroupSize = r.p13.maxSubgroupSize = 0; }},
      {"no compute queue", [](Report& r) { r.families.clear(); }},
      {"no compute queue", [](Report& r) { r.families = {family(VK_QUEUE_GRAPHICS_BIT)}; }},
      {"no compute queue", [](Report& r) { r.families[0].queueCount = 0; }},
      {"128 threads", [](Report& r) { r.properties.limits.maxComputeWorkGroupInvocations = 128; }},
      {"16384 bytes", [](Report& r) { r.properties.limits.maxComputeSharedMemorySize = 16384; }},
      {"no memory", [](Report& r) { r.memory.memoryHeapCount = 0; }},
      {"no memory", [](Report& r) { r.memory.memoryHeaps[0].size = 0; }},
      {"no memory", [](Report& r) { r.memory.memoryHeaps[0].flags = 0; }},
      {"at most 1 MiB", [](Report& r) { r.p11.maxMemoryAllocationSize = mebibyte; }},
      {"at most 0 MiB", [](Report& r) { r.p13.maxBufferSize = 0; }},
  };
  for (const Case& c : cases) {
    Report report = card();
    c.spoil(report);
    PhysicalDevice device;
    EXPECT_NE(describe(report, device).find(c.named), std::string::npos)
        << c.named << ": " << describe(report, device);
  }
  PhysicalDevice device;
  EXPECT_NE(describe(Report{}, device), "") << "a driver that answers nothing but zeros";
}

TEST(VulkanDevices, SubgroupsAreOf32Or64WhereTheDeviceLetsOneChoose) {
  struct Case {
    uint32_t usual, least, most;
    bool may_choose;
    uint32_t size;
    bool choose;
  };
  const Case cases[] = {
      {32, 32, 32, true, 32, false},                                     // NVIDIA
      {64, 32, 64, true, 64, true},                                      // RDNA
      {64, 64, 64, true, 64, false},                                     // GCN
      {32, 8, 32, true, 32, true},                                       // Intel
      {16, 16, 32, true, 32, true},                                      // Xe2
      {128, 64, 128, true, 64, true},                                    // Adreno
      {16, 16, 16, true, 16, false},                                     // Mali
      {8, 8, 8, true, 8, false},                                         // lavapipe
      {4, 4, 4, false, 4, false},                                        // SwiftShader
      {128, 128, 128, true, 128, false}, {32, 4, 32, false, 32, false},  // MoltenVK: the usual one, untold
      {16, 4, 16, true, 16, true},       {64, 0, 0, false, 64, false},   // a driver that tells no limits
  };
  for (const Case& c : cases) {
    const auto chosen = choose_subgroups(c.usual, c.least, c.most, c.may_choose);
    ASSERT_TRUE(chosen) << c.usual;
    EXPECT_EQ(chosen->size, c.size) << c.usual << " in " << c.least << ".." << c.most;
    EXPECT_EQ(chosen->choose, c.choose) << c.usual;
  }
  for (const uint32_t size : {0u, 1u, 2u, 3u, 48u, 256u})
    EXPECT_FALSE(choose_subgroups(size, size, size, true)) << size;
}

TEST(VulkanDevices, CopiesNeverGoThroughAVideoEngine) {
  constexpr VkQueueFlags all = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;
  constexpr VkQueueFlags video = 0x20;  // VK_QUEUE_VIDEO_DECODE_BIT_KHR
  auto queues = choose_queues({family(all, 16), family(VK_QUEUE_TRANSFER_BIT | video),
                               family(VK_QUEUE_TRANSFER_BIT | VK_QUEUE_SPARSE_BINDING_BIT)});
  ASSERT_TRUE(queues);
  EXPECT_EQ(queues->family, 0u);
  EXPECT_EQ(queues->copy_family, 2u);
  EXPECT_EQ(queues->copy_queue, 0u);
  queues = choose_queues({family(all, 16), family(VK_QUEUE_TRANSFER_BIT | video)});
  EXPECT_EQ(queues->copy_family, 0u);
  EXPECT_EQ(queues->copy_queue, 1u) << "a second queue beside the first";
  queues = choose_queues({family(VK_QUEUE_GRAPHICS_BIT), family(VK_QUEUE_COMPUTE_BIT)});
  EXPECT_EQ(queues->family, 1u);
  EXPECT_EQ(queues->copy_family, 1u) << "what computes also copies";
  EXPECT_EQ(queues->copy_queue, 0u) << "its only queue";
  queues = choose_queues({family(all), family(VK_QUEUE_TRANSFER_BIT, 0)});
  EXPECT_EQ(queues->copy_family, 0u) << "a family without queues";
}

TEST(VulkanDevices, TimeStampsOfFewerBitsCountOnAcrossZero) {
  Report report = card();  // Intel before Xe2: 36 bits
  report.families = {family(VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT, 1, 36),
                     family(VK_QUEUE_COMPUTE_BIT, 1, 36)};
  const PhysicalDevice device = described(report);
  EXPECT_EQ(device.queue_family, 1u) << "the family that the desktop does not use";
  EXPECT_EQ(device.ticks(0xfffffffff - 9, 20), 30u);
  EXPECT_EQ(device.ticks(100, 350), 250u);
  report.families = {family(VK_QUEUE_COMPUTE_BIT, 1, 0)};
  EXPECT_EQ(described(report).timestamp_mask, 0u);
}

TEST(VulkanDevices, AnIntegratedGpuUsesAllHeapsAndACardItsOwn) {
  VkPhysicalDeviceMemoryProperties memory{};  // AMD's driver for an APU under Windows
  memory.memoryHeapCount = 2;
  memory.memoryHeaps[0] = {512 * mebibyte, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
  memory.memoryHeaps[1] = {15 * gibibyte, 0};
  constexpr VkMemoryPropertyFlags own = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  constexpr VkMemoryPropertyFlags host =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  constexpr VkMemoryPropertyFlags uncached = 0xc0;  // needs a feature of its own
  memory.memoryTypes[0] = {own, 0};
  memory.memoryTypes[1] = {host, 1};
  memory.memoryTypes[2] = {own | host, 0};
  memory.memoryTypes[3] = {host | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, 1};
  memory.memoryTypes[4] = {own | uncached, 0};
  memory.memoryTypeCount = 5;
  EXPECT_EQ(usable_memory(memory, true), 15 * gibibyte + 512 * mebibyte);
  EXPECT_EQ(usable_memory(memory, false), 512 * mebibyte);
  using Types = std::vector<uint32_t>;
  EXPECT_EQ(memory_types(memory, 31, 0, own, true), (Types{0, 1})) << "its own heap, then the rest";
  EXPECT_EQ(memory_types(memory, 31, 0, own, false), (Types{0}));
  EXPECT_EQ(memory_types(memory, 31, host, VK_MEMORY_PROPERTY_HOST_CACHED_BIT, true), (Types{3, 2}));
  EXPECT_EQ(memory_types(memory, 31, host, 0, false), (Types{1}));
  EXPECT_EQ(memory_types(memory, 8, 0, own, false), (Types{3})) << "the only one allowed";
  EXPECT_EQ(memory_types(memory, 1, host, 0, true), (Types{}));
  EXPECT_EQ(memory_types(memory, 16, 0, own, true), (Types{}));
  memory.memoryTypes[1].heapIndex = 77;  // a driver that cannot count
  EXPECT_EQ(memory_types(memory, 2, 0, own, true), (Types{}));
}

PhysicalDevice listed(const char* name, VkDriverId driver, VkPhysicalDeviceType type, uint8_t uuid,
                      std::optional<PciPlace> pci = {}) {
  PhysicalDevice device;
  device.caps.name = name;
  device.driver = driver;
  device.type = type;
  device.device_uuid[3] = uuid;
  device.pci = pci;
  return device;
}

std::string names(std::vector<PhysicalDevice> devices) {
  arrange(devices);
  std::string all;
  for (const PhysicalDevice& device : devices) all += device.caps.name + " ";
  return all;
}

TEST(VulkanDevices, ACardWithTwoDriversIsOneDeviceAndRealOnesComeFirst) {
  constexpr auto discrete = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                 integrated = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, cpu = VK_PHYSICAL_DEVICE_TYPE_CPU;
  constexpr auto nvk = static_cast<VkDriverId>(24);
  EXPECT_EQ(names({listed("lavapipe", VK_DRIVER_ID_MESA_LLVMPIPE, cpu, 9),
                   listed("amdvlk", VK_DRIVER_ID_AMD_OPEN_SOURCE, discrete, 1),
                   listed("intel", VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA, integrated, 2),
                   listed("radv", VK_DRIVER_ID_MESA_RADV, discrete, 1)}),
            "radv intel lavapipe ");
  EXPECT_EQ(names({listed("nvk", nvk, discrete, 1),
                   listed("nvidia", VK_DRIVER_ID_NVIDIA_PROPRIETARY, discrete, 1)}),
            "nvidia ");
  const PciPlace one{0, 1, 0, 0}, other{0, 2, 0, 0};
  EXPECT_EQ(names({listed("a", VK_DRIVER_ID_MESA_RADV, discrete, 1, one),
                   listed("b", VK_DRIVER_ID_MESA_RADV, discrete, 1, other)}),
            "a b ")
      << "two cards whose driver gives both one UUID";
  EXPECT_EQ(names({listed("a", VK_DRIVER_ID_AMD_OPEN_SOURCE, discrete, 1, one),
                   listed("b", VK_DRIVER_ID_MESA_RADV, discrete, 2, one)}),
            "b ")
      << "one card whose drivers disagree about its UUID";
  EXPECT_EQ(names({listed("a", VK_DRIVER_ID_MESA_RADV, discrete, 0),
                   listed("b", VK_DRIVER_ID_MESA_RADV, discrete, 0)}),
            "a b ")
      << "a UUID of zeros says nothing";
}

TEST(VulkanDevices, MatrixUnitsAreTriedOnlyWhereDriversSurviveIt) {
  constexpr auto discrete = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                 integrated = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
  struct Case {
    const char* name;
    VkDriverId driver;
    uint32_t vendor, product;
    VkPhysicalDeviceType type;
    bool tried;
  };
  const Case cases[] = {
      {"H100", VK_DRIVER_ID_NVIDIA_PROPRIETARY, 0x10de, 0x2330, discrete, true},
      {"7900 XTX", VK_DRIVER_ID_MESA_RADV, 0x1002, 0x744c, discrete, true},
      {"7900 XTX, AMD's driver", VK_DRIVER_ID_AMD_PROPRIETARY, 0x1002, 0x744c, discrete, true},
      {"9070 XT, AMD's driver", VK_DRIVER_ID_AMD_PROPRIETARY, 0x1002, 0x7550, discrete, true},
      {"6800 XT, AMD's driver", VK_DRIVER_ID_AMD_PROPRIETARY, 0x1002, 0x73bf, discrete, false},
      {"RX 580, AMDVLK", VK_DRIVER_ID_AMD_OPEN_SOURCE, 0x1002, 0x67df, discrete, false},
      {"860M, AMD's driver", VK_DRIVER_ID_AMD_PROPRIETARY, 0x1002, 0x1114, integrated, false},
      {"860M, RADV", VK_DRIVER_ID_MESA_RADV, 0x1002, 0x1114, integrated, true},
      {"A770", VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA, 0x8086, 0x56a0, discrete, false},
      {"UHD 630", VK_DRIVER_ID_INTEL_PROPRIETARY_WINDOWS, 0x8086, 0x3e92, integrated, false},
      {"Meteor Lake", VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA, 0x8086, 0x7d55, integrated, false},
      {"B580", VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA, 0x8086, 0xe20b, discrete, true},
      {"Lunar Lake", VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA, 0x8086, 0x64a0, integrated, true},
  };
#if FULMAR_COOPERATIVE_MATRIX
  for (const Case& c : cases) {
    Report report = card();
    report.properties.deviceType = c.type;
    report.properties.vendorID = c.vendor;
    report.properties.deviceID = c.product;
    report.p12.driverID = c.driver;
    EXPECT_EQ(why_not_tried(described(report)).empty(), c.tried)
        << c.name << ": " << why_not_tried(described(report));
  }
#else
  EXPECT_NE(why_not_tried(described(card())).find("this build"), std::string::npos) << cases[0].name;
#endif
  Report report = card();
  report.extensions.clear();
  EXPECT_NE(why_not_tried(described(report)), "");
  report = card();
  report.properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_CPU;
  EXPECT_NE(why_not_tried(described(report)), "");
}

TEST(VulkanLists, AreReadWhateverTheDriverCounts) {
  uint32_t size = 2;
  const auto growing = [&](uint32_t* count, uint32_t* list) {
    if (!list) return *count = size, VK_SUCCESS;
    const uint32_t room = *count;
    size = std::min(size + 1, 4u);  // it grows while one asks
    *count = std::min(room, size);
    for (uint32_t i = 0; i < *count; ++i) list[i] = i;
    return room < size ? VK_INCOMPLETE : VK_SUCCESS;
  };
  EXPECT_EQ(list_all<uint32_t>(growing), (std::vector<uint32_t>{0, 1, 2, 3}));
  const auto never_done = [](uint32_t* count, uint32_t* list) {
    *count = 1;
    if (list) *list = 7;
    return list ? VK_INCOMPLETE : VK_SUCCESS;
  };
  EXPECT_EQ(list_all<uint32_t>(never_done), (std::vector<uint32_t>{7}));
  const auto absurd = [](uint32_t* count, uint32_t* list) {
    if (!list) *count = ~0u;
    return VK_SUCCESS;
  };
  EXPECT_LE(list_all<uint32_t>(absurd).size(), 4096u);
  const auto failing = [](uint32_t* count, uint32_t* list) {
    *count = 5;
    return list ? VK_ERROR_INITIALIZATION_FAILED : VK_SUCCESS;
  };
  EXPECT_TRUE(list_all<uint32_t>(failing).empty());
}

}  // namespace
}  // namespace fulmar::vulkan
#endif
