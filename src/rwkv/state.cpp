// Layout and start of a slot's state; see state.h.
#include "rwkv/state.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar::rwkv {
namespace {

uint32_t wkv_floats(const Config& config) {
  return config.version == Version::v4 ? 3 * config.A : config.A * config.N;
}

}  // namespace

LayerState layer_state(const Config& config, uint32_t layer_in_range) {
  const uint32_t start = layer_in_range * layer_state_floats(config), wkv = start + config.C;
  return {start, wkv, wkv + wkv_floats(config)};
}

uint32_t layer_state_floats(const Config& config) {
  return 2 * config.C + wkv_floats(config);
}

bool is_initial_state(std::string_view name) {
  return name.ends_with(".att.time_state");
}

std::vector<float> initial_state(const Source& canonical, const Config& config, LayerRange layers) {
  std::vector<float> state(uint64_t{layers.last - layers.first} * layer_state_floats(config), 0.0f);
  const uint64_t H = config.H, N = config.N;
  for (uint32_t layer = layers.first; layer < layers.last; ++layer) {
    float* wkv = state.data() + layer_state(config, layer - layers.first).wkv;
    if (config.version == Version::v4) {
      std::fill_n(wkv + 2 * uint64_t{config.A}, config.A, -1e30f);
      continue;
    }
    const std::string name = fmt::format("blocks.{}.att.time_state", layer);
    if (!canonical.info(name)) continue;
    const Tensor tensor = canonical.load(name);
    if (tensor.shape != Shape{H, N, N})
      fail(ErrorKind::bad_file, "{}: {} is {}, expected {}", canonical.label(), name, to_string(tensor.shape),
           to_string({H, N, N}));
    const std::vector<float> stored = to_floats(tensor);  // [H][value][key]
    for (uint64_t h = 0; h < H; ++h)
      for (uint64_t value = 0; value < N; ++value)
        for (uint64_t key = 0; key < N; ++key)
          wkv[(h * N + key) * N + value] = stored[(h * N + value) * N + key];
  }
  return state;
}

}  // namespace fulmar::rwkv
