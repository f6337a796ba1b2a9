// Placing weights; see weight_store.h.
#include "model/weight_store.h"

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
                         const Placed& placed)
    : backend_(backend),
      layout_(lay_out_weights(tape, source, backend.caps().host_memory, false)),
      adopted_(tape.weights.size()),
      tensors_(tape.weights.size()) {
  const ops::Caps& caps = backend.caps();
  for (size_t i = 0; i < tape.weights.size(); ++i)
    if (const ops::Weight& w = tape.weights[i]; !layout_.adopted[i] && weight_bytes(w) > caps.max_buffer_bytes)
      fail(ErrorKind::out_of_memory,
           "{} is {} MiB and {} gives {} MiB at once: use a smaller format there, or the cpu for that layer",
           w.name, weight_bytes(w) >> 20, caps.name, caps.max_buffer_bytes >> 20);
  for (const uint64_t bytes : layout_.blocks) blocks_.push_back(backend.allocate(bytes, ops::Where::device));
  for (size_t i = 0; i < tape.weights.size(); ++i) {
    place(i, tape, source);
    if (placed) placed(weight_bytes(tape.weights[i]));
  }
}

void WeightStore::replace(const ops::Tape& tape, const Source& source, const WeightNames& names) {
  for (size_t i = 0; i < tape.weights.size(); ++i)
    if (names.contains(tape.weights[i].name)) place(i, tape, source);
}

void WeightStore::place(size_t i, const ops::Tape& tape, const Source& source) {
  const ops::Weight& w = tape.weights[i];
  const Tensor tensor = load_weight(source, w);
  if (layout_.adopted[i]) {
    auto buffer = backend_.adopt(tensor.data, tensor.owner);
    require(buffer != nullptr, "{} cannot be used where it lies", w.name);
    adopted_[i] = std::move(buffer);
    tensors_[i] = {adopted_[i].get(), 0};
  } else {
    const auto [block, offset] = layout_.places[i];
    ops::Buffer& to = *blocks_[block];
    const bool arranged = backend_.upload_arranged(to, offset, w, tape.activations, tensor.data);
    if (!arranged) backend_.upload(to, offset, tensor.data);
    tensors_[i] = {&to, offset, arranged};
    source.release(w.name);  // the device has its own copy: the file's pages may go
  }
}

}  // namespace fulmar
