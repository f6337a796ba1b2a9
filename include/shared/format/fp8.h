// fp8: floats of 8 bits, e4m3, one f32 scale a row: 8 bits a weight. value = scale * code, codes up to 448.
// Finite numbers only: the two codes that e4m3fn keeps for NaN are never written, and read as 480.
// A float's error is relative, so small weights beside a large one keep three bits, which i8 takes from them.
//   codes   [N, K] bytes, row-major, sign highest    N * K bytes (K is a multiple of 16)
//   scales  [N] f32: absmax / 448                    N * 4 bytes
SHARED_CONST(uint, CHUNK, 16u);
SHARED_CONST(uint, BLOCK, 16u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 16)) {
  uvec4 q = m.q[row * (K / 16u) + chunk];
  float scale = word_as_float(AS_WORDS(m).w[N * (K / 16u) * 4u + row]);
  SHARED_UNROLL for (uint i = 0u; i < 16u; ++i) {
    uint code = q[i / 4u] >> (8u * (i & 3u));
    float magnitude = small_float(code & 127u, 3u, 7u);
    v[i] = scale * ((code & 128u) == 0u ? magnitude : -magnitude);
  }
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "fp8";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return N * K + whole_quads(N * 4); }
inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  float by;
  const float scale = row_scale(values, K, 448.0f, by);
  for (uint64_t k = 0; k < K; ++k) {
    const uint32_t code = std::min(to_small_float(std::fabs(values[k]) * by, 7, 3, 7), 126u);
    m[row * K + k] = static_cast<std::byte>(code | (values[k] < 0 ? 128u : 0u));
  }
  std::memcpy(m + N * K + row * 4, &scale, 4);
}
#endif
