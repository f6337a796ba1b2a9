// Choosing a strategy by memory; see auto_strategy.h.
#include "model/auto_strategy.h"

#include <algorithm>

#include "base/fail.h"
#include "base/log.h"
#include "model/devices.h"

namespace fulmar {
namespace {

constexpr std::string_view smaller_precisions[] = {"fp16", "fp16i8"};

std::string mib(uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

class Chooser {
 public:
  Chooser(uint32_t L, uint64_t limit, const PlanOf& plan_of, const NeedsOf& needs_of,
          const std::vector<ListedDevice>& devices)
      : L_(L), limit_(limit), plan_of_(plan_of), needs_of_(needs_of), devices_(devices) {}

  ChosenPlan automatic(const std::string& asked, const std::string& why_no_gpu) {
    const auto gpu = std::find_if(devices_.begin(), devices_.end(), [](const ListedDevice& device) {
      return device.caps.backend != "cpu" && !device.caps.software;
    });
    if (gpu == devices_.end()) return cpu(asked, why_no_gpu.empty() ? "there is no GPU" : why_no_gpu);
    const std::string device = gpu->word;
    if (!asked.empty()) return on_device(parse_strategy(fmt::format("{} {}", device, asked)));
    const std::string room =
        fmt::format("of {} allowed on {}", mib(*allowed(parse_strategy(device).parts[0])), gpu->caps.name);
    ModelPlan plan = plan_of_(parse_strategy(device));
    const uint64_t own = need_on_gpu(plan);
    if (fits(plan))
      return {std::move(plan), fmt::format("the file's own precision needs {} {}", mib(own), room)};
    const std::string too_large = fmt::format("the file's own precision needs {}", mib(own));
    for (const std::string_view precision : smaller_precisions) {
      plan = plan_of_(parse_strategy(fmt::format("{} {}", device, precision)));
      const uint64_t need = need_on_gpu(plan);
      if (need < own && fits(plan))
        return {std::move(plan), fmt::format("{}, {} needs {} {}", too_large, precision, mib(need), room)};
    }
    if (auto streamed = stream(parse_strategy(fmt::format("{} {}", device, smaller_precisions[1])).parts[0]))
      return {std::move(*streamed), fmt::format("{} {}; the other layers are streamed", too_large, room)};
    return cpu({}, fmt::format("even streamed it does not fit into what is {}", room.substr(3)));
  }

  // One GPU, the number of layers left open.
  ChosenPlan on_device(const Strategy& wanted) {
    ModelPlan plan = plan_of_(wanted);
    if (fits(plan)) return {std::move(plan), {}};
    const uint64_t need = need_on_gpu(plan);
    if (auto streamed = stream(wanted.parts[0]))
      return {std::move(*streamed),
              fmt::format("all layers need {}, allowed are {}; those that do not fit are streamed", mib(need),
                          mib(*allowed(wanted.parts[0])))};
    if (limit_) complain(plan);
    return {std::move(plan), {}};  // the driver has the last word
  }

  ChosenPlan as_written(const Strategy& wanted) {
    ModelPlan plan = plan_of_(wanted);
    if (limit_) complain(plan);
    return {std::move(plan), {}};
  }

 private:
  ChosenPlan cpu(const std::string& asked, const std::string& why) {
    return {plan_of_(parse_strategy("cpu " + asked)), fmt::format("it runs on the CPU: {}", why)};
  }

  // Bytes a strategy may use of a device; nothing where that is unknown or, on the CPU, not counted.
  std::optional<uint64_t> allowed(const StrategyPart& part) const {
    if (part.device == "cpu") return std::nullopt;
    std::optional<uint64_t> bytes;
    if (limit_) bytes = limit_;
    for (const ListedDevice& device : devices_)
      if (device.word == device_word(part)) {
        const uint64_t free = device.caps.free_bytes ? device.caps.free_bytes : device.caps.memory_bytes;
        bytes = std::min(bytes.value_or(free), free);
      }
    return bytes;
  }

  bool fits(const ModelPlan& plan) const {
    const std::vector<MemoryNeed> needs = needs_of_(plan);
    for (size_t i = 0; i < needs.size(); ++i)
      if (const auto bytes = allowed(plan.devices[i]); bytes && needs[i].total() > *bytes) return false;
    return true;
  }

  uint64_t need_on_gpu(const ModelPlan& plan) const { return needs_of_(plan)[0].total(); }

  // With as many layers resident as fit, and the head, which every token needs as a whole.
  std::optional<ModelPlan> stream(StrategyPart part) const {
    StrategyPart head = part;
    head.layers = 1;
    part.streams = true;
    std::optional<ModelPlan> best;
    for (uint32_t low = 0, high = L_; low < high;) {  // [low, high) is undecided
      part.layers = low + (high - low) / 2;
      ModelPlan plan = plan_of_({{}, {part, head}});
      if (fits(plan))
        best = std::move(plan), low = *part.layers + 1;
      else
        high = *part.layers;
    }
    return best;
  }

  void complain(const ModelPlan& plan) const {
    const std::vector<MemoryNeed> needs = needs_of_(plan);
    for (size_t i = 0; i < needs.size(); ++i) {
      const auto bytes = allowed(plan.devices[i]);
      if (!bytes || needs[i].total() <= *bytes) continue;
      fail(ErrorKind::out_of_memory,
           "strategy '{}' needs {} on {} (weights {}, states {}, activations {}), allowed are {}; give it "
           "fewer layers there, fewer slots or a smaller precision, leave the number of layers out so that "
           "those that do not fit are streamed, or raise --memory-limit",
           to_string(plan.strategy), mib(needs[i].total()), device_word(plan.devices[i]),
           mib(needs[i].weights + needs[i].arenas), mib(needs[i].states), mib(needs[i].activations),
           mib(*bytes));
    }
  }

  const uint32_t L_;
  const uint64_t limit_;
  const PlanOf& plan_of_;
  const NeedsOf& needs_of_;
  const std::vector<ListedDevice>& devices_;
};

}  // namespace

ChosenPlan choose_plan(const Strategy& wanted, uint32_t L, uint64_t memory_limit, const PlanOf& plan_of,
                       const NeedsOf& needs_of, const std::vector<ListedDevice>& devices,
                       const std::string& why_no_gpu) {
  Chooser chooser(L, memory_limit, plan_of, needs_of, devices);
  if (wanted.parts.empty()) return chooser.automatic(wanted.precision, why_no_gpu);
  if (wanted.parts.size() == 1 && !wanted.parts[0].layers && wanted.parts[0].device != "cpu")
    return chooser.on_device(wanted);
  return chooser.as_written(wanted);
}

ModelPlan choose_plan(const Strategy& wanted, uint32_t L, uint64_t memory_limit, const PlanOf& plan_of,
                      const NeedsOf& needs_of) {
  const bool automatic = wanted.parts.empty();
  const bool asks = automatic || std::any_of(wanted.parts.begin(), wanted.parts.end(),
                                             [](const StrategyPart& part) { return part.device != "cpu"; });
  ChosenPlan choice =
      choose_plan(wanted, L, memory_limit, plan_of, needs_of,
                  asks ? list_devices() : std::vector<ListedDevice>(),
                  automatic ? why_no_vulkan() : std::string());
  if (!choice.why.empty()) log_info("strategy '{}': {}", to_string(choice.plan.strategy), choice.why);
  return std::move(choice.plan);
}

}  // namespace fulmar
