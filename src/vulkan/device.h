// The logical device, its queue and its memory.
#pragma once
#include <span>

#include "vulkan/instance.h"

namespace fulmar::vulkan {

// arena: device memory that the copy queue writes too; upload: host writes; readback: host-cached.
enum class MemoryKind { device, arena, upload, readback };

// When a timeline reaches a time; never waited for where there is no timeline.
struct Moment {
  VkSemaphore timeline = VK_NULL_HANDLE;
  uint64_t time = 0;
};

class Device;

// A buffer with memory of its own and an address that kernels use; host kinds stay mapped.
class Allocation {
 public:
  Allocation() = default;
  // Throws Error(out_of_memory) with what was asked and what there is.
  Allocation(Device& device, uint64_t bytes, MemoryKind kind);
  Allocation(Allocation&& other) noexcept : Allocation() { swap(other); }
  Allocation& operator=(Allocation&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Allocation();

  VkBuffer buffer() const { return buffer_.get(); }
  uint64_t address() const { return address_; }
  uint64_t bytes() const { return bytes_; }
  std::byte* mapped() const { return mapped_; }

 private:
  void swap(Allocation& other);
  Device* device_ = nullptr;
  bool counted_ = false;  // among the device's memory
  uint64_t bytes_ = 0, address_ = 0;
  std::byte* mapped_ = nullptr;
  Unique<VkDeviceMemory> memory_;  // outlives the buffer bound to it
  Unique<VkBuffer> buffer_;
};

// What most of a step's time goes to: reading weights, as when texts are continued, or arithmetic, as when prompts
// are read.
enum class Bound { bytes, arithmetic };

// How long this device takes for what the slow card of plan.h does in a second.
class Pace {
 public:
  // A tenth of that card's speed until a step has shown better.
  double value() const { return value_; }
  // A step that was guessed to take so many seconds took so many.
  void took(double guessed, double seconds);

 private:
  double value_ = 10;
  bool measured_ = false;
};

// How long a device has finished nothing, as the waits for it tell. Clocks that go on while a machine sleeps would
// blame the device for it: a wait that returned long after its end counts as little more than the wait.
class Stillness {
 public:
  // A wait of at most `slice` seconds took so many, and the device has come to `reached`.
  void waited(double slice, double seconds, uint64_t reached);
  double seconds() const { return seconds_; }

 private:
  double seconds_ = 0;
  uint64_t reached_ = 0;
};

// The features and extensions that programs use, for VkDeviceCreateInfo: `chain` begins the features.
struct DeviceFeatures {
  explicit DeviceFeatures(const PhysicalDevice& device);
  DeviceFeatures(const DeviceFeatures&) = delete;
  DeviceFeatures& operator=(const DeviceFeatures&) = delete;
  void* chain() { return &f12; }
  VkPhysicalDeviceVulkan12Features f12;
  VkPhysicalDeviceVulkan13Features f13;
#if FULMAR_COOPERATIVE_MATRIX
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices;
#endif
  std::vector<const char*> extensions;
};

class Device {
 public:
  Device(const Instance& instance, PhysicalDevice physical);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const PhysicalDevice& physical() const { return physical_; }
  const DeviceFunctions& vk() const { return vk_; }
  VkDevice handle() const { return owner_.handle; }
  const DeviceOwner& owner() const { return owner_; }

  // Submits in order and returns the time at which all of it is done.
  uint64_t submit(std::span<const VkCommandBuffer> buffers);
  // Waits until `time` has passed. Throws Error(device_lost): when the driver says so, and when nothing was
  // finished for as long as the device is given (30 seconds, or FULMAR_GPU_TIMEOUT). After either nothing is
  // submitted to it or waited for any more; after the latter it is abandoned and nothing is destroyed either.
  void wait(uint64_t time);
  void wait_for(Moment moment, const char* what);
  bool abandoned() const { return owner_.abandoned; }
  // Whether everything that was submitted is done and the next submit waits for nothing.
  bool idle() const;

  // As the latest steps of its kind showed; steps are cut into parts by it.
  Pace& pace(Bound bound) { return paces_[static_cast<size_t>(bound)]; }
  // Seconds of a part: a desktop that shares the GPU stands still for as long.
  double longest_part() const;
  uint64_t last_submit() const { return submitted_; }
  void wait_before_next_submit(Moment moment) { awaited_ = moment; }
  // Of memory_use(): buffers in device memory.
  const ops::MemoryUse& memory_use() const { return memory_use_; }
  VkQueue copy_queue() const { return copy_queue_; }
  // Submits `buffer` to one of the queues, to begin after one moment and to bring about another.
  void submit_one(VkQueue queue, VkCommandBuffer buffer, Moment done, Moment after, const char* what);

 private:
  friend class Allocation;
  void refuse_if_lost() const;
  // check(), and a loss is remembered.
  void note(VkResult result, const char* what);

  PhysicalDevice physical_;
  DeviceOwner owner_;
  DeviceFunctions vk_;
  VkQueue queue_ = VK_NULL_HANDLE, copy_queue_ = VK_NULL_HANDLE;
  Unique<VkSemaphore> timeline_;
  uint64_t submitted_ = 0, passed_ = 0;
  Moment awaited_;  // the next submit begins after it
  double patience_;    // seconds without anything finished
  bool lost_ = false;  // as the driver said: later waits might not return
  Pace paces_[2];
  ops::MemoryUse memory_use_;
};

// A semaphore that counts.
Unique<VkSemaphore> make_timeline(const Device& device);

// A full barrier between what came before and what follows, on this queue.
void full_barrier(const DeviceFunctions& vk, VkCommandBuffer commands);
void barrier(const DeviceFunctions& vk, VkCommandBuffer commands, VkPipelineStageFlags2 from_stage,
             VkAccessFlags2 from, VkPipelineStageFlags2 to_stage, VkAccessFlags2 to);

// A pool with one primary command buffer.
struct Commands {
  Unique<VkCommandPool> pool;
  VkCommandBuffer buffer = VK_NULL_HANDLE;
  Commands(const Device& device, uint32_t queue_family);
  void begin(const DeviceFunctions& vk, VkCommandBufferUsageFlags usage);
};

}  // namespace fulmar::vulkan
