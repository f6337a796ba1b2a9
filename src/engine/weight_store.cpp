// Placing weights; see weight_store.h.
#include "engine/weight_store.h"

#include "base/fail.h"

namespace fulmar {

Tensor load_weight(const Source& source, const ops::Weight& w) {
  Tensor tensor = source.load(w.name);
  const Shape wanted = w.rows == 1 && tensor.shape.size() == 1 ? Shape{w.cols} : Shape{w.rows, w.cols};
  if (tensor.shape != wanted)
    fail(ErrorKind::bad_file, "{}: {} is {}, expected {}", source.label(), w.name, to_string(tensor.shape),
         to_string(wanted));
  if (tensor.format == w.format) return tensor;
  std::span<std::byte> bytes;
  Tensor converted = make_tensor(w.format, {w.rows, w.cols}, bytes);
  TensorRef matrix = tensor;
  matrix.shape = {w.rows, w.cols};
  quantize(matrix, w.format, w.rows, w.cols, bytes);
  return converted;
}

WeightStore::WeightStore(const ops::Tape& tape, const Source& source, ops::Backend& backend,
                         const Placed& placed) {
  const WeightLayout layout = lay_out_weights(tape, source, backend.caps().host_memory, false);
  std::vector<ops::Buffer*> blocks;
  for (const uint64_t bytes : layout.blocks) {
    buffers_.push_back(backend.allocate(bytes, ops::Where::device));
    blocks.push_back(buffers_.back().get());
  }
  for (size_t i = 0; i < tape.weights.size(); ++i) {
    const ops::Weight& w = tape.weights[i];
    const Tensor tensor = load_weight(source, w);
    if (layout.adopted[i]) {
      buffers_.push_back(backend.adopt(tensor.data, tensor.owner));
      require(buffers_.back() != nullptr, "{} cannot be used where it lies", w.name);
      tensors_.push_back({buffers_.back().get(), 0});
    } else {
      const auto [block, offset] = layout.places[i];
      backend.upload(*blocks[block], offset, tensor.data);
      tensors_.push_back({blocks[block], offset});
      source.release(w.name);  // the device has its own copy: the file's pages may go
    }
    if (placed) placed(weight_bytes(w));
  }
}

}  // namespace fulmar
