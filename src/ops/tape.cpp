// Building, checking and describing tapes.
#include "ops/tape.h"

#include <fmt/format.h>

#include "base/fail.h"

namespace fulmar::ops {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;  // clang 14 does not deduce it from the braces

void add(std::vector<uint32_t>& list, uint32_t id) {
  if (id != none) list.push_back(id);
}

}  // namespace

std::string_view name(const Op& op) {
  constexpr std::array names = {"norm", "shift", "linear", "mix4", "mix6", "mix7", "pick", "experts"};
  static_assert(names.size() == std::variant_size_v<Op>);
  return names[op.index()];
}

ValueId Tape::value(std::string value_name, uint32_t width, bool picked) {
  values.push_back({std::move(value_name), width, picked});
  return static_cast<ValueId>(values.size() - 1);
}

WeightId Tape::weight(std::string weight_name, uint32_t rows, uint32_t cols, Format format) {
  weights.push_back({std::move(weight_name), rows, cols, format});
  return static_cast<WeightId>(weights.size() - 1);
}

WeightId Tape::vector(std::string vector_name, uint32_t width) {
  return weight(std::move(vector_name), 1, width, Format::f32);
}

Uses uses(const Tape& tape, const Op& op) {
  Uses u;
  const auto width = [&](ValueId id) { return tape.values[id].width; };
  const auto reads = [&](auto... ids) { (add(u.reads, ids), ...); };
  const auto weights = [&](auto... ids) { (add(u.weights, ids), ...); };
  std::visit(Overloaded{[&](const Norm& o) {
                          reads(o.x);
                          weights(o.weight, o.bias);
                          u.writes = {o.y};
                        },
                        [&](const Shift& o) {
                          reads(o.x);
                          for (uint32_t i = 0; i < o.count; ++i) {
                            reads(o.outputs[i].delta);
                            weights(o.outputs[i].mix);
                            u.writes.push_back(o.outputs[i].y);
                          }
                          u.state = o.carry;
                          u.state_floats = width(o.x);
                        },
                        [&](const Linear& o) {
                          reads(o.x, o.gate);
                          if (o.accumulate) reads(o.y);
                          weights(o.weight, o.bias);
                          u.writes = {o.y};
                        },
                        [&](const Mix4& o) {
                          reads(o.r, o.k, o.v);
                          weights(o.decay, o.first);
                          u.writes = {o.y};
                          u.state = o.state;
                          u.state_floats = 3 * width(o.y);
                        },
                        [&](const Mix6& o) {
                          reads(o.r, o.k, o.v, o.w, o.g);
                          weights(o.decay, o.first, o.norm_weight, o.norm_bias);
                          u.writes = {o.y};
                          u.state = o.state;
                          u.state_floats = o.heads * o.head_size * o.head_size;
                        },
                        [&](const Mix7& o) {
                          reads(o.r, o.w, o.k, o.v, o.a, o.g, o.v_first, o.v_gate);
                          weights(o.k_k, o.k_a, o.r_k, o.norm_weight, o.norm_bias);
                          u.writes = {o.y};
                          u.state = o.state;
                          u.state_floats = o.heads * o.head_size * o.head_size;
                        },
                        [&](const Pick& o) {
                          reads(o.x);
                          u.writes = {o.y};
                        },
                        [&](const Experts& o) {
                          reads(o.scores, o.k);
                          u.writes = {o.k};
                          for (uint32_t e = 0; e < o.count; ++e) {
                            reads(o.h[e]);
                            u.writes.push_back(o.h[e]);
                          }
                        }},
             op);
  return u;
}

