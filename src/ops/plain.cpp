// The plain twin of every op; see plain.h.
#include "ops/plain.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/fail.h"
#include "ops/state_memory.h"

namespace fulmar::ops {
namespace {

struct PlainBuffer : Buffer {
  explicit PlainBuffer(uint64_t bytes) : words((bytes + 15) / 16 * 4) { bytes_ = bytes; }
  std::byte* data() { return reinterpret_cast<std::byte*>(words.data()); }
  const std::byte* data() const { return reinterpret_cast<const std::byte*>(words.data()); }
  std::vector<uint32_t> words;
};

class PlainProgram : public Program {
 public:
  PlainProgram(const Tape& tape, const Memory& memory, const BatchShape& shape)
      : tape_(tape), memory_(memory), shape_(shape), values_(tape.values.size()) {
    check(tape);
    for (ValueId id = 0; id < values_.size(); ++id)
      values_[id].resize(uint64_t{tape.values[id].picked ? shape.picks : shape.rows} * tape.values[id].width);
    weights_.resize(tape.weights.size());
    for (WeightId id = 0; id < weights_.size(); ++id) {
      const Weight& w = tape.weights[id];
      const auto& buffer = static_cast<const PlainBuffer&>(*memory.weights[id].buffer);
      weights_[id].resize(uint64_t{w.rows} * w.cols);
      for (uint64_t row = 0; row < w.rows; ++row)
        info(w.format).decode_row(buffer.data() + memory.weights[id].offset, w.rows, w.cols, row,
                                  weights_[id].data() + row * w.cols);
    }
  }

  void start(const Batch& batch) override {
    require(batch.rows <= shape_.rows && batch.segments.size() <= shape_.segments &&
                batch.picks.size() <= shape_.picks,
            "a batch larger than its program");
    batch_ = batch;
    for (size_t i = 0; i < tape_.inputs.size(); ++i)
      std::copy(batch.inputs[i].begin(), batch.inputs[i].end(), values_[tape_.inputs[i]].begin());
    for (const Op& op : tape_.ops) std::visit([this](const auto& o) { run(o); }, op);
    outputs_.clear();
    for (const ValueId id : tape_.outputs)
      outputs_.emplace_back(values_[id].data(), uint64_t{rows(id)} * tape_.values[id].width);
  }

  std::span<const std::span<float>> finish() override { return outputs_; }

 private:
  uint32_t rows(ValueId id) const {
    return tape_.values[id].picked ? static_cast<uint32_t>(batch_.picks.size()) : batch_.rows;
  }
  float* row(ValueId id, uint64_t r) { return values_[id].data() + r * tape_.values[id].width; }
  float* state(const Segment& s, uint32_t offset) {
    const PlainStates::Place at = as_plain(*memory_.states).place(s.slot);
    return reinterpret_cast<float*>(static_cast<PlainBuffer*>(at.buffer)->data() + at.at) + offset;
  }

  void run(const Norm& o) {
    const uint32_t C = tape_.values[o.x].width;
    for (uint32_t t = 0; t < rows(o.x); ++t) {
      const float *x = row(o.x, t), *w = weights_[o.weight].data(), *b = weights_[o.bias].data();
      float* y = row(o.y, t);
      double mean = 0, variance = 0;
      for (uint32_t c = 0; c < C; ++c) mean += x[c] / static_cast<double>(C);
      for (uint32_t c = 0; c < C; ++c) variance += (x[c] - mean) * (x[c] - mean) / C;
      for (uint32_t c = 0; c < C; ++c)
        y[c] = static_cast<float>((x[c] - mean) / std::sqrt(variance + o.eps) * w[c] + b[c]);
    }
  }

  void run(const Shift& o) {
    const uint32_t C = tape_.values[o.x].width;
    for (const Segment& s : batch_.segments) {
      float* carry = state(s, o.carry);
      for (uint32_t t = s.first; t < s.first + s.rows; ++t) {
        const float *x = row(o.x, t), *prev = t == s.first ? carry : row(o.x, t - 1);
        for (uint32_t i = 0; i < o.count; ++i) {
          const Shift::Output& out = o.outputs[i];
          const float *mix = weights_[out.mix].data(),
                      *delta = out.delta == none ? nullptr : row(out.delta, t);
          for (uint32_t c = 0; c < C; ++c)
            row(out.y, t)[c] = x[c] + (prev[c] - x[c]) * (mix[c] + (delta ? delta[c] : 0.0f));
        }
      }
      if (!o.peek) std::copy_n(row(o.x, s.first + s.rows - 1), C, carry);
    }
  }

