// Layers that pass through a device: their weights stay in host memory and are copied, one layer ahead of
// use, into two arenas that take turns.
#pragma once
#include <array>

#include "model/weight_store.h"

namespace fulmar {

class LayerStream {
 public:
  // One tape a layer, in the order they run in; references are kept.
  LayerStream(const std::vector<const ops::Tape*>& tapes, const Source& source, ops::Backend& backend,
              const Placed& placed);

  // Where layer i's weights are while it is used; its programs are compiled for this.
  const std::vector<ops::DeviceTensor>& tensors(size_t i) const { return layers_[i].tensors; }

  // Places the weights of these names anew, between uses.
  void replace(const Source& source, const WeightNames& names);

  // Around each use. Programs started after begin(i) find the weights; with end(i) all of them have finished
  // and the next layer that needs the arena is on its way into it.
  void begin(size_t i);
  void end(size_t i);

 private:
  struct Layer {
    std::unique_ptr<ops::Buffer> weights;    // staging
    std::vector<ops::DeviceTensor> tensors;  // in an arena, at the same offsets as in `weights`
  };
  static constexpr size_t nothing = ~size_t{0};
  struct Arena {
    std::unique_ptr<ops::Buffer> buffer;
    size_t layer = nothing;  // that is there, or on its way
    uint64_t ticket = 0;
  };
  void fetch(size_t i);

  ops::Backend& backend_;
  std::vector<const ops::Tape*> tapes_;
  std::vector<Layer> layers_;
  std::array<Arena, 2> arenas_;
};

}  // namespace fulmar
