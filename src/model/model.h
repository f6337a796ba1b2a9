// A loaded model: weights on a device, slots of state, and programs for the batch shapes that come along.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fulmar/model.h"
#include "fulmar/state.h"
#include "ops/backend.h"
#include "rwkv/config.h"

namespace fulmar {

class ThreadPool;
class EmbeddingHeads;
struct OpenedDevice;
struct StrategyPart;

// A spec, and what only those add to it who look inside.
struct LoadOptions : ModelSpec {
  uint32_t max_picks = 0;  // rows of logits at once; 0: one a slot
  // Opens the device of a strategy's part; empty: those of this machine.
  std::function<OpenedDevice(const StrategyPart&)> open;
};

// Memory of one device as it was predicted and as it came out, in bytes.
struct DeviceMemory {
  std::string device;  // "vulkan:0"
  uint64_t predicted = 0;
  ops::MemoryUse used;
};

// What a model computes at once.
struct Step {
  std::span<const int32_t> tokens;         // one a row
  std::span<const ops::Segment> segments;  // cover the rows, those that decode first
  std::span<const uint32_t> picks;  // rows whose logits are wanted, ascending, all that decode among them if any
};

class Model {
 public:
  // See load.h, which has the steps. Throws Error.
  static std::unique_ptr<Model> load(const LoadOptions& options);
  // From a checkpoint that is open already; options.file is not looked at.
  static std::unique_ptr<Model> load(const LoadOptions& options, SourcePtr file);
  virtual ~Model() = default;

  virtual const rwkv::Config& config() const = 0;
  virtual const ops::Caps& caps() const = 0;
  virtual std::string strategy() const = 0;   // as resolved: "vulkan:0 fp16"
  virtual uint64_t weight_bytes() const = 0;  // of all layers, wherever they are
  virtual std::vector<DeviceMemory> memory() const { return {}; }
  virtual const EmbeddingHeads* heads() const { return nullptr; }  // of a model that embeds
  virtual uint32_t slots() const = 0;
  virtual uint32_t max_rows() const = 0;
  virtual uint32_t max_picks() const = 0;  // in a step
  virtual uint64_t state_floats() const = 0;  // of one slot
  virtual const ops::Tape& tape() const = 0;  // of all layers
  // Whose states these are: the weights and the adapters merged into them.
  virtual Fingerprint fingerprint() const = 0;
  // Threads for what the host does between two steps, the caller's among them; asleep otherwise. Steps use them too,
  // so they are for the thread that starts and finishes those.
  virtual ThreadPool& team() = 0;

  // Starts a step; what it points to must stay until finish(), which every start needs. Throws
  // Error(bad_request) for a token outside [0, V).
  virtual void start(const Step& step) = 0;
  // Waits for the step. Logits [picks, V], of a model that embeds what its final norm gives, [picks, C], the caller's to change, valid until the next start.
  virtual std::span<float> finish() = 0;
  std::span<float> step(std::span<const int32_t> tokens, std::span<const ops::Segment> segments,
                        std::span<const uint32_t> picks) {
    start({tokens, segments, picks});
    return finish();
  }

  // A fresh state (zeros, or the model's own initial state) for a slot.
  virtual void reset_slot(uint32_t slot) = 0;
  // The same without a tuned state of another file (ModelSpec::state).
  virtual void reset_slot_untuned(uint32_t slot) = 0;
  virtual void copy_slot(uint32_t to, uint32_t from) = 0;
  // A state is state_floats() long and the same for every strategy, so that states move between them.
  virtual void read_slot(uint32_t slot, std::span<float> out) = 0;
  virtual void write_slot(uint32_t slot, std::span<const float> in) = 0;

  // Merges these adapters in place of those the weights have now; none: the weights of the file. Only what
  // the old or the new ones change is placed anew, and the states of slots stay as they are. What makes
  // another tape is Error(unsupported); after an Error the weights are what they were.
  virtual void set_adapters(const std::vector<Adapter>& adapters) = 0;

  // After Error(device_lost): opens the devices again and loads the weights from the file, with the adapters
  // and the tuned state they had; the states of slots are lost. `checkpoint` is called before each weight and
  // may throw to give up. Throws what load() throws, and Error(unavailable) where a device still holds work
  // that never ended. Until it succeeds this must not be used for anything else.
  virtual void rebuild(const std::function<void()>& checkpoint) = 0;

  // Per-op timing of the following steps, for `fulmar bench --ops`; ops are numbered as in tape().
  virtual void set_timing(bool on) = 0;
  virtual std::vector<ops::OpTime> times() const = 0;
};

// Backends present on this machine, best first; the CPU is always last.
struct ListedDevice {
  std::string word;  // what a strategy calls it: "vulkan:0", "cpu"
  ops::Caps caps;
};
std::vector<ListedDevice> list_devices();
// Why there is no Vulkan device ("no Vulkan driver: libvulkan.so.1 was not found ..."); empty where there is
// one.
std::string why_no_vulkan();

}  // namespace fulmar
