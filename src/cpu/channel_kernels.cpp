// Vector kernels of the ops that stay within a row, a channel or a head: norm, shift and the recurrences.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/channel_kernels.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <cmath>

#include "cpu/kernels.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {

using Wide = hn::ScalableTag<float>;
using One = hn::CappedTag<float, 1>;  // for the channels that do not fill a vector

// Calls body(tag, i) for all i < count, vectors first.
template <class Body>
HWY_INLINE void each(uint32_t count, const Body& body) {
  const uint32_t lanes = hn::MaxLanes(Wide());
  uint32_t i = 0;
  for (; i + lanes <= count; i += lanes) body(Wide(), i);
  for (; i < count; ++i) body(One(), i);
}

template <class D>
HWY_INLINE float sum_of(D d, hn::Vec<D> v) {
  return hn::GetLane(hn::SumOfLanes(d, v));
}

// Sum over i of term(tag, i).
template <class Term>
HWY_INLINE float sum(uint32_t count, const Term& term) {
  const Wide d;
  const uint32_t lanes = hn::MaxLanes(d);
  auto total = hn::Zero(d);
  uint32_t i = 0;
  for (; i + lanes <= count; i += lanes) total = hn::Add(total, term(d, i));
  float tail = 0;
  for (; i < count; ++i) tail += hn::GetLane(term(One(), i));
  return sum_of(d, total) + tail;
}

void norm(const float* x, const float* weight, const float* bias, float eps, uint32_t C, float* y) {
  const float mean =
      sum(C, [&](auto d, uint32_t i) HWY_ATTR { return hn::LoadU(d, x + i); }) / static_cast<float>(C);
  const float squares = sum(C, [&](auto d, uint32_t i) HWY_ATTR {
    const auto off = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
    return hn::Mul(off, off);
  });
  const float scale = 1.0f / std::sqrt(squares / static_cast<float>(C) + eps);
  each(C, [&](auto d, uint32_t i) HWY_ATTR {
    const auto unit = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean)), hn::Set(d, scale));
    hn::StoreU(hn::MulAdd(unit, hn::LoadU(d, weight + i), hn::LoadU(d, bias + i)), d, y + i);
  });
}

void shift(const float* x, const float* prev, uint32_t C, const ShiftOutput* outputs, uint32_t count) {
  each(C, [&](auto d, uint32_t i) HWY_ATTR {
    const auto now = hn::LoadU(d, x + i), step = hn::Sub(hn::LoadU(d, prev + i), now);
    for (uint32_t o = 0; o < count; ++o) {
      auto mix = hn::LoadU(d, outputs[o].mix + i);
      if (outputs[o].delta) mix = hn::Add(mix, hn::LoadU(d, outputs[o].delta + i));
      hn::StoreU(hn::MulAdd(step, mix, now), d, outputs[o].y + i);
    }
  });
}

void mix4(const float* r, const float* k, const float* v, const float* decay, const float* first, float* aa,
          float* bb, float* pp, uint32_t count, float* y) {
  each(count, [&](auto d, uint32_t i) HWY_ATTR {
    const auto key = hn::LoadU(d, k + i), value = hn::LoadU(d, v + i), p = hn::LoadU(d, pp + i);
    const auto a = hn::LoadU(d, aa + i), b = hn::LoadU(d, bb + i);
    const auto bonus = hn::Add(hn::LoadU(d, first + i), key);
    auto q = hn::Max(p, bonus);
    auto past = exp_of(hn::Sub(p, q)), now = exp_of(hn::Sub(bonus, q));
    const auto wkv = hn::Div(hn::MulAdd(past, a, hn::Mul(now, value)), hn::MulAdd(past, b, now));
    hn::StoreU(hn::Mul(hn::LoadU(d, r + i), wkv), d, y + i);
    const auto decayed = hn::Add(p, hn::LoadU(d, decay + i));
    q = hn::Max(decayed, key);
    past = exp_of(hn::Sub(decayed, q));
    now = exp_of(hn::Sub(key, q));
    hn::StoreU(hn::MulAdd(past, a, hn::Mul(now, value)), d, aa + i);
    hn::StoreU(hn::MulAdd(past, b, now), d, bb + i);
    hn::StoreU(q, d, pp + i);
  });
}

// Calls body(tag, vectors, i) so that lanes run over the N values of a head, four vectors at once where they
// fit.
template <class Body>
HWY_INLINE void each_value_block(uint32_t N, const Body& body) {
  const uint32_t lanes = hn::MaxLanes(Wide());
  uint32_t i = 0;
  for (; i + 4 * lanes <= N; i += 4 * lanes) body(Wide(), std::integral_constant<int, 4>(), i);
  for (; i + lanes <= N; i += lanes) body(Wide(), std::integral_constant<int, 1>(), i);
  for (; i < N; ++i) body(One(), std::integral_constant<int, 1>(), i);
}

// y_i = sum_j r_j (u_j k_j v_i + S_ji);  S_ji = w_j S_ji + k_j v_i, for U vectors of i.
template <class D, int U>
HWY_INLINE void mix6_block(D d, std::integral_constant<int, U>, const Mix6Row& row, uint32_t i, float bonus) {
  const size_t lanes = hn::MaxLanes(d);
  hn::Vec<D> v[U], y[U];
  for (int u = 0; u < U; ++u) {
    v[u] = hn::LoadU(d, row.v + i + u * lanes);
    y[u] = hn::Mul(v[u], hn::Set(d, bonus));
  }
  for (uint32_t j = 0; j < row.N; ++j) {
    const auto r = hn::Set(d, row.r[j]), w = hn::Set(d, row.w[j]), k = hn::Set(d, row.k[j]);
    float* S = row.S + uint64_t{j} * row.N + i;
    for (int u = 0; u < U; ++u) {
      const auto s = hn::LoadU(d, S + u * lanes);
      y[u] = hn::MulAdd(r, s, y[u]);
      hn::StoreU(hn::MulAdd(w, s, hn::Mul(k, v[u])), d, S + u * lanes);
    }
  }
  for (int u = 0; u < U; ++u) hn::StoreU(y[u], d, row.y + i + u * lanes);
}

