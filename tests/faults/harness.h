// Puts the fault layer between this program and its driver, and makes small programs to run behind it.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fulmar/error.h"
#include "ops/backend.h"

namespace fulmar::faults {

// What every device of these tests gives at once and starts along a side of a grid: it is read once, with the list of
// devices.
inline constexpr uint64_t most_bytes = 17'000'000;  // staging takes 16 MiB
inline constexpr uint32_t most_groups = 130;

// What devices that are opened meanwhile do wrong besides; see layer/faults.h.
class Misbehave {
 public:
  explicit Misbehave(const std::string& words);
  ~Misbehave();
};
// The same for an environment variable of the product.
class Setting {
 public:
  Setting(const char* name, const std::string& value);
  ~Setting();

 private:
  const char* name_;
};

// Skips where there is no software driver to misbehave: a real card is not put at risk.
class FaultTest : public testing::Test {
 protected:
  void SetUp() override;
};

// y = 2 x for some rows, with a state that is copied, an arena that is streamed into, and all that a model does.
struct Work {
  explicit Work(ops::Backend& made);
  void step();  // checks the result

  ops::Backend& backend;
  ops::Tape tape;
  std::vector<float> x;
  std::unique_ptr<ops::Buffer> weight, activations, state, staging, arena;
  std::unique_ptr<ops::Program> program;
};

// The error that `work` ends with, if any.
template <typename F>
std::optional<Error> error_of(F work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

}  // namespace fulmar::faults
