// Where the vector lies, and its length.
#include "engine/text_vector.h"

#include <cmath>

#include "base/fail.h"
#include "rwkv/state.h"

namespace fulmar {

std::span<const float> state_vector(const rwkv::Config& config, std::span<const float> state) {
  constexpr uint32_t from_end = 3;
  const uint32_t layer = config.L < from_end ? 0 : config.L - from_end;
  const size_t at = rwkv::layer_state(config, layer).ffn_x;
  require(at + config.C <= state.size(), "a state of {} floats", state.size());
  return state.subspan(at, config.C);
}

std::vector<float> unit_vector(std::span<const float> vector) {
  double square = 0;
  for (const float x : vector) square += double{x} * double{x};
  const double scale = square > 0 && std::isfinite(square) ? 1 / std::sqrt(square) : 1;
  std::vector<float> unit;
  unit.reserve(vector.size());
  for (const float x : vector) unit.push_back(static_cast<float>(x * scale));
  return unit;
}

}  // namespace fulmar
