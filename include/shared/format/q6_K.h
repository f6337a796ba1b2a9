// q6_K: ggml's 6-bit format of two levels. Blocks of 16 along K, each with a signed 8-bit scale, sixteen of them under one
// fp16: 6.5625 bits a weight. value = d * scale * (q - 32), q in [0, 63].
//   low bits   [N, K / 32] quads, see nibble() in blocks.h     N * K / 2 bytes
//   high bits  [N, K / 32] pairs of words, see quant6()        N * K / 4 bytes
//   scales     [N, K / 256] quads of 16 signed bytes           N * K / 16 bytes
//   d          [N, K / 256] fp16                               N * K / 128 bytes
// A file's quants lie 128 elements at a time: 64 bytes of low bits with elements 64 and more in their high halves, and 32
// bytes of high bits, elements i, 32 + i, 64 + i and 96 + i in byte i.
SHARED_CONST(uint, CHUNK, 32u);
SHARED_CONST(uint, BLOCK, 256u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 32)) {
  uint block = row * (K / 32u) + chunk, blocks = N * (K / 32u), pair = blocks * 4u + block * 2u;
  uvec4 q = m.q[block];
  uint high0 = AS_WORDS(m).w[pair], high1 = AS_WORDS(m).w[pair + 1u];
  uint scales = AS_WORDS(m).w[blocks * 6u + block / 2u] >> (16u * (block & 1u));
  float d = half_at(AS_WORDS(m), blocks * 6u + blocks / 2u, block / 8u);
  float scale0 = d * signed_byte(scales, 0u), scale1 = d * signed_byte(scales, 1u);
  SHARED_UNROLL for (uint i = 0u; i < 32u; ++i)
    v[i] = (i < 16u ? scale0 : scale1) * (float(quant6(q, high0, high1, i)) - 32.0f);
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "q6_K";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return whole_quads(N * (K / 256) * 210); }

inline void store_quants(std::byte* m, uint64_t N, uint64_t K, uint64_t s, const uint8_t* q) {
  for (uint64_t block = 0; block < 8; ++block) {
    store_nibbles(m + s * 128 + block * 16, q + block * 32);
    store_high_pairs(m + N * K / 2 + s * 64 + block * 8, q + block * 32);
  }
}
inline void pack_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const std::byte* blocks) {
  for (uint64_t s = row * (K / 256); s < (row + 1) * (K / 256); ++s, blocks += 210) {
    const auto* in = reinterpret_cast<const uint8_t*>(blocks);
    uint8_t q[256];
    for (uint32_t i = 0; i < 256; ++i) {
      const uint32_t part = i / 128, at = i % 128;
      q[i] = static_cast<uint8_t>((in[part * 64 + at % 64] >> (at / 64 * 4) & 15) |
                                  (in[128 + part * 32 + at % 32] >> (at / 32 * 2) & 3) << 4);
    }
    store_quants(m, N, K, s, q);
    std::memcpy(m + N * K / 4 * 3 + s * 16, blocks + 192, 16);
    std::memcpy(m + N * (K / 256) * 208 + s * 2, blocks + 208, 2);
  }
}
inline void unpack_row(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, std::byte* blocks) {
  for (uint64_t s = row * (K / 256); s < (row + 1) * (K / 256); ++s, blocks += 210) {
    std::memset(blocks, 0, 192);
    auto* out = reinterpret_cast<uint8_t*>(blocks);
    for (uint32_t i = 0; i < 256; ++i) {
      const uint32_t part = i / 128, at = i % 128;
      const auto* low = reinterpret_cast<const uint8_t*>(m) + s * 128 + i / 32 * 16;
      uint32_t pair;
      std::memcpy(&pair, m + N * K / 2 + s * 64 + i / 16 * 4, 4);
      const uint32_t nibble = low[i % 16] >> (i / 16 % 2 * 4) & 15u, high = pair >> (i % 16 * 2) & 3u;
      out[part * 64 + at % 64] = static_cast<uint8_t>(out[part * 64 + at % 64] | nibble << (at / 64 * 4));
      uint8_t& byte = out[128 + part * 32 + at % 32];
      byte = static_cast<uint8_t>(byte | high << (at / 32 * 2));
    }
    std::memcpy(blocks + 192, m + N * K / 4 * 3 + s * 16, 16);
    std::memcpy(blocks + 208, m + N * (K / 256) * 208 + s * 2, 2);
  }
}
inline constexpr GgmlLayout file_layout{14, 256, 210, pack_row, unpack_row};
inline constexpr const GgmlLayout* ggml = &file_layout;

inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t s = row * (K / 256); s < (row + 1) * (K / 256); ++s, values += 256) {
    uint8_t q[256];
    int8_t scales[16];
    const uint16_t half = quantize_signed_scales(values, scales, q);
    store_quants(m, N, K, s, q);
    std::memcpy(m + N * K / 4 * 3 + s * 16, scales, 16);
    std::memcpy(m + N * (K / 256) * 208 + s * 2, &half, 2);
  }
}
#endif
