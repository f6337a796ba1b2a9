// Host memory, copies and the thread pool behind the backend interface.
#include "cpu/backend.h"

#include <cstring>

#include "base/fail.h"
#include "base/platform.h"
#include "cpu/arranged.h"
#include "cpu/buffer.h"
#include "cpu/kernels.h"
#include "cpu/program.h"

namespace fulmar::cpu {
namespace {

uint32_t thread_count(uint32_t threads) {
  return threads ? threads : usable_cores();
}

ops::Caps caps_of(uint32_t threads) {
  ops::Caps caps;
  caps.backend = "cpu";
  caps.name = fmt::format("CPU ({}), {} thread{}", linear_kernels().target, threads, threads == 1 ? "" : "s");
  caps.memory_bytes = physical_memory();
  caps.host_memory = true;
  return caps;
}

// [at, at + bytes) lies inside a buffer of `size` bytes.
void check_range(const char* what, uint64_t at, uint64_t bytes, uint64_t size) {
  require(at <= size && bytes <= size - at, "{}: bytes [{}, +{}) of a buffer of {}", what, at, bytes, size);
}

std::byte* writable(ops::Buffer& buffer, const char* what) {
  std::byte* data = static_cast<HostBuffer&>(buffer).writable();
  require(data != nullptr, "{}: the buffer is read-only", what);
  return data;
}

class CpuBackend : public ops::Backend {
 public:
  explicit CpuBackend(uint32_t threads) : caps_(caps_of(threads)), pool_(threads) {}

  const ops::Caps& caps() const override { return caps_; }

  std::unique_ptr<ops::Buffer> allocate(uint64_t bytes, ops::Where) override {
    // Systems promise more than they have; a model that cannot fit should say so before it is loaded.
    Pages pages;
    if (!caps_.memory_bytes || bytes <= caps_.memory_bytes) pages = allocate_pages(bytes);
    if (!pages)
      fail(ErrorKind::out_of_memory, "cannot allocate {} MiB of host memory; the machine has {} MiB",
           bytes >> 20, caps_.memory_bytes >> 20);
    return std::make_unique<HostBuffer>(std::move(pages), bytes, use_);
  }

  std::unique_ptr<ops::Buffer> adopt(std::span<const std::byte> bytes,
                                     std::shared_ptr<const void> owner) override {
    return std::make_unique<HostBuffer>(bytes, std::move(owner));
  }

  void upload(ops::Buffer& to, uint64_t at, std::span<const std::byte> from) override {
    check_range("upload", at, from.size(), to.bytes());
    if (!from.empty()) std::memcpy(writable(to, "upload") + at, from.data(), from.size());
  }

  bool upload_arranged(ops::Buffer& to, uint64_t at, const ops::Weight& w, ops::Activations activations,
                       std::span<const std::byte> from) override {
    if (rounding(w.format, activations) == ops::Activations::f32) return false;
    check_range("upload", at, from.size(), to.bytes());
    require(from.size() >= info(w.format).matrix_bytes(w.rows, w.cols), "{} has {} bytes", w.name, from.size());
    arrange(w.format, w.rows, w.cols, from.data(), writable(to, "upload") + at);
    return true;
  }

  void download(std::span<std::byte> to, const ops::Buffer& from, uint64_t at) override {
    check_range("download", at, to.size(), from.bytes());
    if (!to.empty()) std::memcpy(to.data(), static_cast<const HostBuffer&>(from).data() + at, to.size());
  }

  void copy(ops::Buffer& to, uint64_t to_at, const ops::Buffer& from, uint64_t from_at,
            uint64_t bytes) override {
    check_range("copy to", to_at, bytes, to.bytes());
    check_range("copy from", from_at, bytes, from.bytes());
    if (bytes)
      std::memcpy(writable(to, "copy") + to_at, static_cast<const HostBuffer&>(from).data() + from_at, bytes);
  }

  ops::MemoryUse memory_use() const override { return *use_; }

  std::unique_ptr<ops::Program> compile(const ops::Tape& tape, const ops::Memory& memory,
                                        const ops::BatchShape& shape, bool timing) override {
    return make_program(tape, memory, shape, pool_, timing);
  }

 private:
  ops::Caps caps_;
  std::shared_ptr<ops::MemoryUse> use_ = std::make_shared<ops::MemoryUse>();
  ThreadPool pool_;
};

}  // namespace

std::unique_ptr<ops::Backend> make_backend(uint32_t threads) {
  return std::make_unique<CpuBackend>(thread_count(threads));
}

ops::Caps describe() {
  return caps_of(thread_count(0));
}

}  // namespace fulmar::cpu
