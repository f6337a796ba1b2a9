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
  VulkanBackend(const Instance& instance, PhysicalDevice device)
      : context_(std::make_shared<ProgramContext>(instance, std::move(device))) {}

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
  bool abandoned() const override { return context_->device.abandoned(); }

  std::unique_ptr<ops::Program> compile(const ops::Tape& tape, const ops::Memory& memory,
                                        const ops::BatchShape& shape, bool timing) override {
    return std::make_unique<RecordedProgram>(context_, tape, memory, shape, timing);
  }

 private:
  static void check_range(const ops::Buffer& buffer, uint64_t at, uint64_t bytes) {
    require(at <= buffer.bytes() && bytes <= buffer.bytes() - at, "bytes {} to {} of a buffer of {}", at,
            at + bytes, buffer.bytes());
  }
  std::shared_ptr<ProgramContext> context_;
};

}  // namespace

std::unique_ptr<ops::Backend> open_unchecked(const Instance& instance, PhysicalDevice device) {
  return std::make_unique<VulkanBackend>(instance, std::move(device));
}

namespace {

const Instance& instance_with(uint32_t device_index) {
  std::string why;
  const Instance* instance = Instance::open(why);
  if (!instance) fail(ErrorKind::unsupported, "no Vulkan device: {}; use the cpu", why);
  if (device_index >= instance->devices().size())
    fail(ErrorKind::unsupported, "vulkan:{} does not exist, there are {} Vulkan devices", device_index,
         instance->devices().size());
  return *instance;
}

// A backend whose plain kernels were seen to compute rightly under this build of the driver.
std::unique_ptr<ops::Backend> open_checked(const Instance& instance, PhysicalDevice device) {
  Findings found = read_findings(device);
  device.preserve_subnormals = found.subnormals == Subnormals::kept_when_asked;
  std::unique_ptr<ops::Backend> backend = open_unchecked(instance, device);
  if (found.subnormals == Subnormals::unknown) {
    KernelCheck check = check_kernels(*backend);
    found.subnormals = check.subnormals_kept ? Subnormals::kept : Subnormals::lost;
    if (check.right && !check.subnormals_kept && device.may_preserve_subnormals) {
      device.preserve_subnormals = true;
      backend = open_unchecked(instance, device);
      check = check_kernels(*backend);
      if (check.subnormals_kept) found.subnormals = Subnormals::kept_when_asked;
    }
    if (!check.right)
      fail(ErrorKind::unsupported, "{} multiplies wrongly with driver {}; update the driver, or use the cpu",
           device.caps.name, device.caps.driver);
    Findings now = read_findings(device);
    now.subnormals = found.subnormals;
    write_findings(device, now);
  }
  if (found.subnormals == Subnormals::lost)
    log_warning(
        "{}: takes fp16 numbers below 6e-5 for zero, among them scales of small weights; 'bf16' and 'fp32' "
        "do not "
        "suffer from it",
        device.caps.name);
  return backend;
}

}  // namespace

std::vector<ops::Caps> enumerate(std::string& why_none) {
  std::vector<ops::Caps> list;
  try {
    if (const Instance* instance = Instance::open(why_none))
      for (const PhysicalDevice& device : instance->devices()) {
        ops::Caps caps = device.caps;
        caps.free_bytes = free_memory(instance->vk(), device);
        caps.matrix_units = units_line(known_verdict(device));
        list.push_back(std::move(caps));
      }
  } catch (const std::exception& error) {
    why_none = error.what();
  }
  return list;
}

std::string passed_over() {
  std::string why;
  const Instance* instance = Instance::start(why);
  return instance ? instance->passed_over_because() : std::string();
}

std::unique_ptr<ops::Backend> make_backend(uint32_t device_index, MatrixUnits units) {
  const Instance& instance = instance_with(device_index);
  PhysicalDevice device = instance.devices()[device_index];
  if (units == MatrixUnits::always) {
    device.matrix_tile = find_matrix_tile(instance.vk(), device);
    if (!device.matrix_tile)
      fail(ErrorKind::unsupported,
           "{} offers no cooperative matrices of a usable size, or this build has none", device.caps.name);
    return open_unchecked(instance, std::move(device));
  }
  if (units == MatrixUnits::on_hardware) {
    std::optional<Verdict> verdict = known_verdict(device);
    if (!verdict) verdict = try_matrix_units(device, seconds_of_a_try);
    device.matrix_tile = verdict->tile;
    device.caps.matrix_units = units_line(verdict);
    if (!device.caps.software) log_info("{}: matrix units {}", device.caps.name, device.caps.matrix_units);
  }
  return open_checked(instance, std::move(device));
}

std::string check_matrix_units(uint32_t device_index, double seconds) {
  return units_line(try_matrix_units(instance_with(device_index).devices()[device_index], seconds));
}

std::string try_matrix_units_here(const std::string& key) {
  std::string why;
  const Instance* instance = Instance::open(why);
  if (!instance) return std::string(later) + why;
  for (PhysicalDevice device : instance->devices()) {
    if (findings_key(device) != key) continue;
    Verdict verdict{find_matrix_tile(instance->vk(), device), {}};
    if (!verdict.tile) return to_text({std::nullopt, std::string(no_usable_size)});
    device.matrix_tile = verdict.tile;
    try {
      const auto backend = open_unchecked(*instance, device);
      verdict.why_not = matrix_units_differ(*backend, linear_device(device));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::out_of_memory) return std::string(later) + error.what();
      verdict.why_not = error.what();
    }
    if (!verdict.why_not.empty()) verdict.tile.reset();
    return to_text(verdict);
  }
  return std::string(later) + "the process that tries them does not see the device";
}

}  // namespace fulmar::vulkan
