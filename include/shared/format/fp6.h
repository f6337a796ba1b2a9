// fp6: floats of 6 bits, e3m2, one f32 scale a row: 6 bits a weight. value = scale * code, codes up to 28, all finite.
//   low bits   [N, K / 32] quads, see nibble() in blocks.h                  N * K / 2 bytes (K is a multiple of 32)
//   high bits  [N, K / 32] pairs of words, see quant6(); the sign highest   N * K / 4 bytes
//   scales     [N] f32: absmax / 28                                         N * 4 bytes
SHARED_CONST(uint, CHUNK, 32u);
SHARED_CONST(uint, BLOCK, 32u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 32)) {
  uint block = row * (K / 32u) + chunk, blocks = N * (K / 32u);
  uvec4 q = m.q[block];
  uint high0 = AS_WORDS(m).w[blocks * 4u + block * 2u], high1 = AS_WORDS(m).w[blocks * 4u + block * 2u + 1u];
  float scale = word_as_float(AS_WORDS(m).w[blocks * 6u + row]);
  SHARED_UNROLL for (uint i = 0u; i < 32u; ++i) {
    uint code = quant6(q, high0, high1, i);
    float magnitude = small_float(code & 31u, 2u, 3u);
    v[i] = scale * (code < 32u ? magnitude : -magnitude);
  }
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "fp6";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return whole_quads(N * K / 4 * 3 + N * 4); }
inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  float by;
  const float scale = row_scale(values, K, 28.0f, by);
  for (uint64_t block = row * (K / 32); block < (row + 1) * (K / 32); ++block, values += 32) {
    uint8_t q[32];
    for (int i = 0; i < 32; ++i)
      q[i] = static_cast<uint8_t>(to_small_float(std::fabs(values[i]) * by, 5, 2, 3) | (values[i] < 0 ? 32u : 0u));
    store_nibbles(m + block * 16, q);
    store_high_pairs(m + N * K / 2 + block * 8, q);
  }
  std::memcpy(m + N * K / 4 * 3 + row * 4, &scale, 4);
}
#endif
