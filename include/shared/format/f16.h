// f16: IEEE half floats, row-major [N, K], nothing between rows. K is a multiple of 8, so every row starts on a quad.
// One chunk holds 8 elements, lower half of each word first. Values past 65504 are clamped when encoding: an
// infinity in one weight would spoil every output of its row.
SHARED_CONST(uint, CHUNK, 8u);
SHARED_CONST(uint, BLOCK, 8u);

SHARED_FN void decode_chunk(Quads m, SHARED_UNUSED uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 8)) {
  uvec4 q = m.q[row * (K / 8u) + chunk];
  Pair a = unpack_f16(q.x), b = unpack_f16(q.y), c = unpack_f16(q.z), d = unpack_f16(q.w);
  v[0] = a.x; v[1] = a.y; v[2] = b.x; v[3] = b.y; v[4] = c.x; v[5] = c.y; v[6] = d.x; v[7] = d.y;
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "fp16";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return N * K * 2; }
inline void encode_row(std::byte* m, uint64_t, uint64_t K, uint64_t row, const float* values) {
  for (uint64_t k = 0; k < K; ++k) {
    const uint16_t h = f32_to_f16(values[k] > 65504.0f ? 65504.0f : values[k] < -65504.0f ? -65504.0f : values[k]);
    std::memcpy(m + (row * K + k) * 2, &h, 2);
  }
}
#else
// A chunk undecoded, for kernels that decode later; its quad holds halves as matrix units take them.
#define CHUNK_QUAD(m, K, row, chunk) ((m).q[(row) * ((K) / 8u) + (chunk)])
#define QUAD_OF_HALVES
#endif
