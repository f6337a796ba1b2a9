// fp5: floats of 5 bits, e2m2, one f32 scale a row: 5 bits a weight. value = scale * code, codes up to 7, all finite.
//   low bits  [N, K / 32] quads, see nibble() in blocks.h    N * K / 2 bytes (K is a multiple of 32)
//   signs     [N, K / 32] words, bit i for element i         N * K / 8 bytes
//   scales    [N] f32: absmax / 7                            N * 4 bytes
SHARED_CONST(uint, CHUNK, 32u);
SHARED_CONST(uint, BLOCK, 32u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 32)) {
  uint block = row * (K / 32u) + chunk, blocks = N * (K / 32u);
  uvec4 q = m.q[block];
  uint signs = AS_WORDS(m).w[blocks * 4u + block];
  float scale = word_as_float(AS_WORDS(m).w[blocks * 5u + row]);
  SHARED_UNROLL for (uint i = 0u; i < 32u; ++i) {
    float magnitude = small_float(nibble(q, i), 2u, 1u);
    v[i] = scale * (((signs >> i) & 1u) == 0u ? magnitude : -magnitude);
  }
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "fp5";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return whole_quads(N * K / 8 * 5 + N * 4); }
inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  float by;
  const float scale = row_scale(values, K, 7.0f, by);
  for (uint64_t block = row * (K / 32); block < (row + 1) * (K / 32); ++block, values += 32) {
    uint8_t q[32];
    for (int i = 0; i < 32; ++i)
      q[i] = static_cast<uint8_t>(to_small_float(std::fabs(values[i]) * by, 4, 2, 1) | (values[i] < 0 ? 16u : 0u));
    const uint32_t signs = high_bits(q);
    store_nibbles(m + block * 16, q);
    std::memcpy(m + N * K / 2 + block * 4, &signs, 4);
  }
  std::memcpy(m + N * K / 8 * 5 + row * 4, &scale, 4);
}
#endif
