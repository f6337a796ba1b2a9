// The WKV7 recurrence and its gradient for training on a CPU; loaded by wkv7.py.
//
// Per head, with the state stored transposed, S[k][v] so that no sum in the forward pass runs across a
// vector:
//   s[v]    = sum_k S[k][v] a[k]
//   S[k][v] = S[k][v] w[k] + b[k] s[v] + k[k] v[v]
//   y[v]    = sum_k S[k][v] r[k]
// All inputs are [B,T,H,64] float. A token whose `first` is set starts from a state of zeros.
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int N = 64, V = 4, stride = 16;  // head size, vectors in a row, tokens between saved states
typedef float vec __attribute__((vector_size(64)));
struct State {
  vec at[N][V];
};

inline vec load(const float* p, int i) {
  vec x;
  std::memcpy(&x, p + i * 16, sizeof x);
  return x;
}
inline void store(float* p, int i, vec x) {
  std::memcpy(p + i * 16, &x, sizeof x);
}
inline vec splat(float x) {
  return vec{} + x;
}
inline float sum(vec x) {
  float total = 0;
  for (int i = 0; i < 16; ++i) total += x[i];
  return total;
}

struct Inputs {
  const float *r, *w, *k, *v, *a, *b;
};

// One token: S is replaced; `s` receives the removal, `y` (unless null) the output.
inline void step(State& S, const Inputs& in, std::size_t o, vec s[V], float* y) {
  for (int i = 0; i < V; ++i) s[i] = vec{};
  for (int k = 0; k < N; ++k) {
    const vec a = splat(in.a[o + k]);
    for (int i = 0; i < V; ++i) s[i] += S.at[k][i] * a;
  }
  vec v[V], out[V];
  for (int i = 0; i < V; ++i) v[i] = load(in.v + o, i), out[i] = vec{};
  for (int k = 0; k < N; ++k) {
    const vec w = splat(in.w[o + k]), b = splat(in.b[o + k]), kk = splat(in.k[o + k]), r = splat(in.r[o + k]);
    for (int i = 0; i < V; ++i) {
      const vec x = S.at[k][i] * w + (b * s[i] + kk * v[i]);
      S.at[k][i] = x;
      out[i] += x * r;
    }
  }
  if (y) {
    for (int i = 0; i < V; ++i) store(y + o, i, out[i]);
  }
}

}  // namespace

extern "C" void wkv7_forward(int B, int T, int H, const float* r, const float* w, const float* k,
                             const float* v, const float* a, const float* b, const uint8_t* first, float* y,
                             float* saved) {
  const Inputs in{r, w, k, v, a, b};
  const int blocks = (T + stride - 1) / stride;
#pragma omp parallel for schedule(dynamic)
  for (int bh = 0; bh < B * H; ++bh) {
    const int row = bh / H, head = bh % H;
    State S{};
    vec s[V];
    for (int t = 0; t < T; ++t) {
      if (t % stride == 0) std::memcpy(saved + (std::size_t(bh) * blocks + t / stride) * N * N, &S, sizeof S);
      if (first[row * T + t]) S = State{};
      step(S, in, ((std::size_t(row) * T + t) * H + head) * N, s, y);
    }
  }
}

extern "C" void wkv7_backward(int B, int T, int H, const float* r, const float* w, const float* k,
                              const float* v, const float* a, const float* b, const uint8_t* first,
                              const float* saved, const float* dy, float* dr, float* dw, float* dk, float* dv,
                              float* da, float* db) {
  const Inputs in{r, w, k, v, a, b};
  const int blocks = (T + stride - 1) / stride;
#pragma omp parallel for schedule(dynamic)
  for (int bh = 0; bh < B * H; ++bh) {
    const int row = bh / H, head = bh % H;
    State D{};                          // gradient of the state after token t
    std::vector<State> before(stride);  // states before each token of a block
    vec removed[stride][V];
    for (int block = blocks - 1; block >= 0; --block) {
      const int begin = block * stride, end = begin + stride < T ? begin + stride : T;
      State S;
      std::memcpy(&S, saved + (std::size_t(bh) * blocks + block) * N * N, sizeof S);
      for (int t = begin; t < end; ++t) {
        if (first[row * T + t]) S = State{};
        before[t - begin] = S;
        step(S, in, ((std::size_t(row) * T + t) * H + head) * N, removed[t - begin], nullptr);
      }
      for (int t = end - 1; t >= begin; --t) {
        const std::size_t o = ((std::size_t(row) * T + t) * H + head) * N;
        const State& old = before[t - begin];
        const vec* s = removed[t - begin];
        vec g[V], v_[V], ds[V], dv_[V];
        for (int i = 0; i < V; ++i)
          g[i] = load(dy + o, i), v_[i] = load(v + o, i), ds[i] = vec{}, dv_[i] = vec{};
        for (int kk = 0; kk < N; ++kk) {
          const vec rr = splat(r[o + kk]), ww = splat(w[o + kk]), bb = splat(b[o + kk]),
                    key = splat(k[o + kk]);
          vec pr{}, pb{}, pk{}, pw{};
          for (int i = 0; i < V; ++i) {
            const vec after = old.at[kk][i] * ww + (bb * s[i] + key * v_[i]);
            pr += after * g[i];
            const vec d = D.at[kk][i] + rr * g[i];
            D.at[kk][i] = d;
            pb += d * s[i];
            pk += d * v_[i];
            pw += d * old.at[kk][i];
            ds[i] += d * bb;
            dv_[i] += d * key;
          }
          dr[o + kk] = sum(pr), db[o + kk] = sum(pb), dk[o + kk] = sum(pk), dw[o + kk] = sum(pw);
        }
        for (int kk = 0; kk < N; ++kk) {
          const vec ww = splat(w[o + kk]), aa = splat(a[o + kk]);
          vec pa{};
          for (int i = 0; i < V; ++i) {
            pa += old.at[kk][i] * ds[i];
            D.at[kk][i] = D.at[kk][i] * ww + aa * ds[i];
          }
          da[o + kk] = sum(pa);
        }
        for (int i = 0; i < V; ++i) store(dv + o, i, dv_[i]);
        if (first[row * T + t]) D = State{};
      }
    }
  }
}
