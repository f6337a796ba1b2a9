// The logical device, submits on one timeline, and memory; see device.h.
#include "vulkan/device.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/fail.h"

namespace fulmar::vulkan {
namespace {

// Seconds after which a device that finishes nothing counts as lost. Parts of a step are kept below a quarter
// of a second, so this is two orders of magnitude more. Software compiles kernels when they first run, which
// takes seconds each on a busy machine, and is never hung by a suspend.
double patience(bool software) {
  const double usual = software ? 600 : 30;
  const char* wanted = std::getenv("FULMAR_GPU_TIMEOUT");
  if (!wanted || !*wanted) return usual;
  char* end = nullptr;
  const double seconds = std::strtod(wanted, &end);
  if (*end || !(seconds > 0))
    fail(ErrorKind::misuse, "FULMAR_GPU_TIMEOUT is '{}', it must be a number of seconds above 0", wanted);
  return std::min(seconds, 1e6);
}

}  // namespace

Allocation::Allocation(Device& device, uint64_t bytes, MemoryKind kind) : device_(&device) {
  const DeviceFunctions& vk = device.vk_;
  const PhysicalDevice& physical = device.physical_;
  const uint64_t size = (std::max<uint64_t>(bytes, 1) + 15) / 16 * 16;
  if (size > physical.max_allocation)
    fail(ErrorKind::out_of_memory, "{} allocates at most {} MiB at once, {} MiB were asked for",
         physical.caps.name, physical.max_allocation / mebibyte, size / mebibyte);

  auto info = blank<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = size;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
               VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  const uint32_t families[] = {physical.queue_family, physical.copy_family};
  if (kind == MemoryKind::arena && families[0] != families[1]) {
    info.sharingMode = VK_SHARING_MODE_CONCURRENT;
    info.queueFamilyIndexCount = 2;
    info.pQueueFamilyIndices = families;
  }
  VkBuffer buffer;
  check(vk.vkCreateBuffer(device.owner_.handle, &info, nullptr, &buffer), "creating a buffer");
  buffer_ = {device.owner_, buffer, vk.vkDestroyBuffer};

  VkMemoryRequirements requirements;
  vk.vkGetBufferMemoryRequirements(device.owner_.handle, buffer, &requirements);
  constexpr VkMemoryPropertyFlags host =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  counted_ = kind == MemoryKind::device || kind == MemoryKind::arena;
  const std::vector<uint32_t> types =
      memory_types(physical.memory, requirements.memoryTypeBits, counted_ ? 0 : host,
                   counted_                       ? VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
                   : kind == MemoryKind::readback ? VK_MEMORY_PROPERTY_HOST_CACHED_BIT
                                                  : 0,
                   physical.integrated);
  require(!types.empty(), "{} has no memory for a buffer of kind {}", physical.caps.name,
          static_cast<int>(kind));
  const VkMemoryAllocateFlagsInfo flags{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, nullptr,
                                        VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT, 0};
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  for (size_t i = 0; i < types.size() && result == VK_ERROR_OUT_OF_DEVICE_MEMORY; ++i) {
    const VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &flags, requirements.size,
                                        types[i]};
    result = vk.vkAllocateMemory(device.owner_.handle, &allocate, nullptr, &memory);
  }
  if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
    fail(ErrorKind::out_of_memory,
         "{} has no room for {} MiB: {} MiB are in use by this program, its memory is {} MiB; use a smaller "
         "format or "
         "fewer layers there",
         physical.caps.name, size / mebibyte, device.memory_use_.now / mebibyte,
         physical.caps.memory_bytes / mebibyte);
  check(result, "allocating memory");
  memory_ = {device.owner_, memory, vk.vkFreeMemory};
  check(vk.vkBindBufferMemory(device.owner_.handle, buffer, memory, 0), "binding memory");
  if (!counted_) {
    void* at;
    check(vk.vkMapMemory(device.owner_.handle, memory, 0, VK_WHOLE_SIZE, 0, &at), "mapping memory");
    mapped_ = static_cast<std::byte*>(at);
  }
  const VkBufferDeviceAddressInfo address{VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, nullptr, buffer};
  address_ = vk.vkGetBufferDeviceAddress(device.owner_.handle, &address);
  bytes_ = size;
  if (!counted_) return;
  device.memory_use_.now += bytes_;
  device.memory_use_.peak = std::max(device.memory_use_.peak, device.memory_use_.now);
}

Allocation::~Allocation() {
  if (device_ && counted_) device_->memory_use_.now -= bytes_;
}