void check(const Tape& tape) {
  for (size_t i = 0; i < tape.ops.size(); ++i) {
    const Op& op = tape.ops[i];
    const auto holds = [&](bool ok, const char* what) { require(ok, "op {} ({}): {}", i, name(op), what); };
    if (const auto* shift = std::get_if<Shift>(&op))
      holds(shift->count >= 1 && shift->count <= shift->outputs.size(), "wrong number of outputs");
    if (const auto* experts = std::get_if<Experts>(&op))
      holds(experts->count >= 2 && experts->count <= Experts::most && experts->active >= 1 &&
                experts->active <= experts->count,
            "wrong number of experts");
    const Uses u = uses(tape, op);
    for (const auto& list : {u.reads, u.writes})
      for (const ValueId id : list) holds(id < tape.values.size(), "unknown value");
    for (const WeightId id : u.weights) {
      holds(id < tape.weights.size(), "unknown weight");
      const Weight& w = tape.weights[id];
      holds(w.rows == 1 ? w.format == Format::f32
                        : info(w.format).encode_row && w.cols % info(w.format).block == 0,
            "weight format does not fit");
    }
    holds(uint64_t{u.state} + u.state_floats <= tape.state_floats, "state out of range");
    const auto width = [&](ValueId id) { return tape.values[id].width; };
    if (const auto* linear = std::get_if<Linear>(&op)) {
      const Weight& w = tape.weights[linear->weight];
      holds(width(linear->x) == w.cols, "input width differs from K");
      holds(width(linear->y) == w.rows, "output width differs from N");
      holds(linear->gate == none || width(linear->gate) == w.rows, "gate width differs from N");
      holds(linear->bias == none || tape.weights[linear->bias].cols == w.rows, "bias width differs from N");
      holds(linear->x != linear->y, "input and output are one value");
      holds(tape.values[linear->x].picked == tape.values[linear->y].picked, "rows differ");
    } else if (const auto* experts = std::get_if<Experts>(&op)) {
      holds(width(experts->scores) + 1 >= experts->count, "too few scores");
      for (const ValueId id : u.writes)
        holds(width(id) == width(experts->k) && !tape.values[id].picked, "widths or rows differ");
    } else {
      for (const auto& list : {u.reads, u.writes})
        for (const ValueId id : list) holds(width(id) == width(u.writes[0]), "widths differ");
      for (const WeightId id : u.weights)
        holds(tape.weights[id].cols == width(u.writes[0]), "weight width differs");
    }
    if (const auto* mix = std::get_if<Mix6>(&op)) {
      holds(mix->heads * mix->head_size == width(mix->y), "heads times head size is not the width");
      holds((mix->w == none) != (mix->decay == none), "needs exactly one of w and decay");
    }
    if (const auto* mix = std::get_if<Mix7>(&op)) {
      holds(mix->heads * mix->head_size == width(mix->y), "heads times head size is not the width");
      holds((mix->v_first == none) == (mix->v_gate == none), "needs both or neither of v_first and v_gate");
    }
    if (const auto* pick = std::get_if<Pick>(&op))
      holds(!tape.values[pick->x].picked && tape.values[pick->y].picked, "must go from rows to picks");
  }
}

std::string dump(const Tape& tape) {
  std::string out;
  for (size_t i = 0; i < tape.ops.size(); ++i) {
    const Uses u = uses(tape, tape.ops[i]);
    out += fmt::format("{:4} {:6}", i, name(tape.ops[i]));
    for (const ValueId id : u.reads)
      out += fmt::format(" {}[{}]", tape.values[id].name, tape.values[id].width);
    for (const WeightId id : u.weights) {
      const Weight& w = tape.weights[id];
      out += w.rows == 1 ? fmt::format(" {}", w.name)
                         : fmt::format(" {}:{}[{},{}]", w.name, info(w.format).name, w.rows, w.cols);
    }
    out += " ->";
    for (const ValueId id : u.writes)
      out += fmt::format(" {}[{}]", tape.values[id].name, tape.values[id].width);
    if (u.state_floats) out += fmt::format(" state[{}+{}]", u.state, u.state_floats);
    out += '\n';
  }
  return out;
}

}  // namespace fulmar::ops
