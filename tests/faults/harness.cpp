// The fault layer's environment and the work that is done behind it; see harness.h.
#include "faults/harness.h"

#include <cstdlib>
#include <numeric>

#include "base/fail.h"
#include "vulkan/backend.h"

namespace fulmar::faults {
namespace {

void set(const char* name, const char* value) {
#ifdef _WIN32
  _putenv_s(name, value ? value : "");
#else
  value ? setenv(name, value, 1) : unsetenv(name);
#endif
}

std::string limits() { return fmt::format("max_allocation={} max_groups={} ", most_bytes, most_groups); }

constexpr uint32_t C = 32, T = 3;

}  // namespace

Misbehave::Misbehave(const std::string& words) { set("FULMAR_FAULTS", (limits() + words).c_str()); }
Misbehave::~Misbehave() { set("FULMAR_FAULTS", limits().c_str()); }

Setting::Setting(const char* name, const std::string& value) : name_(name) { set(name, value.c_str()); }
Setting::~Setting() { set(name_, nullptr); }

void FaultTest::SetUp() {
  set("VK_ADD_LAYER_PATH", FULMAR_FAULT_LAYER);
  set("VK_INSTANCE_LAYERS", "VK_LAYER_FULMAR_faults");
  set("FULMAR_FAULTS", limits().c_str());
  std::string why;
  const std::vector<ops::Caps> found = vulkan::enumerate(why);
  if (found.empty()) GTEST_SKIP() << why;
  if (!found[0].software) GTEST_SKIP() << "the first device is a real one";
  vulkan::make_backend(0);  // whatever is found out about a driver once, before something goes wrong
}

Work::Work(ops::Backend& made) : backend(made), x(C * T) {
  std::vector<float> twice(C * C);
  for (uint32_t c = 0; c < C; ++c) twice[c * C + c] = 2;
  std::iota(x.begin(), x.end(), 1.0f);
  tape.inputs = {tape.value("x", C)};
  tape.outputs = {tape.value("y", C)};
  tape.ops.push_back(ops::Linear{tape.inputs[0], tape.outputs[0], tape.weight("w", C, C, Format::f32)});
  const ops::BatchShape shape{T, 1, 0};
  const auto bytes = std::as_bytes(std::span(twice));
  weight = backend.allocate(bytes.size(), ops::Where::device);
  backend.upload(*weight, 0, bytes);
  activations = backend.allocate(ops::plan_arena(tape, shape).bytes, ops::Where::device);
  state = backend.allocate(2 * bytes.size(), ops::Where::device);
  staging = backend.allocate(bytes.size(), ops::Where::staging);
  backend.upload(*staging, 0, bytes);
  arena = backend.allocate(bytes.size(), ops::Where::arena);
  ops::Memory memory;
  memory.weights = {{arena.get(), 0}};
  memory.activations = activations.get();
  program = backend.compile(tape, memory, shape);
}

void Work::step() {
  backend.copy(*state, 0, *weight, 0, weight->bytes());
  backend.await(backend.stream(*arena, 0, *staging, 0, staging->bytes()));
  const std::span<const float> input(x);
  const ops::Segment segment{0, 0, T};
  program->start({T, {&segment, 1}, {}, {&input, 1}});
  const auto y = program->finish()[0];
  for (size_t i = 0; i < x.size(); ++i) require(y[i] == 2 * x[i], "y[{}] is {}, x {}", i, y[i], x[i]);
  std::vector<float> back(C * C);
  backend.download(std::as_writable_bytes(std::span(back)), *state, 0);
  require(back[0] == 2 && back[1] == 0, "the state is not what was copied there");
}

}  // namespace fulmar::faults
