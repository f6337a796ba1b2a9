// i8: symmetric 8-bit integers in blocks of 32 along K, one fp16 scale a block: 8.5 bits a weight.
// value = scale * q, q in [-127, 127], scale = absmax / 127. Two planes, so that the quants are read in aligned quads:
//   quants  [N, K] int8, row-major            N * K bytes (K is a multiple of 32)
//   scales  [N, K / 32] fp16, right behind    N * K / 16 bytes
// Why blocks of 32: one outlier then costs precision only to its 31 neighbours; lossless in practice for RWKV.
SHARED_CONST(uint, CHUNK, 16u);
SHARED_CONST(uint, BLOCK, 32u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 16)) {
  decode_bytes(m, N, K, row, chunk, v);
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "i8";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return whole_quads(N * K + N * (K / 32) * 2); }
inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t block = 0; block < K / 32; ++block) {
    const float* v = values + block * 32;
    float absmax = 0;
    for (int i = 0; i < 32; ++i) absmax = std::fmax(absmax, std::fabs(v[i]));
    const uint16_t half = f32_to_f16(std::fmin(absmax / 127.0f, 65504.0f));
    const float scale = f16_to_f32(half), inverse = scale > 0 ? 1.0f / scale : 0.0f;
    for (int i = 0; i < 32; ++i) {
      const float q = std::nearbyint(v[i] * inverse);
      const auto byte = static_cast<int8_t>(q >= 127.0f ? 127.0f : q > -127.0f ? q : -127.0f);  // NaN: -127
      std::memcpy(m + row * K + block * 32 + static_cast<uint64_t>(i), &byte, 1);
    }
    std::memcpy(m + N * K + (row * (K / 32) + block) * 2, &half, 2);
  }
}
#endif
