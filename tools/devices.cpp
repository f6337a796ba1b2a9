// `fulmar devices`: what this machine can run a model on.
#include <fmt/format.h>

#include "commands.h"
#include "engine/model.h"

namespace fulmar::tools {
namespace {

int run_devices() {
  for (const Device& device : list_devices()) {
    fmt::print("{}: {}{}\n", device.word, device.caps.name, device.caps.software ? " (software)" : "");
    if (!device.caps.driver.empty()) fmt::print("  driver    {}\n", device.caps.driver);
    if (device.caps.memory_bytes)
      fmt::print("  memory    {:.1f} GiB\n", static_cast<double>(device.caps.memory_bytes) / (1 << 30));
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
