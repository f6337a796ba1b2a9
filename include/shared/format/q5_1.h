// q5_1: ggml's 5-bit format with a minimum. Blocks of 32 along K, scale and minimum in fp16: 6 bits a weight.
// value = d * q + least, q in [0, 31], d = (largest - least) / 31.
//   low bits  [N, K / 32] quads, see nibble() in blocks.h; as in a file    N * K / 2 bytes
//   high bit  [N, K / 32] words, bit i for element i; as in a file         N * K / 8 bytes
//   d, least  [N, K / 32] pairs of fp16                                    N * K / 8 bytes
SHARED_CONST(uint, CHUNK, 32u);
SHARED_CONST(uint, BLOCK, 32u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 32)) {
  uint block = row * (K / 32u) + chunk, blocks = N * (K / 32u);
  uvec4 q = m.q[block];
  uint high = AS_WORDS(m).w[blocks * 4u + block];
  Pair d = unpack_f16(AS_WORDS(m).w[blocks * 5u + block]);
  SHARED_UNROLL for (uint i = 0u; i < 32u; ++i) v[i] = d.x * float(quant5(q, high, i)) + d.y;
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "q5_1";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return whole_quads(N * (K / 32) * 24); }

inline void pack_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const std::byte* blocks) {
  pack_fields(m, row * (K / 32), K / 32, 24, {{0, 4, N * K / 8 * 5}, {4, 4, N * K / 2}, {8, 16, 0}}, blocks);
}
inline void unpack_row(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, std::byte* blocks) {
  unpack_fields(m, row * (K / 32), K / 32, 24, {{0, 4, N * K / 8 * 5}, {4, 4, N * K / 2}, {8, 16, 0}}, blocks);
}
inline constexpr GgmlLayout file_layout{7, 32, 24, pack_row, unpack_row};
inline constexpr const GgmlLayout* ggml = &file_layout;

inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t block = row * (K / 32); block < (row + 1) * (K / 32); ++block, values += 32) {
    uint8_t q[32];
    uint16_t halves[2];
    quantize_range(values, 31, q, halves);
    const uint32_t high = high_bits(q);
    store_nibbles(m + block * 16, q);
    std::memcpy(m + N * K / 2 + block * 4, &high, 4);
    std::memcpy(m + N * K / 8 * 5 + block * 4, halves, 4);
  }
}
#endif
