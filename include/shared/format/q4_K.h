// q4_K: ggml's 4-bit format of two levels. Blocks of 32 along K, eight of them under one pair of fp16 scales: 4.5 bits a
// weight. value = d * scale * q - dmin * least, q in [0, 15]; scale and least have 6 bits and belong to a block.
//   quants  [N, K / 32] quads, see nibble() in blocks.h                        N * K / 2 bytes
//   scales  [N, K / 256] quads: d, dmin, 8 scales, 8 minima, see k_scale()     N * K / 16 bytes
// A file's quants lie 64 elements at a time: 32 bytes, the first 32 elements in their low halves.
SHARED_CONST(uint, CHUNK, 32u);
SHARED_CONST(uint, BLOCK, 256u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 32)) {
  uvec4 q = m.q[row * (K / 32u) + chunk], s = m.q[N * (K / 32u) + row * (K / 256u) + chunk / 8u];
  Pair d = unpack_f16(s.x);
  // Every product is exact in a float, so that only the difference is rounded, on every device alike.
  float scale = d.x * float(k_scale(s, chunk & 7u)), least = d.y * float(k_min(s, chunk & 7u));
  SHARED_UNROLL for (uint i = 0u; i < 32u; ++i) v[i] = scale * float(nibble(q, i)) - least;
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "q4_K";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return N * K / 2 + N * (K / 256) * 16; }

inline void pack_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const std::byte* blocks) {
  for (uint64_t s = row * (K / 256); s < (row + 1) * (K / 256); ++s, blocks += 144) {
    std::memcpy(m + N * K / 2 + s * 16, blocks, 16);
    quants_from_file(blocks + 16, m + s * 128);
  }
}
inline void unpack_row(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, std::byte* blocks) {
  for (uint64_t s = row * (K / 256); s < (row + 1) * (K / 256); ++s, blocks += 144) {
    std::memcpy(blocks, m + N * K / 2 + s * 16, 16);
    quants_to_file(m + s * 128, blocks + 16);
  }
}
inline constexpr GgmlLayout file_layout{12, 256, 144, pack_row, unpack_row};
inline constexpr const GgmlLayout* ggml = &file_layout;

inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t s = row * (K / 256); s < (row + 1) * (K / 256); ++s, values += 256) {
    uint8_t q[256];
    quantize_two_levels<15>(values, m + N * K / 2 + s * 16, q);
    for (int block = 0; block < 8; ++block) store_nibbles(m + s * 128 + block * 16, q + block * 32);
  }
}
#endif