  void run(const Linear& o) {
    const Weight& w = tape_.weights[o.weight];
    for (uint32_t t = 0; t < rows(o.x); ++t)
      for (uint32_t n = 0; n < w.rows; ++n) {
        double sum = o.bias == none ? 0.0 : weights_[o.bias][n];
        for (uint32_t k = 0; k < w.cols; ++k)
          sum += static_cast<double>(row(o.x, t)[k]) * weights_[o.weight][uint64_t{n} * w.cols + k];
        float y = shared::activate(o.act, static_cast<float>(sum));
        if (o.gate != none) y *= row(o.gate, t)[n];
        row(o.y, t)[n] = o.accumulate ? row(o.y, t)[n] + y : y;
      }
  }

  void run(const Mix4& o) {
    const uint32_t A = tape_.values[o.y].width;
    for (const Segment& s : batch_.segments) {
      float *aa = state(s, o.state), *bb = aa + A, *pp = bb + A;
      for (uint32_t t = s.first; t < s.first + s.rows; ++t)
        for (uint32_t c = 0; c < A; ++c) {
          const float k = row(o.k, t)[c], v = row(o.v, t)[c], u = weights_[o.first][c],
                      w = weights_[o.decay][c];
          float q = std::max(pp[c], u + k);
          float past = std::exp(pp[c] - q), now = std::exp(u + k - q);
          row(o.y, t)[c] = row(o.r, t)[c] * (past * aa[c] + now * v) / (past * bb[c] + now);
          q = std::max(pp[c] + w, k);
          past = std::exp(pp[c] + w - q);
          now = std::exp(k - q);
          aa[c] = past * aa[c] + now * v;
          bb[c] = past * bb[c] + now;
          pp[c] = q;
        }
    }
  }

  // y of one head: group norm over its N channels, in place.
  void head_norm(float* y, uint32_t N, const float* weight, const float* bias, float eps) {
    double mean = 0, variance = 0;
    for (uint32_t i = 0; i < N; ++i) mean += y[i] / static_cast<double>(N);
    for (uint32_t i = 0; i < N; ++i) variance += (y[i] - mean) * (y[i] - mean) / N;
    for (uint32_t i = 0; i < N; ++i)
      y[i] = static_cast<float>((y[i] - mean) / std::sqrt(variance + eps) * weight[i] + bias[i]);
  }

  void run(const Mix6& o) {
    const uint32_t N = o.head_size;
    for (const Segment& s : batch_.segments)
      for (uint32_t t = s.first; t < s.first + s.rows; ++t)
        for (uint32_t h = 0; h < o.heads; ++h) {
          const uint32_t at = h * N;
          const float *r = row(o.r, t) + at, *k = row(o.k, t) + at, *v = row(o.v, t) + at;
          const float* w = (o.w == none ? weights_[o.decay].data() : row(o.w, t)) + at;
          const float* u = weights_[o.first].data() + at;
          float *S = state(s, o.state) + uint64_t{at} * N, *y = row(o.y, t) + at;
          for (uint32_t i = 0; i < N; ++i) {
            double sum = 0;
            for (uint32_t j = 0; j < N; ++j)
              sum += r[j] * (static_cast<double>(u[j]) * k[j] * v[i] + S[j * N + i]);
            y[i] = static_cast<float>(sum);
            for (uint32_t j = 0; j < N; ++j) S[j * N + i] = w[j] * S[j * N + i] + k[j] * v[i];
          }
          head_norm(y, N, weights_[o.norm_weight].data() + at, weights_[o.norm_bias].data() + at, o.norm_eps);
          if (o.g != none)
            for (uint32_t i = 0; i < N; ++i) y[i] *= row(o.g, t)[at + i];
        }
  }

