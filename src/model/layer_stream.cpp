// Streaming layers; see layer_stream.h.
#include "model/layer_stream.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar {

LayerStream::LayerStream(const std::vector<const ops::Tape*>& tapes, const Source& source,
                         ops::Backend& backend, const Placed& placed)
    : backend_(backend), tapes_(tapes) {
  std::vector<WeightLayout> layouts;
  std::array<uint64_t, 2> bytes{};
  for (size_t i = 0; i < tapes.size(); ++i) {
    layouts.push_back(lay_out_weights(*tapes[i], source, false, true));
    bytes[i % 2] = std::max(bytes[i % 2], layouts[i].bytes());
    if (const ops::Caps& caps = backend.caps(); layouts[i].bytes() > caps.max_buffer_bytes)
      fail(ErrorKind::out_of_memory,
           "a streamed layer is {} MiB and {} gives {} MiB at once: use a smaller format there, or the cpu",
           layouts[i].bytes() >> 20, caps.name, caps.max_buffer_bytes >> 20);
  }
  for (size_t a = 0; a < arenas_.size(); ++a)
    if (bytes[a]) arenas_[a].buffer = backend.allocate(bytes[a], ops::Where::arena);
  for (size_t i = 0; i < tapes.size(); ++i) {
    Layer layer{backend.allocate(layouts[i].bytes(), ops::Where::staging), {}};
    for (size_t w = 0; w < tapes[i]->weights.size(); ++w) {
      const ops::Weight& weight = tapes[i]->weights[w];
      const uint64_t offset = layouts[i].places[w].offset;
      backend.upload(*layer.weights, offset, load_weight(source, weight).data);
      source.release(weight.name);
      layer.tensors.push_back({arenas_[i % 2].buffer.get(), offset});
      if (placed) placed(weight_bytes(weight));
    }
    layers_.push_back(std::move(layer));
  }
  for (size_t i = 0; i < std::min(layers_.size(), arenas_.size()); ++i) fetch(i);
}

void LayerStream::fetch(size_t i) {
  Arena& arena = arenas_[i % 2];
  if (arena.layer == i) return;
  arena.layer = nothing;  // should the copy fail
  arena.ticket = backend_.stream(*arena.buffer, 0, *layers_[i].weights, 0, layers_[i].weights->bytes());
  arena.layer = i;
}

void LayerStream::replace(const Source& source, const WeightNames& names) {
  for (Arena& arena : arenas_) {
    if (arena.layer == nothing) continue;
    // What is on its way must have arrived: the host is about to write where it comes from.
    backend_.await(arena.ticket);
    std::array<std::byte, 4> any;
    backend_.download(any, *arena.buffer, 0);
    arena.layer = nothing;
  }
  for (size_t i = 0; i < layers_.size(); ++i)
    for (size_t w = 0; w < tapes_[i]->weights.size(); ++w) {
      const ops::Weight& weight = tapes_[i]->weights[w];
      if (!names.contains(weight.name)) continue;
      backend_.upload(*layers_[i].weights, layers_[i].tensors[w].offset, load_weight(source, weight).data);
      source.release(weight.name);
    }
  for (size_t i = 0; i < std::min(layers_.size(), arenas_.size()); ++i) fetch(i);
}

void LayerStream::begin(size_t i) {
  fetch(i);
  backend_.await(arenas_[i % 2].ticket);
}

void LayerStream::end(size_t i) {
  fetch(i + 2 < layers_.size() ? i + 2 : i % 2);  // after the last use, what the next step begins with
}

}  // namespace fulmar
