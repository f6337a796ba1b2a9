// q5_K: ggml's 5-bit format of two levels: q4_K with one more bit, 5.5 bits a weight.
// value = d * scale * q - dmin * least, q in [0, 31]; scale and least have 6 bits and belong to a block of 32.
//   low bits  [N, K / 32] quads, see nibble() in blocks.h                       N * K / 2 bytes
//   scales    [N, K / 256] quads: d, dmin, 8 scales, 8 minima, see k_scale()    N * K / 16 bytes
//   high bit  [N, K / 32] words, bit i for element i                            N * K / 8 bytes
// A file has bit b of its high byte i for element i of block b.
SHARED_CONST(uint, CHUNK, 32u);
SHARED_CONST(uint, BLOCK, 256u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 32)) {
  uint block = row * (K / 32u) + chunk, blocks = N * (K / 32u);
  uvec4 q = m.q[block], s = m.q[blocks + block / 8u];
  uint high = AS_WORDS(m).w[blocks / 8u * 36u + block];
  Pair d = unpack_f16(s.x);
  // Every product is exact in a float, so that only the difference is rounded, on every device alike.
  float scale = d.x * float(k_scale(s, chunk & 7u)), least = d.y * float(k_min(s, chunk & 7u));
  SHARED_UNROLL for (uint i = 0u; i < 32u; ++i) v[i] = scale * float(quant5(q, high, i)) - least;
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "q5_K";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return N * (K / 256) * 176; }

inline void pack_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const std::byte* blocks) {
  for (uint64_t s = row * (K / 256); s < (row + 1) * (K / 256); ++s, blocks += 176) {
    std::memcpy(m + N * K / 2 + s * 16, blocks, 16);
    transpose_bits(blocks + 16, 32, m + N * (K / 256) * 144 + s * 32);
    quants_from_file(blocks + 48, m + s * 128);
  }
}
inline void unpack_row(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, std::byte* blocks) {
  for (uint64_t s = row * (K / 256); s < (row + 1) * (K / 256); ++s, blocks += 176) {
    std::memcpy(blocks, m + N * K / 2 + s * 16, 16);
    transpose_bits(m + N * (K / 256) * 144 + s * 32, 8, blocks + 16);
    quants_to_file(m + s * 128, blocks + 48);
  }
}
inline constexpr GgmlLayout file_layout{13, 256, 176, pack_row, unpack_row};
inline constexpr const GgmlLayout* ggml = &file_layout;

inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t s = row * (K / 256); s < (row + 1) * (K / 256); ++s, values += 256) {
    uint8_t q[256];
    quantize_two_levels<31>(values, m + N * K / 2 + s * 16, q);
    for (uint64_t block = 0; block < 8; ++block) {
      const uint32_t high = high_bits(q + block * 32);
      store_nibbles(m + s * 128 + block * 16, q + block * 32);
      std::memcpy(m + N * (K / 256) * 144 + s * 32 + block * 4, &high, 4);
    }
  }
}
#endif
