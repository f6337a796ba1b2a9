// The whole interface a backend implements.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ops/memory.h"

namespace fulmar::ops {

enum class Where {
  device,   // fastest for kernels
  arena,    // the same, and stream() can fill it
  staging,  // host writes, device reads
  host      // device writes, host reads
};

class Buffer {
 public:
  virtual ~Buffer() = default;
  uint64_t bytes() const { return bytes_; }

 protected:
  uint64_t bytes_ = 0;
};

// What a device is and can do; `fulmar devices` prints it.
struct Caps {
  std::string backend;  // "cpu", "vulkan"
  std::string name;     // "NVIDIA H100 80GB HBM3", "AMD EPYC ... (AVX3_ZEN4), 2 threads"
  std::string driver;   // "Mesa 25.0.7 (LLVM 19)", empty for the CPU
  uint64_t memory_bytes = 0;
  bool host_memory = false;  // kernels read host memory directly, so mapped weights can be adopted
  bool software = false;     // a GPU interface that runs on the CPU (lavapipe): never chosen by default
  std::vector<std::string> features;  // what it has, in use or not: "subgroups of 32", "offers integer dot"
  uint64_t max_buffer_bytes = ~uint64_t{0};  // that allocate() gives at once
  uint64_t free_bytes = 0;            // of the memory, when the device was listed; 0: unknown
  std::string matrix_units = {};  // whether they are used, and why not; empty where there is nothing to say
  bool rows_apart = false;  // programs of reproducible tapes must know which rows decode
};

// Bytes of device memory that a backend's buffers and programs take, now and at most so far. Host memory for
// transfers is not among them.
struct MemoryUse {
  uint64_t now = 0, peak = 0;
};

struct OpTime {
  uint32_t first_op, ops;  // the run of tape ops that one launch computed
  double seconds;
};

// A tape compiled for one batch shape. Not thread-safe; programs of one backend are started by one thread.
class Program {
 public:
  virtual ~Program() = default;
  // Uploads the per-step data and starts the step. `batch` may be freed on return.
  virtual void start(const Batch& batch) = 0;
  // Waits for the step, or computes it where nothing runs beside the caller. One span per tape output, [rows
  // or picks in use, width], the caller's to change, valid until the next start. Throws Error(device_lost).
  // What the step uses is nobody else's between start and finish.
  virtual std::span<const std::span<float>> finish() = 0;
  // Of the last finished step, when compiled with timing; else empty.
  virtual std::vector<OpTime> times() const { return {}; }
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const Caps& caps() const = 0;
  // Zero-filled, but for arenas. Throws Error(out_of_memory) saying how much was asked and how much there is.
  virtual std::unique_ptr<Buffer> allocate(uint64_t bytes, Where where) = 0;
  // A read-only buffer over host memory that `owner` keeps alive, without a copy; null where the device
  // cannot.
  virtual std::unique_ptr<Buffer> adopt(std::span<const std::byte> bytes,
                                        std::shared_ptr<const void> owner) = 0;
  // `from` may be reused on return. Ordered before programs started later; into a staging buffer at once, so
  // that no copy may be under way from it.
  virtual void upload(Buffer& to, uint64_t at, std::span<const std::byte> from) = 0;
  // A matrix of a tape with these activations, put into the order that the backend's integer kernels read, in as many bytes.
  // False, and nothing is done, where they do not take its format.
  virtual bool upload_arranged(Buffer& /*to*/, uint64_t /*at*/, const Weight& /*weight*/, Activations /*activations*/,
                               std::span<const std::byte> /*from*/) {
    return false;
  }
  // Waits until `to` is filled. Ordered after programs finished and copies made earlier.
  virtual void download(std::span<std::byte> to, const Buffer& from, uint64_t at) = 0;
  // On the device, ordered with uploads and programs. Ranges do not overlap.
  virtual void copy(Buffer& to, uint64_t to_at, const Buffer& from, uint64_t from_at, uint64_t bytes) = 0;
  // Begins a copy from a staging buffer to an arena, beside programs that run where the device can do that.
  // Programs started after await(ticket) see the bytes. Programs that used the range before must have
  // finished, and none may use it until then.
  virtual uint64_t stream(Buffer& to, uint64_t to_at, const Buffer& from, uint64_t from_at, uint64_t bytes) {
    copy(to, to_at, from, from_at, bytes);
    return 0;
  }
  virtual void await(uint64_t /*ticket*/) {}
  virtual MemoryUse memory_use() const { return {}; }
  // Whether the device was lost with work that never ended: its memory stays taken and nothing more can be
  // made of it in this process.
  virtual bool abandoned() const { return false; }
  // The states of so many slots, which this backend's programs work on: here as plain floats (state_memory.h).
  virtual std::unique_ptr<StateMemory> make_states(const Tape& tape, uint32_t slots);
  virtual std::unique_ptr<Program> compile(const Tape& tape, const Memory& memory, const BatchShape& shape,
                                           bool timing = false) = 0;
};

}  // namespace fulmar::ops
