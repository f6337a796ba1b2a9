// `fulmar devices`: what this machine can run a model on.
#include <fmt/format.h>

#include "commands.h"
#include "engine/model.h"

namespace fulmar::tools {
namespace {

double gib(uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 30);
}

int run_devices() {
  for (const Device& device : list_devices()) {
    fmt::print("{}: {}{}\n", device.word, device.caps.name, device.caps.software ? " (software)" : "");
    if (!device.caps.driver.empty()) fmt::print("  driver    {}\n", device.caps.driver);
    if (device.caps.memory_bytes)
      fmt::print("  memory    {:.1f} GiB{}\n", gib(device.caps.memory_bytes),
                 device.caps.free_bytes ? fmt::format(", {:.1f} GiB free", gib(device.caps.free_bytes)) : "");
    if (!device.caps.features.empty()) fmt::print("  features  {}\n", fmt::join(device.caps.features, ", "));
  }
  const std::string why = why_no_vulkan();
  if (!why.empty()) fmt::print("no Vulkan device: {}\n", why);
  return 0;
}

}  // namespace

void add_devices(CLI::App& app, Command& run) {
  CLI::App* command = app.add_subcommand("devices", "List the devices a strategy can name");
  command->callback([&run] { run = run_devices; });
}

}  // namespace fulmar::tools
