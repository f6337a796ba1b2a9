// A tape recorded as command buffers, replayed every step.
#pragma once
#include <chrono>
#include <optional>

#include "ops/backend.h"
#include "vulkan/copy_queue.h"
#include "vulkan/plan.h"
#include "vulkan/transfers.h"

namespace fulmar::vulkan {

// What a backend's buffers and programs share; the last of them to go closes the device.
struct ProgramContext {
  ProgramContext(const Instance& instance, PhysicalDevice physical)
      : device(instance, std::move(physical)), pipelines(device), transfers(device), copies(device) {}
  ~ProgramContext() { settle(); }
  // Waits until nothing is gathered or under way; returns at once, and each time, for a device that was lost.
  void settle() noexcept;
  Device device;
  Pipelines pipelines;
  Transfers transfers;
  CopyQueue copies;
};

class DeviceBuffer final : public ops::Buffer {
 public:
  DeviceBuffer(std::shared_ptr<ProgramContext> context, uint64_t bytes, MemoryKind kind);
  ~DeviceBuffer() override;
  const Allocation& memory() const { return memory_; }
  const std::shared_ptr<ProgramContext>& context() const { return context_; }

 private:
  std::shared_ptr<ProgramContext> context_;
  Allocation memory_;
};
// A backend on this device as it is described, nothing checked.
std::unique_ptr<ops::Backend> open_unchecked(const Instance& instance, PhysicalDevice device);

// The allocation behind a buffer of this backend; throws Error(internal) for another backend's.
const Allocation& memory_of(const ops::Buffer& buffer);

class RecordedProgram final : public ops::Program {
 public:
  RecordedProgram(std::shared_ptr<ProgramContext> context, const ops::Tape& tape, const ops::Memory& memory,
                  const ops::BatchShape& shape, bool timing);
  // With parts of this many seconds instead of the device's.
  RecordedProgram(std::shared_ptr<ProgramContext> context, const ops::Tape& tape, const ops::Memory& memory,
                  const ops::BatchShape& shape, bool timing, double longest_part);
  ~RecordedProgram() override;
  size_t parts() const { return parts_.size(); }
  Bound bound() const { return plan_.bound; }
  void start(const ops::Batch& batch) override;
  std::span<const std::span<float>> finish() override;
  std::vector<ops::OpTime> times() const override { return times_; }

 private:
  // An input or output: its bytes in the arena and in the mapped buffer.
  struct Port {
    uint64_t arena_at, host_at, bytes;
    uint32_t width;
    bool picked;
  };
  std::vector<Port> ports(const ops::Tape& tape, const ops::ArenaPlan& arena,
                          const std::vector<ops::ValueId>& ids, uint64_t host_at, uint64_t& host_bytes) const;
  // Launches in parts that are submitted apart: watchdogs allow a submit two seconds and more.
  void record();
  // Whether the device turned out so much slower, or faster, that other parts are called for.
  bool outdated() const;
  void begin_part();
  void end_part();
  void read_times();

  std::shared_ptr<ProgramContext> context_;
  ops::BatchShape shape_;
  StepLayout layout_;
  bool reproducible_;
  double longest_part_;
  Plan plan_;
  const Allocation& arena_;
  std::vector<uint64_t> slots_;  // addresses of their states
  double seconds_ = 0, recorded_pace_ = 0, longest_ = 0;  // guesses: the whole step, the longest part
  std::vector<Port> inputs_, outputs_;
  Allocation staging_, step_, tables_, results_;
  std::vector<Commands> parts_;  // one submit each
  std::vector<VkCommandBuffer> buffers_;
  Unique<VkQueryPool> queries_;
  std::vector<ops::OpTime> times_;
  std::vector<uint64_t> ticks_;
  uint64_t running_until_ = 0;
  std::optional<std::chrono::steady_clock::time_point> started_;  // with nothing else under way
  uint32_t rows_ = 0, picks_ = 0;
  std::vector<std::span<float>> views_;
};

}  // namespace fulmar::vulkan
