// What both systems share: which command helps, and a helper's own time limit.
#include "base/child_process.h"

#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/platform.h"

namespace fulmar {
namespace {

HelperCommand& chosen_command() {
  static HelperCommand command;
  return command;
}

}  // namespace

void set_helper_command(HelperCommand command) {
  chosen_command() = std::move(command);
}

const HelperCommand& helper_command() {
  return chosen_command();
}

void behave_as_helper(double seconds) {
  crash_quietly();
  std::thread([seconds] {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    std::_Exit(1);
  }).detach();
}

}  // namespace fulmar