void Allocation::swap(Allocation& other) {
  std::swap(device_, other.device_);
  std::swap(counted_, other.counted_);
  std::swap(bytes_, other.bytes_);
  std::swap(address_, other.address_);
  std::swap(mapped_, other.mapped_);
  std::swap(memory_, other.memory_);
  std::swap(buffer_, other.buffer_);
}

DeviceFeatures::DeviceFeatures(const PhysicalDevice& device)
    : f12(blank<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES)),
      f13(blank<VkPhysicalDeviceVulkan13Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES)) {
  f12.pNext = &f13;
  f12.bufferDeviceAddress = f12.timelineSemaphore = VK_TRUE;
  f13.synchronization2 = f13.maintenance4 = f13.subgroupSizeControl = f13.computeFullSubgroups = VK_TRUE;
  if (device.portability_subset) extensions.push_back("VK_KHR_portability_subset");  // a must where offered
#if FULMAR_COOPERATIVE_MATRIX
  matrices = blank<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
  matrices.cooperativeMatrix = VK_TRUE;
  if (device.matrix_tile) {
    f12.shaderFloat16 = f12.vulkanMemoryModel = VK_TRUE;
    f13.pNext = &matrices;
    extensions.push_back(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
  }
#endif
}

Device::Device(const Instance& instance, PhysicalDevice physical)
    : physical_(std::move(physical)), patience_(patience(physical_.caps.software)) {
  const float priorities[] = {1, 1};
  const bool one_family = physical_.queue_family == physical_.copy_family;
  const VkDeviceQueueCreateInfo queues[] = {
      {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, nullptr, 0, physical_.queue_family,
       one_family ? physical_.copy_queue + 1 : 1, priorities},
      {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, nullptr, 0, physical_.copy_family, 1, priorities}};
  DeviceFeatures features(physical_);
  auto info = blank<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  info.pNext = features.chain();
  info.queueCreateInfoCount = one_family ? 1 : 2;
  info.pQueueCreateInfos = queues;
  info.enabledExtensionCount = static_cast<uint32_t>(features.extensions.size());
  info.ppEnabledExtensionNames = features.extensions.data();
  check(instance.vk().vkCreateDevice(physical_.handle, &info, nullptr, &owner_.handle), "opening the device");
  owner_.destroy = reinterpret_cast<PFN_vkDestroyDevice>(
      instance.vk().vkGetDeviceProcAddr(owner_.handle, "vkDestroyDevice"));
  vk_.load(instance.vk(), owner_.handle);
  vk_.vkGetDeviceQueue(owner_.handle, physical_.queue_family, 0, &queue_);
  vk_.vkGetDeviceQueue(owner_.handle, physical_.copy_family, physical_.copy_queue, &copy_queue_);
  timeline_ = make_timeline(*this);
}

Device::~Device() {
  try {
    wait(submitted_);
  } catch (const std::exception&) {  // a lost device runs nothing
  }
}

uint64_t Device::submit(std::span<const VkCommandBuffer> buffers) {
  // One submit each: the parts of a long step are what the driver's watchdog measures.
  for (const VkCommandBuffer buffer : buffers) {
    submit_one(queue_, buffer, {timeline_.get(), submitted_ + 1}, awaited_, "submitting work");
    awaited_ = {};
    ++submitted_;
  }
  return submitted_;
}

void Device::wait(uint64_t time) {
  if (time <= passed_) return;
  wait_for({timeline_.get(), time}, "waiting for a step");
  passed_ = time;
}

bool Device::idle() const {
  uint64_t now = 0;
  return !awaited_.timeline &&
         vk_.vkGetSemaphoreCounterValue(owner_.handle, timeline_.get(), &now) == VK_SUCCESS && now >= submitted_;
}

void Pace::took(double guessed, double seconds) {
  if (!(guessed > 0)) return;
  // Short steps are mostly launches and waking up, and never in danger: they only show what the device is no slower
  // than.
  constexpr double least = 0.005;
  const double pace = std::clamp(std::max(seconds, least) / guessed, 1e-4, 1e4);
  if (seconds < least && pace >= value_) return;
  // Slower is believed at once, though not one hiccup alone; faster is believed little by little.
  if (!measured_)
    value_ = pace;
  else if (pace > value_)
    value_ = std::min(pace, 4 * value_);
  else
    value_ = 0.9 * value_ + 0.1 * pace;
  measured_ = true;
}

void Stillness::waited(double slice, double seconds, uint64_t reached) {
  constexpr double late = 0.5;  // that a busy machine may well be
  seconds_ = reached == reached_ ? seconds_ + std::min(seconds, slice + late) : 0;
  reached_ = reached;
}

double Device::longest_part() const {
  return physical_.type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ? 0.05 : 0.25;
}

void Device::refuse_if_lost() const {
  if (owner_.abandoned) fail(ErrorKind::device_lost, "{} was given up: its work never ended", physical_.caps.name);
  if (lost_) fail(ErrorKind::device_lost, "{} was lost: its driver said so", physical_.caps.name);
}

void Device::note(VkResult result, const char* what) {
  lost_ = lost_ || result == VK_ERROR_DEVICE_LOST;
  check(result, what);
}

void Device::wait_for(Moment moment, const char* what) {
  refuse_if_lost();
  using Clock = std::chrono::steady_clock;
  const double slice = std::min(1.0, patience_);
  const VkSemaphoreWaitInfo info{
      VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, nullptr, 0, 1, &moment.timeline, &moment.time};
  for (Stillness still; still.seconds() < patience_;) {
    const Clock::time_point begun = Clock::now();
    const VkResult result = vk_.vkWaitSemaphores(owner_.handle, &info, static_cast<uint64_t>(1e9 * slice));
    if (result != VK_TIMEOUT) return note(result, what);
    uint64_t reached = 0;
    note(vk_.vkGetSemaphoreCounterValue(owner_.handle, moment.timeline, &reached), what);
    still.waited(slice, std::chrono::duration<double>(Clock::now() - begun).count(), reached);
  }
  owner_.abandoned = true;
  fail(ErrorKind::device_lost,
       "{} finished nothing for {} seconds (while {}) and counts as lost; FULMAR_GPU_TIMEOUT=SECONDS gives it more",
       physical_.caps.name, patience_, what);
}

Unique<VkSemaphore> make_timeline(const Device& device) {
  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, nullptr,
                                 VK_SEMAPHORE_TYPE_TIMELINE, 0};
  const VkSemaphoreCreateInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
  VkSemaphore timeline;
  check(device.vk().vkCreateSemaphore(device.handle(), &info, nullptr, &timeline), "creating a semaphore");
  return {device.owner(), timeline, device.vk().vkDestroySemaphore};
}

