// What the encoders of several formats share: rounding, fitting scales to blocks of weights, and how ggml's
// two-level formats arrange their bits. Used by the headers of include/shared/format, which are compiled in
// this namespace.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "shared/blocks.h"

namespace fulmar::format {
using namespace shared::blocks;

// To the nearest integer, halves to even, for |v| < 2^22: as vector code, where nearbyint would be a call.
inline float round_even(float v) {
  return (v + 0x1.8p23f) - 0x1.8p23f;
}

template <int n>
float farthest_of(const float* values) {
  float farthest = 0;
  for (int i = 0; i < n; ++i)
    if (std::fabs(values[i]) > std::fabs(farthest)) farthest = values[i];
  return farthest;
}

// q4_0 and q5_0: q in [0, 2 * half), value = d * (q - half), rounded as ggml does: halves up.
inline uint16_t quantize_farthest(const float* values, int half, uint8_t* q) {
  const float d = farthest_of<32>(values) / static_cast<float>(-half), by = inverse(d);
  const float middle = static_cast<float>(half) + 0.5f, top = static_cast<float>(2 * half - 1);
  for (int i = 0; i < 32; ++i) q[i] = static_cast<uint8_t>(std::clamp(values[i] * by + middle, 0.0f, top));
  return scale_to_f16(d);
}

// q4_1 and q5_1: q in [0, top], value = d * q + least; halves: d, least.
inline void quantize_range(const float* values, int top, uint8_t* q, uint16_t halves[2]) {
  const auto [least, largest] = std::minmax_element(values, values + 32);
  const float d = (*largest - *least) / static_cast<float>(top), by = inverse(d);
  for (int i = 0; i < 32; ++i)
    q[i] = static_cast<uint8_t>(std::clamp((values[i] - *least) * by + 0.5f, 0.0f, static_cast<float>(top)));
  halves[0] = scale_to_f16(d), halves[1] = scale_to_f16(*least);
}

// The nearest of 16 ascending codes.
inline uint8_t nearest_code(float value, const float (&codes)[16]) {
  int q = 0;
  for (int i = 0; i < 15; ++i) q += value > 0.5f * (codes[i] + codes[i + 1]);
  return static_cast<uint8_t>(q);
}

// With codes c chosen for values v, scale = sum(v c) / sum(c c) has the least squared error, and `gain` is
// what it takes off sum(v v): sum(v c)^2 / sum(c c).
struct Fit {
  float scale = 0, gain = 0;
};
inline Fit fit(float vc, float cc) {
  return cc > 0 ? Fit{vc / cc, vc * vc / cc} : Fit{};
}

template <int n>
#if defined(__GNUC__) && !defined(__clang__)
[[gnu::noipa]]  // where GCC 12 knows the codes and sees all callers, it vectorizes wrongly: every gain is 0
#endif
Fit fit_codes(const float* values, float by, const float (&codes)[16]) {
  float chosen[n];
  for (int i = 0; i < n; ++i) chosen[i] = codes[0];
  for (int c = 0; c < 15; ++c) {
    const float above = 0.5f * (codes[c] + codes[c + 1]), step = codes[c + 1] - codes[c];
    for (int i = 0; i < n; ++i) chosen[i] += values[i] * by > above ? step : 0.0f;
  }
  float vc = 0, cc = 0;
  for (int i = 0; i < n; ++i) vc += values[i] * chosen[i], cc += chosen[i] * chosen[i];
  return fit(vc, cc);
}

// One scale a row: its largest value becomes the format's largest code. `by` divides by the scale.
inline float row_scale(const float* values, uint64_t K, float largest_code, float& by) {
  float absmax = 0;
  for (uint64_t k = 0; k < K; ++k) absmax = std::max(absmax, std::fabs(values[k]));
  if (absmax < 1e-30f) absmax = 0;  // whose inverse would overflow
  by = absmax > 0 ? largest_code / absmax : 0.0f;
  return absmax / largest_code;
}

// The code below 2^bits whose small_float is nearest to `value` >= 0, halfway cases to the even one; past the
// largest, that one.
inline uint32_t to_small_float(float value, uint32_t bits, uint32_t mantissa, int bias) {
  const int least = 1 - bias;
  const int exponent = std::max(static_cast<int>(std::bit_cast<uint32_t>(value) >> 23) - 127, least);
  const float steps = round_even(
      value * std::bit_cast<float>(static_cast<uint32_t>(127 + static_cast<int>(mantissa) - exponent) << 23));
  const uint32_t code = (static_cast<uint32_t>(exponent - least) << mantissa) + static_cast<uint32_t>(steps);
  return std::min(code, (1u << bits) - 1);
}

// q4_K and q5_K. value = scale * q - least with q in [0, top] and neither below 0: among ranges somewhat
// narrower and wider than the block's own the one with the least squared error, fitted by linear regression
// to the quants it gives.
template <int top>
void fit_range(const float* v, float& scale, float& least) {
  const float low = std::min(0.0f, *std::min_element(v, v + 32)), high = *std::max_element(v, v + 32);
  scale = 0, least = -low;
  if (!(high - low > 1e-30f)) return;
  float sum_v = 0, best = INFINITY;
  for (int i = 0; i < 32; ++i) sum_v += v[i];
  for (int step = 0; step <= 20; ++step) {
    const float by = (static_cast<float>(top - 1) + 0.1f * static_cast<float>(step)) / (high - low);
    float q[32], sum_q = 0, sum_qq = 0, sum_qv = 0;
    for (int i = 0; i < 32; ++i) {
      q[i] = std::min(round_even((v[i] - low) * by), static_cast<float>(top));
      sum_q += q[i], sum_qq += q[i] * q[i], sum_qv += q[i] * v[i];
    }
    const float spread = 32 * sum_qq - sum_q * sum_q;
    if (!(spread > 0)) continue;
    float slope = (32 * sum_qv - sum_q * sum_v) / spread, offset = (sum_qq * sum_v - sum_q * sum_qv) / spread;
    if (offset > 0) slope = sum_qv / sum_qq, offset = 0;
    float error = 0;
    for (int i = 0; i < 32; ++i) {
      const float off = slope * q[i] + offset - v[i];
      error += off * off;
    }
    if (error < best && slope >= 0) best = error, scale = slope, least = -offset;
  }
}

// Fills the quad of 256 values (see k_scale) and their quants. Scales and minima are rounded to 6 bits, then
// their neighbours are tried with the quants that go with them.
template <int top>
void quantize_two_levels(const float* values, std::byte* quad, uint8_t* quants) {
  float scale[8], least[8];
  for (int b = 0; b < 8; ++b) fit_range<top>(values + 32 * b, scale[b], least[b]);
  const uint16_t halves[2] = {scale_to_f16(*std::max_element(scale, scale + 8) / 63),
                              scale_to_f16(*std::max_element(least, least + 8) / 63)};
  const float d = f16_to_f32(halves[0]), dmin = f16_to_f32(halves[1]);
  uint8_t packed[12] = {};
  for (int b = 0; b < 8; ++b) {
    const float* v = values + 32 * b;
    const auto level = [](float value, float unit) {
      return static_cast<int>(std::clamp(round_even(std::min(value * inverse(unit), 64.0f)), 0.0f, 63.0f));
    };
    const int s0 = level(scale[b], d), m0 = level(least[b], dmin);
    float best = INFINITY;
    int s_best = s0, m_best = m0;
    for (int s = std::max(s0 - 1, 0); s <= std::min(s0 + 1, 63); ++s)
      for (int m = std::max(m0 - 1, 0); m <= std::min(m0 + 1, 63); ++m) {
        const float unit = d * static_cast<float>(s), offset = dmin * static_cast<float>(m),
                    by = inverse(unit);
        float error = 0;
        uint8_t q[32];
        for (int i = 0; i < 32; ++i) {
          const float quant = round_even(std::clamp((v[i] + offset) * by, 0.0f, static_cast<float>(top)));
          const float off = unit * quant - offset - v[i];
          error += off * off;
          q[i] = static_cast<uint8_t>(quant);
        }
        if (!(error < best)) continue;
        best = error, s_best = s, m_best = m;
        std::memcpy(quants + 32 * b, q, 32);
      }
    const int at = b & 3;
    if (b < 4) {
      packed[at] = static_cast<uint8_t>(packed[at] | s_best);
      packed[4 + at] = static_cast<uint8_t>(packed[4 + at] | m_best);
    } else {
      packed[8 + at] = static_cast<uint8_t>((s_best & 15) | (m_best & 15) << 4);
      packed[at] = static_cast<uint8_t>(packed[at] | s_best >> 4 << 6);
      packed[4 + at] = static_cast<uint8_t>(packed[4 + at] | m_best >> 4 << 6);
    }
  }
  std::memcpy(quad, halves, 4);
  std::memcpy(quad + 4, packed, 12);
}

// q6_K's 256 values: quants 0 to 63, a signed scale for each 16 of them; answers d.
inline uint16_t quantize_signed_scales(const float* values, int8_t* scales, uint8_t* quants) {
  float scale[16] = {}, largest = 0;
  for (int b = 0; b < 16; ++b) {
    const float *v = values + 16 * b, farthest = farthest_of<16>(v);
    if (std::fabs(farthest) < 1e-30f) continue;
    float best = 0;
    for (int step = -9; step <= 9; ++step) {
      const float by = -(32.0f + 0.1f * static_cast<float>(step)) / farthest;
      float vq = 0, qq = 0;
      for (int i = 0; i < 16; ++i) {
        const float q = std::clamp(round_even(v[i] * by), -32.0f, 31.0f);
        vq += v[i] * q, qq += q * q;
      }
      const Fit found = fit(vq, qq);
      if (found.gain > best) best = found.gain, scale[b] = found.scale;
    }
    if (std::fabs(scale[b]) > std::fabs(largest)) largest = scale[b];
  }
  const uint16_t half = scale_to_f16(largest / -128);
  const float d = f16_to_f32(half);
  for (int b = 0; b < 16; ++b) {
    const float* v = values + 16 * b;
    const float level =
        std::clamp(round_even(std::clamp(scale[b] * inverse(d), -200.0f, 200.0f)), -128.0f, 127.0f);
    float best = INFINITY;
    for (float s = std::max(level - 1, -128.0f); s <= std::min(level + 1, 127.0f); ++s) {
      const float unit = d * s, by = inverse(unit);
      float error = 0;
      uint8_t q[16];
      for (int i = 0; i < 16; ++i) {
        const float quant = round_even(std::clamp(v[i] * by, -32.0f, 31.0f)), off = unit * quant - v[i];
        error += off * off;
        q[i] = static_cast<uint8_t>(quant + 32);
      }
      if (!(error < best)) continue;
      best = error, scales[b] = static_cast<int8_t>(s);
      std::memcpy(quants + 16 * b, q, 16);
    }
  }
  return half;
}

// 256 quants of 4 bits as q4_K's and q5_K's files have them, in 128 bytes, to and from 8 quads as nibble()
// reads them.
inline void quants_from_file(const std::byte* file, std::byte* quads) {
  for (int g = 0; g < 4; ++g, file += 32, quads += 32)
    for (int i = 0; i < 16; ++i) {
      quads[i] = (file[i] & std::byte{15}) | file[16 + i] << 4;
      quads[16 + i] = file[i] >> 4 | (file[16 + i] & std::byte{240});
    }
}
inline void quants_to_file(const std::byte* quads, std::byte* file) {
  for (int g = 0; g < 4; ++g, file += 32, quads += 32)
    for (int i = 0; i < 16; ++i) {
      file[i] = (quads[i] & std::byte{15}) | quads[16 + i] << 4;
      file[16 + i] = quads[i] >> 4 | (quads[16 + i] & std::byte{240});
    }
}

// A table of `rows` rows of bits, 256 in all, to one of 256 / rows rows.
inline void transpose_bits(const std::byte* in, uint32_t rows, std::byte* out) {
  const uint32_t cols = 256 / rows;
  std::memset(out, 0, 32);
  for (uint32_t i = 0; i < 256; ++i) {
    const uint32_t to = i % cols * rows + i / cols;
    out[to / 8] |= (in[i / 8] >> (i % 8) & std::byte{1}) << (to % 8);
  }
}

}  // namespace fulmar::format