void mix6(const Mix6Row& row) {
  // sum_j r_j u_j k_j is the same for all values
  const float bonus = sum(row.N, [&](auto d, uint32_t j) HWY_ATTR {
    return hn::Mul(hn::Mul(hn::LoadU(d, row.r + j), hn::LoadU(d, row.u + j)), hn::LoadU(d, row.k + j));
  });
  each_value_block(row.N,
                   [&](auto d, auto vectors, uint32_t i) HWY_ATTR { mix6_block(d, vectors, row, i, bonus); });
  norm(row.y, row.norm.weight, row.norm.bias, row.norm.eps, row.N, row.y);
  if (!row.g) return;
  each(row.N, [&](auto d, uint32_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, row.y + i), hn::LoadU(d, row.g + i)), d, row.y + i);
  });
}

// sa_i = -sum_j S_ji kk_j;  S_ji = w_j S_ji + sa_i kk_j a_j + k'_j v'_i;  y_i = sum_j S_ji r_j, for U vectors
// of i.
template <class D, int U>
HWY_INLINE void mix7_block(D d, std::integral_constant<int, U>, const Mix7Row& row, const float* kk,
                           const float* kka, const float* key, const float* value, uint32_t i) {
  const size_t lanes = hn::MaxLanes(d);
  hn::Vec<D> sa[U], v[U], y[U];
  for (int u = 0; u < U; ++u) {
    sa[u] = y[u] = hn::Zero(d);
    v[u] = hn::LoadU(d, value + i + u * lanes);
  }
  for (uint32_t j = 0; j < row.N; ++j) {
    const auto b = hn::Set(d, kk[j]);
    const float* S = row.S + uint64_t{j} * row.N + i;
    for (int u = 0; u < U; ++u) sa[u] = hn::NegMulAdd(b, hn::LoadU(d, S + u * lanes), sa[u]);
  }
  for (uint32_t j = 0; j < row.N; ++j) {
    const auto w = hn::Set(d, row.w[j]), b = hn::Set(d, kka[j]), k = hn::Set(d, key[j]),
               r = hn::Set(d, row.r[j]);
    float* S = row.S + uint64_t{j} * row.N + i;
    for (int u = 0; u < U; ++u) {
      const auto s = hn::MulAdd(w, hn::LoadU(d, S + u * lanes), hn::MulAdd(b, sa[u], hn::Mul(k, v[u])));
      hn::StoreU(s, d, S + u * lanes);
      y[u] = hn::MulAdd(r, s, y[u]);
    }
  }
  for (int u = 0; u < U; ++u) hn::StoreU(y[u], d, row.y + i + u * lanes);
}

void mix7(const Mix7Row& row) {
  const uint32_t N = row.N;
  float *kk = row.scratch, *kka = kk + N, *key = kka + N, *value = key + N;
  const float squares = sum(N, [&](auto d, uint32_t j) HWY_ATTR {
    const auto x = hn::Mul(hn::LoadU(d, row.k + j), hn::LoadU(d, row.k_k + j));
    hn::StoreU(x, d, kk + j);
    return hn::Mul(x, x);
  });
  const float inverse = 1.0f / std::fmax(std::sqrt(squares), 1e-12f);
  const float bonus = sum(N, [&](auto d, uint32_t j) HWY_ATTR {
    const auto one = hn::Set(d, 1.0f), a = hn::LoadU(d, row.a + j), k = hn::LoadU(d, row.k + j);
    const auto unit = hn::Mul(hn::LoadU(d, kk + j), hn::Set(d, inverse));
    hn::StoreU(unit, d, kk + j);
    hn::StoreU(hn::Mul(unit, a), d, kka + j);
    const auto k2 = hn::Mul(k, hn::MulAdd(hn::Sub(a, one), hn::LoadU(d, row.k_a + j), one));
    hn::StoreU(k2, d, key + j);
    return hn::Mul(hn::Mul(hn::LoadU(d, row.r + j), k2), hn::LoadU(d, row.r_k + j));
  });
  each(N, [&](auto d, uint32_t i) HWY_ATTR {
    auto v = hn::LoadU(d, row.v + i);
    if (row.v_first)
      v = hn::MulAdd(hn::Sub(hn::LoadU(d, row.v_first + i), v), hn::LoadU(d, row.v_gate + i), v);
    hn::StoreU(v, d, value + i);
  });
  each_value_block(N, [&](auto d, auto vectors, uint32_t i)
                          HWY_ATTR { mix7_block(d, vectors, row, kk, kka, key, value, i); });
  norm(row.y, row.norm.weight, row.norm.bias, row.norm.eps, N, row.y);
  each(N, [&](auto d, uint32_t i) HWY_ATTR {
    const auto y = hn::MulAdd(hn::Set(d, bonus), hn::LoadU(d, value + i), hn::LoadU(d, row.y + i));
    hn::StoreU(hn::Mul(y, hn::LoadU(d, row.g + i)), d, row.y + i);
  });
}

const ChannelKernels& channel_table() {
  static constexpr ChannelKernels table = {norm, shift, mix4, mix6, mix7};
  return table;
}

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fulmar::cpu {
HWY_EXPORT(channel_table);
const ChannelKernels& channel_kernels() {
  return HWY_DYNAMIC_DISPATCH(channel_table)();
}
}  // namespace fulmar::cpu
#endif
