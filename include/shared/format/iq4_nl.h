// iq4_nl: ggml's 4-bit format with uneven steps, dense around zero as weights are. Blocks of 32 along K, one fp16 scale a
// block: 4.5 bits a weight. value = d * codes[q], q in [0, 15], codes from -127 to 113.
//   quants  [N, K / 32] quads, see nibble() in blocks.h; as in a file    N * K / 2 bytes
//   d       [N, K / 32] fp16                                             N * K / 16 bytes
SHARED_CONST(uint, CHUNK, 32u);
SHARED_CONST(uint, BLOCK, 32u);

// -127 -104 -83 -65, -49 -35 -22 -10, 1 13 25 38, 53 69 89 113: bytes, the first one lowest.
SHARED_FN float code_value(uint q) {
  uint low = (q & 4u) == 0u ? 0xbfad9881u : 0xf6eaddcfu, high = (q & 4u) == 0u ? 0x26190d01u : 0x71594535u;
  return signed_byte(q < 8u ? low : high, q & 3u);
}
SHARED_FN void decode_chunk(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 32)) {
  uint block = row * (K / 32u) + chunk;
  uvec4 q = m.q[block];
  float d = half_at(AS_WORDS(m), N * (K / 32u) * 4u, block);
  SHARED_UNROLL for (uint i = 0u; i < 32u; ++i) v[i] = d * code_value(nibble(q, i));
}

#ifdef __cplusplus
inline constexpr const char* precision_name = "iq4_nl";
constexpr uint64_t matrix_bytes(uint64_t N, uint64_t K) { return N * K / 2 + whole_quads(N * (K / 32) * 2); }

inline void pack_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const std::byte* blocks) {
  pack_fields(m, row * (K / 32), K / 32, 18, {{0, 2, N * K / 2}, {2, 16, 0}}, blocks);
}
inline void unpack_row(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, std::byte* blocks) {
  unpack_fields(m, row * (K / 32), K / 32, 18, {{0, 2, N * K / 2}, {2, 16, 0}}, blocks);
}
inline constexpr GgmlLayout file_layout{20, 32, 18, pack_row, unpack_row};
inline constexpr const GgmlLayout* ggml = &file_layout;

// The scale with the least squared error among those that take the farthest value near either end of the codes, each
// then fitted to the codes it chose.
inline void encode_row(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  float codes[16];
  for (uint32_t q = 0; q < 16; ++q) codes[q] = code_value(q);
  for (uint64_t block = row * (K / 32); block < (row + 1) * (K / 32); ++block, values += 32) {
    const float farthest = farthest_of<32>(values);
    uint8_t q[32] = {};
    float best = 0, d = 0;
    if (inverse(farthest / 127) != 0)
      for (const float end : {codes[0], codes[15]})
        for (int step = -7; step <= 7; ++step) {
          const Fit fit = fit_codes<32>(values, (end + static_cast<float>(step)) / farthest, codes);
          if (fit.gain > best) best = fit.gain, d = fit.scale;
        }
    const uint16_t half = scale_to_f16(d);
    const float by = inverse(f16_to_f32(half));
    for (int i = 0; i < 32; ++i) q[i] = nearest_code(values[i] * by, codes);
    store_nibbles(m + block * 16, q);
    std::memcpy(m + N * K / 2 + block * 2, &half, 2);
  }
}
#endif
