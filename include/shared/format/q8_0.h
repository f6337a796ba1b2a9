// q8_0: ggml's 8-bit format. Blocks of 32 along K, one fp16 scale a block: 8.5 bits a weight.
// value = d * q, q in [-128, 127], d = absmax / 127 when encoding (which never makes -128).
// The planes are i8's, so both run at the same speed; what differs is the rounding, which here is ggml's own:
//   quants  [N, K] int8, row-major    N * K bytes
//   d       [N, K / 32] fp16          N * K / 16 bytes
SHARED_CONST(uint, CHUNK, 16u);
SHARED_CONST(uint, BLOCK, 32u);

SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 16)) {
  decode_bytes(m, N, K, row, chunk, v);
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "q8_0";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return whole_quads(N * K + N * (K / 32) * 2); }

inline void pack_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const std::byte* blocks) {
  pack_fields(m, row * (K / 32), K / 32, 34, {{0, 2, N * K}, {2, 32, 0}}, blocks);
}
inline void unpack_row(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, std::byte* blocks) {
  unpack_fields(m, row * (K / 32), K / 32, 34, {{0, 2, N * K}, {2, 32, 0}}, blocks);
}
inline constexpr GgmlLayout file_layout{8, 32, 34, pack_row, unpack_row};
inline constexpr const GgmlLayout* ggml = &file_layout;

// Quants are rounded by the scale before it becomes a half, halves away from zero.
inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t block = 0; block < K / 32; ++block) {
    const float* v = values + block * 32;
    float absmax = 0;
    for (int i = 0; i < 32; ++i) absmax = std::max(absmax, std::fabs(v[i]));
    const float d = absmax / 127.0f, by = inverse(d);
    int8_t q[32];
    for (int i = 0; i < 32; ++i)
      q[i] = static_cast<int8_t>(std::clamp(std::round(v[i] * by), -127.0f, 127.0f));
    const uint16_t half = scale_to_f16(d);
    std::memcpy(m + row * K + block * 32, q, 32);
    std::memcpy(m + N * K + (row * (K / 32) + block) * 2, &half, 2);
  }
}
#endif
