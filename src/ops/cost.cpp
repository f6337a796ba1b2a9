// Bytes and flops of ops: weights once a step, activations once each way, state once each way.
#include "ops/batch.h"
#include "ops/tape.h"

namespace fulmar::ops {

Cost cost(const Tape& tape, const Op& op, const BatchShape& shape) {
  Cost c;
  const Uses u = uses(tape, op);
  const auto rows = [&](ValueId id) { return uint64_t{tape.values[id].picked ? shape.picks : shape.rows}; };
  for (const auto& list : {u.reads, u.writes})
    for (const ValueId id : list) c.activation_bytes += rows(id) * tape.values[id].width * 4;
  for (const WeightId id : u.weights) {
    const Weight& w = tape.weights[id];
    c.weight_bytes += info(w.format).matrix_bytes(w.rows, w.cols);
  }
  c.state_bytes = uint64_t{shape.segments} * u.state_floats * 4 * 2;
  const uint64_t T = rows(u.writes[0]), width = tape.values[u.writes[0]].width;
  if (const auto* linear = std::get_if<Linear>(&op)) {
    c.flops = 2 * T * width * tape.weights[linear->weight].cols;
  } else if (const auto* mix7 = std::get_if<Mix7>(&op)) {
    c.flops = T * width * mix7->head_size * 9;  // sa: 2, S: 5, y: 2
  } else if (const auto* mix6 = std::get_if<Mix6>(&op)) {
    c.flops = T * width * mix6->head_size * 6;  // y: 3, S: 3
  } else {
    c.flops = T * width * 8;
  }
  return c;
}

Cost cost(const Tape& tape, const BatchShape& shape) {
  Cost sum;
  for (const Op& op : tape.ops) {
    const Cost c = cost(tape, op, shape);
    sum.weight_bytes += c.weight_bytes;
    sum.activation_bytes += c.activation_bytes;
    sum.state_bytes += c.state_bytes;
    sum.flops += c.flops;
  }
  return sum;
}

}  // namespace fulmar::ops
