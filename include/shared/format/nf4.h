// nf4: normal floats, as bitsandbytes made them. Blocks of 64 along K, one fp16 absmax a block: 4.25 bits a weight.
// value = absmax * codes[q]: 16 quantiles of the normal distribution, scaled to reach from -1 to 1, zero among them.
//   quants  [N, K / 32] quads, see nibble() in blocks.h    N * K / 2 bytes
//   absmax  [N, K / 64] fp16                               N * K / 32 bytes
SHARED_CONST(uint, CHUNK, 32u);
SHARED_CONST(uint, BLOCK, 64u);

#ifdef __cplusplus
inline constexpr float codes[16] = {FULMAR_NF4_CODES};
#else
const float codes[16] = float[16](FULMAR_NF4_CODES);
#endif

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 32)) {
  uvec4 q = m.q[row * (K / 32u) + chunk];
  float absmax = half_at(AS_WORDS(m), N * (K / 32u) * 4u, row * (K / 64u) + chunk / 2u);
  SHARED_UNROLL for (uint i = 0u; i < 32u; ++i) v[i] = absmax * codes[nibble(q, i)];
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "nf4";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return N * K / 2 + whole_quads(N * (K / 64) * 2); }
inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t block = row * (K / 64); block < (row + 1) * (K / 64); ++block, values += 64) {
    const uint16_t half = scale_to_f16(std::fabs(farthest_of<64>(values)));
    const float by = inverse(f16_to_f32(half));
    uint8_t q[64];
    for (int i = 0; i < 64; ++i) q[i] = nearest_code(values[i] * by, codes);
    store_nibbles(m + block * 32, q);
    store_nibbles(m + block * 32 + 16, q + 32);
    std::memcpy(m + N * K / 2 + block * 2, &half, 2);
  }
}
#endif