void Device::submit_one(VkQueue queue, VkCommandBuffer buffer, Moment done, Moment after, const char* what) {
  refuse_if_lost();
  const auto at = [](Moment moment) {
    auto info = blank<VkSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO);
    info.semaphore = moment.timeline;
    info.value = moment.time;
    info.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
    return info;
  };
  const VkSemaphoreSubmitInfo signal = at(done), wait = at(after);
  auto commands = blank<VkCommandBufferSubmitInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO);
  commands.commandBuffer = buffer;
  auto info = blank<VkSubmitInfo2>(VK_STRUCTURE_TYPE_SUBMIT_INFO_2);
  info.commandBufferInfoCount = 1;
  info.pCommandBufferInfos = &commands;
  info.signalSemaphoreInfoCount = 1;
  info.pSignalSemaphoreInfos = &signal;
  info.waitSemaphoreInfoCount = after.timeline ? 1 : 0;
  info.pWaitSemaphoreInfos = &wait;
  note(vk_.vkQueueSubmit2(queue, 1, &info, VK_NULL_HANDLE), what);
}

void barrier(const DeviceFunctions& vk, VkCommandBuffer commands, VkPipelineStageFlags2 from_stage,
             VkAccessFlags2 from, VkPipelineStageFlags2 to_stage, VkAccessFlags2 to) {
  const VkMemoryBarrier2 memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER_2, nullptr, from_stage, from, to_stage, to};
  auto info = blank<VkDependencyInfo>(VK_STRUCTURE_TYPE_DEPENDENCY_INFO);
  info.memoryBarrierCount = 1;
  info.pMemoryBarriers = &memory;
  vk.vkCmdPipelineBarrier2(commands, &info);
}

void full_barrier(const DeviceFunctions& vk, VkCommandBuffer commands) {
  barrier(vk, commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, VK_ACCESS_2_MEMORY_WRITE_BIT,
          VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT);
}

Commands::Commands(const Device& device, uint32_t queue_family) {
  const DeviceFunctions& vk = device.vk();
  const VkCommandPoolCreateInfo info{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, nullptr, 0, queue_family};
  VkCommandPool made;
  check(vk.vkCreateCommandPool(device.handle(), &info, nullptr, &made), "creating a command pool");
  pool = {device.owner(), made, vk.vkDestroyCommandPool};
  const VkCommandBufferAllocateInfo allocate{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, made,
                                             VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  check(vk.vkAllocateCommandBuffers(device.handle(), &allocate, &buffer), "creating a command buffer");
}

void Commands::begin(const DeviceFunctions& vk, VkCommandBufferUsageFlags usage) {
  auto info = blank<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  info.flags = usage;
  check(vk.vkBeginCommandBuffer(buffer, &info), "recording");
}

}  // namespace fulmar::vulkan
