// f32: 32-bit floats, row-major [N, K], nothing between rows. K is a multiple of 4, so every row starts on a quad.
// One chunk (16 bytes) holds 4 elements. This header is read by C++ inside namespace fulmar::format::f32 and by
// GLSL as the one format of a shader variant, so the names below carry no format prefix.
SHARED_CONST(uint, CHUNK, 4u);  // elements in one 16-byte quad
SHARED_CONST(uint, BLOCK, 4u);  // K must be a multiple of this

// Elements [CHUNK * chunk, CHUNK * (chunk + 1)) of a row of the [N, K] matrix at `m`.
SHARED_FN void decode_chunk(Quads m, SHARED_UNUSED uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 4)) {
  uvec4 q = m.q[row * (K / 4u) + chunk];
  v[0] = word_as_float(q.x); v[1] = word_as_float(q.y); v[2] = word_as_float(q.z); v[3] = word_as_float(q.w);
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "fp32";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return N * K * 4; }
// Writes row `row` (K floats) of an [N, K] matrix into `m` (matrix_bytes long).
inline void encode_row(std::byte* m, uint64_t, uint64_t K, uint64_t row, const float* values) {
  std::memcpy(m + row * K * 4, values, K * 4);
}
#endif
