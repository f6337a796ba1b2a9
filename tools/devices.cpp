// `fulmar devices`: what this machine can run a model on.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/child_process.h"
#include "base/terminal.h"
#include "commands.h"
#include "model/devices.h"

namespace fulmar::tools {
namespace {

double gib(uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 30);
}

struct DevicesFlags {
  bool check = false;
  double check_seconds = 60;
};

int run_devices(const DevicesFlags& flags) {
  for (const ListedDevice& device : flags.check ? check_devices(flags.check_seconds) : list_devices()) {
    fmt::print("{}: {}{}\n", device.word, device.caps.name, device.caps.software ? " (software)" : "");
    if (!device.caps.driver.empty()) fmt::print("  driver    {}\n", device.caps.driver);
    if (device.caps.memory_bytes)
      fmt::print("  memory    {:.1f} GiB{}\n", gib(device.caps.memory_bytes),
                 device.caps.free_bytes ? fmt::format(", {:.1f} GiB free", gib(device.caps.free_bytes)) : "");
    if (!device.caps.features.empty()) fmt::print("  features  {}\n", fmt::join(device.caps.features, ", "));
    if (!device.caps.matrix_units.empty()) fmt::print("  matrix    units {}\n", device.caps.matrix_units);
  }
  if (const std::string why = why_no_vulkan(); !why.empty())
    fmt::print("no Vulkan device: {}\n", why);
  else if (const std::string others = passed_over_devices(); !others.empty())
    fmt::print("passed over: {}\n", others);
  return 0;
}

}  // namespace

void add_devices(CommandLine& line) {
  auto flags = std::make_shared<DevicesFlags>();
  Command command = line.command("devices", "List the devices a strategy can name");
  command.flag(
      "--check", flags->check,
      "Try the matrix units of every GPU again, whatever an earlier try found, and remember what comes out");
  command.option("--check-seconds", flags->check_seconds, "How long one GPU may take for it")
      .show_default()
      .positive();
  command.runs([flags] { return run_devices(*flags); });
}

void add_matrix_unit_try(CommandLine& line) {
  struct Task {
    std::string device;
    double seconds = 0;
  };
  auto task = std::make_shared<Task>();
  Command command = line.command(matrix_unit_try, "").hide();  // for this program alone
  command.option("device", task->device).required();
  command.option("seconds", task->seconds).required();
  command.runs([task]() -> int {
    use_binary_streams();
    behave_as_helper(task->seconds + 5);  // should the process that waits be gone
    fmt::print("\n{}\n", try_matrix_units_here(task->device));
    std::fflush(stdout);
    std::_Exit(0);  // drivers also crash when they are unloaded
  });
}

}  // namespace fulmar::tools
