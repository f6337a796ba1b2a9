// q4_0: ggml's simplest 4-bit format. Blocks of 32 along K, one fp16 scale a block: 4.5 bits a weight.
// value = d * (q - 8), q in [0, 15]. The scale is signed: the value farthest from zero gets q = 0 exactly, so that the
// one step by which the range is not symmetric is never wasted on it.
//   quants  [N, K / 32] quads, see nibble() in blocks.h; as in a file    N * K / 2 bytes
//   d       [N, K / 32] fp16                                             N * K / 16 bytes
SHARED_CONST(uint, CHUNK, 32u);
SHARED_CONST(uint, BLOCK, 32u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 32)) {
  uint block = row * (K / 32u) + chunk;
  uvec4 q = m.q[block];
  float d = half_at(AS_WORDS(m), N * (K / 32u) * 4u, block);
  SHARED_UNROLL for (uint i = 0u; i < 32u; ++i) v[i] = d * (float(nibble(q, i)) - 8.0f);
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "q4_0";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return whole_quads(N * K / 2 + N * (K / 32) * 2); }

inline void pack_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const std::byte* blocks) {
  pack_fields(m, row * (K / 32), K / 32, 18, {{0, 2, N * K / 2}, {2, 16, 0}}, blocks);
}
inline void unpack_row(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, std::byte* blocks) {
  unpack_fields(m, row * (K / 32), K / 32, 18, {{0, 2, N * K / 2}, {2, 16, 0}}, blocks);
}
inline constexpr GgmlLayout file_layout{2, 32, 18, pack_row, unpack_row};
inline constexpr const GgmlLayout* ggml = &file_layout;

inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t block = row * (K / 32); block < (row + 1) * (K / 32); ++block, values += 32) {
    uint8_t q[32];
    const uint16_t half = quantize_farthest(values, 8, q);
    store_nibbles(m + block * 16, q);
    std::memcpy(m + N * K / 2 + block * 2, &half, 2);
  }
}
#endif
