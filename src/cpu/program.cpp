// Runs the stages of a lowered tape.
#include "cpu/program.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/fail.h"
#include "cpu/lower.h"
#include "ops/state_memory.h"

namespace fulmar::cpu {
namespace {

using namespace ops;

// Nanoseconds of work below which a stage stays on the calling thread: waking a sleeping thread costs about
// this much.
constexpr uint64_t worth_sharing = 10000;

class CpuProgram : public Program {
 public:
  CpuProgram(const Tape& tape, const Memory& memory, const BatchShape& shape, ThreadPool& pool, bool timing)
      : shape_(shape),
        slots_(memory.states ? memory.states->slots() : 0),
        stateful_(tape.state_floats > 0),
        pool_(pool),
        timing_(timing),
        lowered_(lower(tape, memory, shape, pool.threads())) {
    for (const ValueId id : tape.inputs)
      inputs_.push_back({lowered_.values[id], tape.values[id].width, tape.values[id].picked});
    for (const ValueId id : tape.outputs)
      outputs_.push_back({lowered_.values[id], tape.values[id].width, tape.values[id].picked});
    spans_.resize(outputs_.size());
    segments_.reserve(shape.segments);
    picks_.reserve(shape.picks);
    slot_taken_.resize(slots_);
    // A cache line apart, so that threads do not share one.
    scratch_stride_ = (lowered_.scratch_floats + 31) / 16 * 16;
    scratch_ = allocate_pages(scratch_stride_ * pool.threads() * 4);
    if (!scratch_)
      fail(ErrorKind::out_of_memory, "cannot allocate {} KiB of scratch",
           scratch_stride_ * pool.threads() >> 8);
    size_t most = 0;
    for (const Stage& stage : lowered_.stages) most = std::max(most, stage.tasks.size());
    ends_.resize(most);
    if (timing_) times_.reserve(lowered_.stages.size());
  }

  void start(const Batch& batch) override {
    check(batch);
    segments_.assign(batch.segments.begin(), batch.segments.end());
    picks_.assign(batch.picks.begin(), batch.picks.end());
    step_ = {batch.rows, segments_, picks_};
    started_ = true;
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (const uint64_t floats = uint64_t{step_.rows_of(inputs_[i].picked)} * inputs_[i].width)
        std::memcpy(inputs_[i].data, batch.inputs[i].data(), floats * 4);
  }

  std::span<const std::span<float>> finish() override {
    if (std::exchange(started_, false)) compute();
    for (size_t i = 0; i < outputs_.size(); ++i)
      spans_[i] = {outputs_[i].data, uint64_t{step_.rows_of(outputs_[i].picked)} * outputs_[i].width};
    return spans_;
  }

  std::vector<OpTime> times() const override { return times_; }

 private:
  struct Port {
    float* data;
    uint32_t width;
    bool picked;
  };

  void compute() {
    times_.clear();
    double pending = 0;  // seconds of a preparing stage, counted to the one it prepares
    for (Stage& stage : lowered_.stages) {
      if (!timing_) {
        run(stage);
        continue;
      }
      const auto begin = std::chrono::steady_clock::now();
      run(stage);
      pending += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      if (stage.ops == 0) continue;
      times_.push_back({stage.first_op, stage.ops, pending});
      pending = 0;
    }
  }

  void check(const Batch& batch) {
    require(batch.rows <= shape_.rows && batch.segments.size() <= shape_.segments &&
                batch.picks.size() <= shape_.picks,
            "a batch of {} rows, {} segments, {} picks for a program of {}, {}, {}", batch.rows,
            batch.segments.size(), batch.picks.size(), shape_.rows, shape_.segments, shape_.picks);
    uint32_t covered = 0;
    std::fill(slot_taken_.begin(), slot_taken_.end(), false);
    for (const Segment& s : batch.segments) {
      require(s.first == covered && s.rows > 0 && s.rows <= batch.rows - covered,
              "segment of rows [{}, +{}) in a batch of {}, {} covered so far", s.first, s.rows, batch.rows,
              covered);
      covered += s.rows;
      if (!stateful_) continue;
      require(s.slot < slots_ && !slot_taken_[s.slot], "slot {} of {} is out of range or used twice", s.slot,
              slots_);
      slot_taken_[s.slot] = true;
    }
    require(covered == batch.rows, "segments cover {} of {} rows", covered, batch.rows);
    for (const uint32_t pick : batch.picks)
      require(pick < batch.rows, "pick {} of {} rows", pick, batch.rows);
    require(batch.inputs.size() == inputs_.size(), "{} inputs for a tape of {}", batch.inputs.size(),
            inputs_.size());
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const uint64_t rows = inputs_[i].picked ? batch.picks.size() : batch.rows;
      require(batch.inputs[i].size() >= rows * inputs_[i].width, "input {} has {} floats, expected {}", i,
              batch.inputs[i].size(), rows * inputs_[i].width);
    }
  }

  void run(Stage& stage) {
    uint32_t units = 0;
    uint64_t work = 0;
    for (size_t i = 0; i < stage.tasks.size(); ++i) {
      const uint32_t planned = stage.tasks[i]->plan(step_);
      if (planned) work += stage.tasks[i]->work(step_);
      ends_[i] = units += planned;
    }
    current_ = &stage;
    if (units > 1 && units <= ThreadPool::max_units && work >= worth_sharing && pool_.threads() > 1) {
      pool_.run(
          units,
          [](void* self, uint32_t unit, uint32_t thread) {
            static_cast<CpuProgram*>(self)->run_unit(unit, thread);
          },
          this);
    } else {
      for (uint32_t unit = 0; unit < units; ++unit) run_unit(unit, 0);
    }
  }

  void run_unit(uint32_t unit, uint32_t thread) {
    size_t i = 0;
    while (unit >= ends_[i]) ++i;
    current_->tasks[i]->run(step_, unit - (i ? ends_[i - 1] : 0),
                            reinterpret_cast<float*>(scratch_.get()) + thread * scratch_stride_);
  }

  const BatchShape shape_;
  const uint32_t slots_;
  const bool stateful_;
  ThreadPool& pool_;
  const bool timing_;
  Lowered lowered_;
  std::vector<Port> inputs_, outputs_;
  std::vector<std::span<float>> spans_;
  Pages scratch_;
  uint64_t scratch_stride_ = 0;

  std::vector<Segment> segments_;
  std::vector<uint32_t> picks_;
  std::vector<bool> slot_taken_;
  Step step_;
  bool started_ = false;  // and not yet computed
  Stage* current_ = nullptr;
  std::vector<uint32_t> ends_;  // of the current stage's tasks: where each one's units end
  std::vector<OpTime> times_;
};

}  // namespace

std::unique_ptr<Program> make_program(const Tape& tape, const Memory& memory, const BatchShape& shape,
                                      ThreadPool& pool, bool timing) {
  return std::make_unique<CpuProgram>(tape, memory, shape, pool, timing);
}

}  // namespace fulmar::cpu
