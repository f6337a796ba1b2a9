// Products of unpacked codes with rounded inputs. Included inside a namespace, for an instruction set once more where
// that may have instructions for dot products (FULMAR_DOTS), which then are allowed from there on.

#if FULMAR_DOTS
// sum + of each four bytes of w times those of x.
HWY_INLINE hn::Vec<Ints> dot_bytes(hn::Vec<Ints> sum, hn::Vec<Words> w, hn::Vec<Ints> x) {
  return hn::Vec<Ints>{_mm512_dpbusd_epi32(sum.raw, w.raw, x.raw)};
}
HWY_INLINE hn::Vec<Ints> dot_shorts(hn::Vec<Ints> sum, hn::Vec<Words> w, hn::Vec<Ints> x) {
  return hn::Vec<Ints>{_mm512_dpwssd_epi32(sum.raw, w.raw, x.raw)};
}
#elif FULMAR_PAIRS
HWY_INLINE hn::Vec<Ints> dot_shorts(hn::Vec<Ints> sum, hn::Vec<Words> w, hn::Vec<Ints> x) {
  const hn::Repartition<int16_t, Ints> d;
  hn::Vec<Ints> none = hn::Zero(Ints());
  return hn::ReorderWidenMulAccumulate(Ints(), hn::BitCast(d, w), hn::BitCast(d, x), sum, none);
}
#endif

HWY_INLINE hn::Vec<Ints> four_bytes(const std::byte* x) {
  return hn::Set(Ints(), read_as<int32_t>(x));
}

// Inputs of 8 bits. `two` adds up the products of 8 k: codes at w and 64 bytes on, of W rows of x.
struct ByteInputs {
  static constexpr bool wide = false;
  template <int W>
  static HWY_INLINE void two(hn::Vec<Ints>* sums, const uint8_t* codes, const std::byte* x) {
    const Words d;
    const auto w0 = hn::LoadU(d, reinterpret_cast<const uint32_t*>(codes)),
               w1 = hn::LoadU(d, reinterpret_cast<const uint32_t*>(codes + 64));
    FULMAR_UNROLL
    for (int t = 0; t < W; ++t) {
      const auto x0 = four_bytes(x + 4 * t), x1 = four_bytes(x + 4 * (W + t));
#if FULMAR_DOTS
      sums[t] = dot_bytes(dot_bytes(sums[t], w0, x0), w1, x1);
#elif FULMAR_PAIRS  // of codes of up to 6 bits, so that four products fit into 16 bits
      const hn::Repartition<int16_t, Ints> shorts;
      const auto four = hn::Add(hn::BitCast(shorts, pairs_of_bytes(w0, x0)), hn::BitCast(shorts, pairs_of_bytes(w1, x1)));
      sums[t] = dot_shorts(sums[t], hn::BitCast(d, four), hn::Set(Ints(), 0x10001));
#else
      (void)sums, (void)w0, (void)w1, (void)x0, (void)x1;
#endif
    }
  }
};

struct ShortInputs {
  static constexpr bool wide = true;
  template <int W>
  static HWY_INLINE void two(hn::Vec<Ints>* sums, const uint8_t* codes, const std::byte* x) {
    one<W>(sums, codes, x);
    one<W>(sums, codes + 64, x + 8 * W);
  }
  template <int W>
  static HWY_INLINE void one(hn::Vec<Ints>* sums, const uint8_t* codes, const std::byte* x) {
    const Words d;
    const auto w = hn::LoadU(d, reinterpret_cast<const uint32_t*>(codes));
#if FULMAR_DOTS || FULMAR_PAIRS
    const hn::Repartition<uint16_t, Words> shorts;
    const auto even = hn::And(w, hn::Set(d, 0x00ff00ff));
    const auto odd = hn::BitCast(d, hn::ShiftRight<8>(hn::BitCast(shorts, w)));
    FULMAR_UNROLL
    for (int t = 0; t < W; ++t) sums[t] = dot_shorts(sums[t], even, four_bytes(x + 4 * t));
    FULMAR_UNROLL
    for (int t = 0; t < W; ++t) sums[t] = dot_shorts(sums[t], odd, four_bytes(x + 4 * (W + t)));
#else
    constexpr int order[4] = {0, 2, 1, 3};  // in which the inputs lie
    FULMAR_UNROLL
    for (int i = 0; i < 4; ++i) {
      const auto code = hn::BitCast(Ints(), hn::And(hn::ShiftRightSame(w, 8 * order[i]), hn::Set(d, 255)));
      for (int t = 0; t < W; ++t) {
        const auto q = hn::Set(Ints(), read_as<int16_t>(x + 4 * (i / 2 * W + t) + 2 * (i % 2)));
        sums[t] = hn::Add(sums[t], hn::Mul(code, q));
      }
    }
#endif
  }
};

// The order in which a row's sum is added up is the same for every width.
template <class Inputs, int halves, int W>
void product(const ProductCall& c) {
  const Floats d;
  constexpr uint64_t block_bytes = strip_block_bytes(W, Inputs::wide);
  constexpr uint32_t four_inputs = Inputs::wide ? 8 * W : 4 * W;  // bytes
  for (uint32_t lane = 0; lane < 16; lane += L) {
    Float sums[W];
    FULMAR_UNROLL
    for (int t = 0; t < W; ++t) sums[t] = hn::LoadU(d, c.sums + t * c.sums_stride + lane);
    const uint8_t* codes = c.codes + 4 * lane;
    const std::byte* x = c.x;
    for (uint32_t b = 0; b < c.count; ++b, codes += block_code_bytes, x += block_bytes) {
      FULMAR_UNROLL
      for (int half = 0; half < halves; ++half) {
        hn::Vec<Ints> products[W];
        FULMAR_UNROLL
        for (int t = 0; t < W; ++t) products[t] = hn::Zero(Ints());
        FULMAR_UNROLL
        for (int i = 8 / halves * half; i < 8 / halves * (half + 1); i += 2)
          Inputs::template two<W>(products, codes + 64 * i, x + 16 * W + four_inputs * i);
        const auto scale = hn::LoadU(d, c.scales + (b * halves + half) * 16 + lane),
                   offset = hn::LoadU(d, c.offsets + (b * halves + half) * 16 + lane);
        FULMAR_UNROLL
        for (int t = 0; t < W; ++t) {
          const auto unit = hn::Set(d, read_as<float>(x + 4 * t)),
                     sum = hn::Set(d, read_as<float>(x + 4 * ((halves == 1 ? 1 : 2 + half) * W + t)));
          sums[t] = hn::MulAdd(hn::ConvertTo(d, products[t]), hn::Mul(scale, unit), sums[t]);
          sums[t] = hn::MulAdd(offset, sum, sums[t]);
        }
      }
    }
    FULMAR_UNROLL
    for (int t = 0; t < W; ++t) hn::StoreU(sums[t], d, c.sums + t * c.sums_stride + lane);
  }
}

constexpr IntegerKernels kernels_with(uint32_t most_code_bits_of_bytes) {
  using B = ByteInputs;
  using S = ShortInputs;
  return {{round_to<int8_t>, round_to<int16_t>},
          unpackers,
          std::size(unpackers),
          {{{product<B, 1, 1>, product<B, 1, 4>, product<B, 1, 8>}, {product<B, 2, 1>, product<B, 2, 4>, product<B, 2, 8>}},
           {{product<S, 1, 1>, product<S, 1, 4>, product<S, 1, 8>}, {product<S, 2, 1>, product<S, 2, 4>, product<S, 2, 8>}}},
          most_code_bits_of_bytes};
}
