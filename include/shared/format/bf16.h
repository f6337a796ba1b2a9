// bf16: the upper half of an f32, row-major [N, K], nothing between rows. K is a multiple of 8.
// One chunk holds 8 elements, lower half of each word first; decoding is a shift.
SHARED_CONST(uint, CHUNK, 8u);
SHARED_CONST(uint, BLOCK, 8u);

SHARED_FN void decode_quad(uvec4 q, SHARED_OUT(float, v, 8)) {
  v[0] = word_as_float(q.x << 16u); v[1] = word_as_float(q.x & 0xffff0000u);
  v[2] = word_as_float(q.y << 16u); v[3] = word_as_float(q.y & 0xffff0000u);
  v[4] = word_as_float(q.z << 16u); v[5] = word_as_float(q.z & 0xffff0000u);
  v[6] = word_as_float(q.w << 16u); v[7] = word_as_float(q.w & 0xffff0000u);
}
SHARED_FN void decode_chunk(Quads m, SHARED_UNUSED uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 8)) {
  decode_quad(m.q[row * (K / 8u) + chunk], v);
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "bf16";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return N * K * 2; }
inline void encode_row(std::byte* m, uint64_t, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t k = 0; k < K; ++k) {
    const uint16_t h = f32_to_bf16(values[k]);
    std::memcpy(m + (row * K + k) * 2, &h, 2);
  }
}
#else
// A chunk undecoded, for kernels that decode later.
#define CHUNK_QUAD(m, K, row, chunk) ((m).q[(row) * ((K) / 8u) + (chunk)])
#endif
