// The Vulkan backend's front: devices, buffers and programs; see backend.h.
#include "vulkan/backend.h"

#include <cstring>

#include "base/fail.h"
#include "base/log.h"
#include "vulkan/matrix_units.h"
#include "vulkan/program.h"
#include "vulkan/self_check.h"

namespace fulmar::vulkan {
namespace {

class VulkanBackend final : public ops::Backend {
 public:
  VulkanBackend(std::shared_ptr<const Instance> instance, uint32_t index, MatrixUnits units)
      : context_(std::make_shared<Context>(std::move(instance), index, units)) {
    if (units == MatrixUnits::on_hardware && context_->device.physical().matrix_units) check_matrix_units();
  }

  const ops::Caps& caps() const override { return context_->device.physical().caps; }

  std::unique_ptr<ops::Buffer> allocate(uint64_t bytes, ops::Where where) override {
    const MemoryKind kind = where == ops::Where::device    ? MemoryKind::device
                            : where == ops::Where::arena   ? MemoryKind::arena
                            : where == ops::Where::staging ? MemoryKind::upload
                                                           : MemoryKind::readback;
    return std::make_unique<DeviceBuffer>(context_, bytes, kind);
  }

  // Kernels would read the host's memory over the bus every step.
  std::unique_ptr<ops::Buffer> adopt(std::span<const std::byte>, std::shared_ptr<const void>) override {
    return nullptr;
  }

  void upload(ops::Buffer& to, uint64_t at, std::span<const std::byte> from) override {
    check_range(to, at, from.size());
    if (std::byte* mapped = memory_of(to).mapped())
      std::memcpy(mapped + at, from.data(), from.size());
    else
      context_->transfers.upload(memory_of(to), at, from);
  }
  void download(std::span<std::byte> to, const ops::Buffer& from, uint64_t at) override {
    check_range(from, at, to.size());
    context_->transfers.download(to, memory_of(from), at);
  }
  void copy(ops::Buffer& to, uint64_t to_at, const ops::Buffer& from, uint64_t from_at,
            uint64_t bytes) override {
    check_range(to, to_at, bytes);
    check_range(from, from_at, bytes);
    context_->transfers.copy(memory_of(to), to_at, memory_of(from), from_at, bytes);
  }

  uint64_t stream(ops::Buffer& to, uint64_t to_at, const ops::Buffer& from, uint64_t from_at,
                  uint64_t bytes) override {
    check_range(to, to_at, bytes);
    check_range(from, from_at, bytes);
    return context_->copies.copy(memory_of(to), to_at, memory_of(from), from_at, bytes);
  }
  void await(uint64_t ticket) override { context_->copies.await(ticket); }
  ops::MemoryUse memory_use() const override { return context_->device.memory_use(); }

  std::unique_ptr<ops::Program> compile(const ops::Tape& tape, const ops::Memory& memory,
                                        const ops::BatchShape& shape, bool timing) override {
    return std::make_unique<RecordedProgram>(context_, tape, memory, shape, timing);
  }

 private:
  // A driver whose matrix units multiply wrongly or refuse the kernel costs speed, not answers.
  void check_matrix_units() {
    std::string why = "they multiply differently from the plain kernel";
    try {
      if (matrix_units_agree(*this)) return;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::device_lost) throw;
      why = error.what();
    }
    context_->device.stop_using_matrix_units();
    log_warning("{}: matrix units are not used: {}", caps().name, why);
  }

  static void check_range(const ops::Buffer& buffer, uint64_t at, uint64_t bytes) {
    require(at <= buffer.bytes() && bytes <= buffer.bytes() - at, "bytes {} to {} of a buffer of {}", at,
            at + bytes, buffer.bytes());
  }
  std::shared_ptr<Context> context_;
};

}  // namespace

std::vector<ops::Caps> enumerate(std::string& why_none) {
  std::vector<ops::Caps> list;
  try {
    if (const auto instance = Instance::open(why_none))
      for (PhysicalDevice device : instance->devices()) {
        choose_matrix_units(device, MatrixUnits::on_hardware);
        list.push_back(std::move(device.caps));
      }
  } catch (const std::exception& error) {
    why_none = error.what();
  }
  return list;
}

std::unique_ptr<ops::Backend> make_backend(uint32_t device_index, MatrixUnits units) {
  std::string why;
  std::shared_ptr<const Instance> instance = Instance::open(why);
  if (!instance) fail(ErrorKind::unsupported, "no Vulkan device: {}; use the cpu", why);
  if (device_index >= instance->devices().size())
    fail(ErrorKind::unsupported, "vulkan:{} does not exist, there are {} Vulkan devices", device_index,
         instance->devices().size());
  return std::make_unique<VulkanBackend>(std::move(instance), device_index, units);
}

}  // namespace fulmar::vulkan