  void run(const Mix7& o) {
    const uint32_t N = o.head_size;
    std::vector<float> kk(N), key(N), value(N);
    for (const Segment& s : batch_.segments)
      for (uint32_t t = s.first; t < s.first + s.rows; ++t)
        for (uint32_t h = 0; h < o.heads; ++h) {
          const uint32_t at = h * N;
          const float *r = row(o.r, t) + at, *w = row(o.w, t) + at, *k = row(o.k, t) + at,
                      *v = row(o.v, t) + at;
          const float *a = row(o.a, t) + at, *g = row(o.g, t) + at;
          float *S = state(s, o.state) + uint64_t{at} * N, *y = row(o.y, t) + at;
          double length = 0, bonus = 0;
          for (uint32_t j = 0; j < N; ++j) {
            kk[j] = k[j] * weights_[o.k_k][at + j];
            length += static_cast<double>(kk[j]) * kk[j];
            key[j] = k[j] * (1.0f + (a[j] - 1.0f) * weights_[o.k_a][at + j]);
            value[j] = o.v_first == none
                           ? v[j]
                           : v[j] + (row(o.v_first, t)[at + j] - v[j]) * row(o.v_gate, t)[at + j];
            bonus += static_cast<double>(r[j]) * key[j] * weights_[o.r_k][at + j];
          }
          for (float& x : kk) x = static_cast<float>(x / std::max(std::sqrt(length), 1e-12));
          for (uint32_t i = 0; i < N; ++i) {
            double sa = 0, sum = 0;
            for (uint32_t j = 0; j < N; ++j) sa -= static_cast<double>(S[j * N + i]) * kk[j];
            for (uint32_t j = 0; j < N; ++j) {
              float& cell = S[j * N + i];
              cell = static_cast<float>(static_cast<double>(cell) * w[j] + sa * kk[j] * a[j] +
                                        static_cast<double>(key[j]) * value[i]);
              sum += static_cast<double>(cell) * r[j];
            }
            y[i] = static_cast<float>(sum);
          }
          head_norm(y, N, weights_[o.norm_weight].data() + at, weights_[o.norm_bias].data() + at, o.norm_eps);
          for (uint32_t i = 0; i < N; ++i) y[i] = (y[i] + static_cast<float>(bonus) * value[i]) * g[i];
        }
  }

  void run(const Experts& o) {
    for (uint32_t t = 0; t < rows(o.k); ++t) {
      std::vector<double> score(o.count, 0.0), gate(o.count, 0.0);
      for (uint32_t e = 1; e < o.count; ++e) score[e] = row(o.scores, t)[e - 1];
      std::vector<uint32_t> order(o.count);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(),
                       [&](uint32_t a, uint32_t b) { return score[a] > score[b]; });
      double sum = 0;
      for (uint32_t i = 0; i < o.active; ++i) sum += std::exp(score[order[i]] - score[order[0]]);
      for (uint32_t i = 0; i < o.active; ++i)
        gate[order[i]] = std::exp(score[order[i]] - score[order[0]]) / sum;
      for (uint32_t c = 0; c < tape_.values[o.k].width; ++c) {
        const double shared = row(o.k, t)[c];
        double all = 0;
        for (uint32_t e = 0; e < o.count; ++e) {
          float& h = row(o.h[e], t)[c];
          const double hidden = std::max(shared + h, 0.0);
          h = static_cast<float>(gate[e] * hidden * hidden);
          all += gate[e] * hidden * hidden;
        }
        row(o.k, t)[c] = static_cast<float>(all);
      }
    }
  }

  void run(const Pick& o) {
    for (size_t p = 0; p < batch_.picks.size(); ++p)
      std::copy_n(row(o.x, batch_.picks[p]), tape_.values[o.x].width, row(o.y, p));
  }

  Tape tape_;
  Memory memory_;
  BatchShape shape_;
  Batch batch_;
  std::vector<std::vector<float>> values_, weights_;
  std::vector<std::span<float>> outputs_;
};

class PlainBackend : public Backend {
 public:
  const Caps& caps() const override { return caps_; }
  std::unique_ptr<Buffer> allocate(uint64_t bytes, Where) override {
    return std::make_unique<PlainBuffer>(bytes);
  }
  std::unique_ptr<Buffer> adopt(std::span<const std::byte>, std::shared_ptr<const void>) override {
    return nullptr;
  }
  void upload(Buffer& to, uint64_t at, std::span<const std::byte> from) override {
    require(at + from.size() <= to.bytes(), "upload past the end of a buffer");
    std::memcpy(static_cast<PlainBuffer&>(to).data() + at, from.data(), from.size());
  }
  void download(std::span<std::byte> to, const Buffer& from, uint64_t at) override {
    require(at + to.size() <= from.bytes(), "download past the end of a buffer");
    std::memcpy(to.data(), static_cast<const PlainBuffer&>(from).data() + at, to.size());
  }
  void copy(Buffer& to, uint64_t to_at, const Buffer& from, uint64_t from_at, uint64_t bytes) override {
    require(to_at + bytes <= to.bytes() && from_at + bytes <= from.bytes(), "copy past the end of a buffer");
    std::memcpy(static_cast<PlainBuffer&>(to).data() + to_at,
                static_cast<const PlainBuffer&>(from).data() + from_at, bytes);
  }
  std::unique_ptr<Program> compile(const Tape& tape, const Memory& memory, const BatchShape& shape,
                                   bool) override {
    return std::make_unique<PlainProgram>(tape, memory, shape);
  }

 private:
  Caps caps_{"plain", "plain formulas", "", 0, true, false, {}, 0};
};

}  // namespace

std::unique_ptr<Backend> make_plain_backend() {
  return std::make_unique<PlainBackend>();
}

}  // namespace fulmar::ops
