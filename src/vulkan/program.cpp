// Recording and replaying steps; see program.h.
#include "vulkan/program.h"

#include <cstring>

#include "base/fail.h"
#include "ops/state_memory.h"

namespace fulmar::vulkan {
namespace {

constexpr VkPipelineStageFlags2 compute = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
constexpr VkAccessFlags2 shader_writes = VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT;
constexpr VkAccessFlags2 shader_uses = VK_ACCESS_2_SHADER_STORAGE_READ_BIT | shader_writes;

}  // namespace

DeviceBuffer::DeviceBuffer(std::shared_ptr<ProgramContext> context, uint64_t bytes, MemoryKind kind)
    : context_(std::move(context)), memory_(context_->device, bytes, kind) {
  bytes_ = bytes;
  if (memory_.mapped())
    std::memset(memory_.mapped(), 0, memory_.bytes());
  else if (kind == MemoryKind::device)
    context_->transfers.fill_zero(memory_);
}

void ProgramContext::settle() noexcept {
  const auto attempt = [](const auto& wait) {
    try {
      wait();
    } catch (const std::exception&) {  // a lost device runs nothing
    }
  };
  attempt([&] { transfers.flush(); });
  attempt([&] { device.wait(device.last_submit()); });
  attempt([&] { copies.finish(); });
}

DeviceBuffer::~DeviceBuffer() {
  context_->settle();  // commands that name this buffer may still be gathering or running
}

const Allocation& memory_of(const ops::Buffer& buffer) {
  const auto* ours = dynamic_cast<const DeviceBuffer*>(&buffer);
  require(ours, "a buffer of another backend was given to the Vulkan backend");
  return ours->memory();
}

RecordedProgram::RecordedProgram(std::shared_ptr<ProgramContext> context, const ops::Tape& tape,
                                 const ops::Memory& memory, const ops::BatchShape& shape, bool timing)
    : RecordedProgram(context, tape, memory, shape, timing, context->device.longest_part()) {}

RecordedProgram::RecordedProgram(std::shared_ptr<ProgramContext> context, const ops::Tape& tape,
                                 const ops::Memory& memory, const ops::BatchShape& shape, bool timing,
                                 double longest_part)
    : context_(std::move(context)),
      shape_(shape),
      layout_(shape),
      reproducible_(tape.reproducible),
      longest_part_(longest_part),
      arena_(memory_of(*memory.activations)) {
  ops::check(tape);
  const ops::ArenaPlan arena = ops::plan_arena(tape, shape);
  require(memory.activations->bytes() >= arena.bytes,
          "the activation buffer is too small");
  require(arena.bytes < (uint64_t{1} << 33), "a step of {} rows needs more than 8 GiB of activations",
          shape.rows);
  require(tape.state_floats == 0 || (memory.states && memory.states->floats() >= tape.state_floats),
          "the slots' states are too small");
  for (uint32_t slot = 0; tape.state_floats && slot < memory.states->slots(); ++slot) {
    const ops::PlainStates::Place place = ops::as_plain(*memory.states).place(slot);
    slots_.push_back(memory_of(*place.buffer).address() + place.at);
  }

  Device& device = context_->device;
  uint64_t staging_bytes = (layout_.bytes + 255) / 256 * 256, result_bytes = 0;
  inputs_ = ports(tape, arena, tape.inputs, staging_bytes, staging_bytes);
  outputs_ = ports(tape, arena, tape.outputs, 0, result_bytes);
  staging_ = Allocation(device, staging_bytes, MemoryKind::upload);
  results_ = Allocation(device, result_bytes, MemoryKind::readback);
  step_ = Allocation(device, layout_.bytes, MemoryKind::device);
  tables_ = Allocation(device, table_bytes(tape), MemoryKind::device);

  Addresses addresses{};
  addresses.arena = arena_.address();
  addresses.step = step_.address();
  addresses.tables = tables_.address();
  addresses.weight = [&](ops::WeightId id) {
    const ops::DeviceTensor& tensor = memory.weights.at(id);
    return memory_of(*tensor.buffer).address() + tensor.offset;
  };
  plan_ = make_plan(tape, arena, shape, addresses, device.physical());
  for (const Launch& launch : plan_.launches) seconds_ += launch.seconds;
  context_->transfers.upload(tables_, 0, plan_.tables);

  if (timing && device.physical().timestamp_mask != 0) {
    auto info = blank<VkQueryPoolCreateInfo>(VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO);
    info.queryType = VK_QUERY_TYPE_TIMESTAMP;
    info.queryCount = static_cast<uint32_t>(plan_.launches.size() + 1);
    VkQueryPool pool;
    check(device.vk().vkCreateQueryPool(device.handle(), &info, nullptr, &pool), "creating a query pool");
    queries_ = {device.owner(), pool, device.vk().vkDestroyQueryPool};
    for (const Launch& launch : plan_.launches)
      times_.push_back({launch.group.first_op, launch.group.ops, 0});
    ticks_.resize(info.queryCount);
  }
  record();
  views_.resize(outputs_.size());
}

RecordedProgram::~RecordedProgram() {
  context_->settle();  // the tables' upload may be gathering, if no step ever ran
}

std::vector<RecordedProgram::Port> RecordedProgram::ports(const ops::Tape& tape, const ops::ArenaPlan& arena,
                                                          const std::vector<ops::ValueId>& ids,
                                                          uint64_t host_at, uint64_t& host_bytes) const {
  std::vector<Port> list;
  for (const ops::ValueId id : ids) {
    const ops::Value& value = tape.values[id];
    const uint64_t bytes = uint64_t{value.picked ? shape_.picks : shape_.rows} * value.width * 4;
    list.push_back({arena.offsets[id], host_at, bytes, value.width, value.picked});
    host_at += (bytes + 255) / 256 * 256;
  }
  host_bytes = host_at;
  return list;
}

void RecordedProgram::begin_part() {
  Commands& part = parts_.emplace_back(context_->device, context_->device.physical().queue_family);
  part.begin(context_->device.vk(), 0);
  full_barrier(context_->device.vk(), part.buffer);
}

void RecordedProgram::end_part() {
  check(context_->device.vk().vkEndCommandBuffer(parts_.back().buffer), "recording");
}

bool RecordedProgram::outdated() const {
  const double pace = context_->device.pace(plan_.bound).value();
  const bool too_long = pace > 2 * recorded_pace_ && longest_ * pace > longest_part_;
  return too_long || (parts_.size() > 1 && pace < recorded_pace_ / 4);
}

void RecordedProgram::record() {
  const DeviceFunctions& vk = context_->device.vk();
  parts_.clear();
  buffers_.clear();
  recorded_pace_ = context_->device.pace(plan_.bound).value();
  longest_ = 0;
  const double longest = longest_part_ / recorded_pace_;
  const auto now = [&] { return parts_.back().buffer; };
  const auto copy = [&](const Allocation& from, uint64_t from_at, const Allocation& to, uint64_t to_at,
                        uint64_t bytes) {
    const VkBufferCopy region{from_at, to_at, bytes};
    if (bytes) vk.vkCmdCopyBuffer(now(), from.buffer(), to.buffer(), 1, &region);
  };
  begin_part();
  copy(staging_, 0, step_, 0, layout_.bytes);
  for (const Port& port : inputs_) copy(staging_, port.host_at, arena_, port.arena_at, port.bytes);
  barrier(vk, now(), VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT, compute, shader_uses);
  uint32_t query = 0;
  const auto stamp = [&] {
    if (queries_)
      vk.vkCmdWriteTimestamp2(now(), VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, queries_.get(), query++);
  };
  if (queries_) vk.vkCmdResetQueryPool(now(), queries_.get(), 0, static_cast<uint32_t>(ticks_.size()));
  stamp();

  ops::Progress progress;
  double seconds = 0;
  for (const Launch& whole : plan_.launches) {
    for (const Launch& launch : cut(whole, longest, context_->device.physical().max_groups)) {
      seconds += launch.seconds;
      if (seconds > longest && seconds > launch.seconds) {
        end_part();
        begin_part();
        seconds = launch.seconds;
        progress.wait_before(launch.group);
      } else if (progress.must_wait(launch.group) || (queries_ && query > 1)) {  // timed: one at a time
        barrier(vk, now(), compute, shader_writes, compute, shader_uses);
        progress.wait_before(launch.group);
      }
      longest_ = std::max(longest_, seconds);
      vk.vkCmdBindPipeline(now(), VK_PIPELINE_BIND_POINT_COMPUTE, context_->pipelines.get(launch.kernel));
      vk.vkCmdPushConstants(now(), context_->pipelines.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0,
                            launch.push_bytes, launch.push.data());
      vk.vkCmdDispatch(now(), launch.groups_x, launch.groups_y, 1);
      progress.start(launch.group);
    }
    stamp();
  }

  barrier(vk, now(), compute, shader_writes, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_READ_BIT);
  for (const Port& port : outputs_) copy(arena_, port.arena_at, results_, port.host_at, port.bytes);
  barrier(vk, now(), VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
          VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
  end_part();
  for (const Commands& part : parts_) buffers_.push_back(part.buffer);
}

void RecordedProgram::start(const ops::Batch& batch) {
  require(batch.rows <= shape_.rows && batch.segments.size() <= shape_.segments &&
              batch.picks.size() <= shape_.picks && batch.inputs.size() == inputs_.size(),
          "a batch does not fit the shape its program was compiled for");
  const bool all_decode = batch.decodes == batch.rows;
  require(!reproducible_ || (batch.decodes <= shape_.decodes && (shape_.prompts || all_decode)),
          "{} of {} rows decode, and the program was compiled for {}", batch.decodes, batch.rows,
          shape_.decodes);
  context_->device.wait(running_until_);  // its data is still being read
  if (buffers_.empty() || outdated()) record();
  rows_ = batch.rows;
  picks_ = static_cast<uint32_t>(batch.picks.size());
  auto* words = reinterpret_cast<uint32_t*>(staging_.mapped());
  const uint32_t header[4] = {rows_, static_cast<uint32_t>(batch.segments.size()), picks_, batch.decodes};
  std::memcpy(words, header, sizeof header);
  for (size_t i = 0; i < batch.segments.size(); ++i) {
    const ops::Segment& s = batch.segments[i];
    require(uint64_t{s.first} + s.rows <= rows_, "segment {} ends past the batch's rows", i);
    require(slots_.empty() || s.slot < slots_.size(), "slot {} of {}", s.slot, slots_.size());
    const uint64_t state = slots_.empty() ? 0 : slots_[s.slot];
    const uint32_t segment[4] = {static_cast<uint32_t>(state), static_cast<uint32_t>(state >> 32), s.first, s.rows};
    std::memcpy(words + 4 + 4 * i, segment, sizeof segment);
    for (uint32_t row = s.first; row < s.first + s.rows; ++row)
      words[layout_.rows_at + row] = static_cast<uint32_t>(i);
  }
  if (picks_) std::memcpy(words + layout_.picks_at, batch.picks.data(), batch.picks.size_bytes());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const std::span<const float> input = batch.inputs[i];
    require(input.size_bytes() <= inputs_[i].bytes, "input {} is larger than its program's shape", i);
    if (!input.empty()) std::memcpy(staging_.mapped() + inputs_[i].host_at, input.data(), input.size_bytes());
  }
  started_.reset();
  if (context_->device.idle()) started_ = std::chrono::steady_clock::now();
  context_->transfers.flush();
  try {
    running_until_ = context_->device.submit(buffers_);
  } catch (...) {
    running_until_ = context_->device.last_submit();  // the first parts may be under way
    started_.reset();
    throw;
  }
}

std::span<const std::span<float>> RecordedProgram::finish() {
  context_->device.wait(running_until_);
  if (started_) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - *started_;
    context_->device.pace(plan_.bound).took(seconds_, took.count());
    started_.reset();
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Port& port = outputs_[i];
    views_[i] = {reinterpret_cast<float*>(results_.mapped() + port.host_at),
                 size_t{port.picked ? picks_ : rows_} * port.width};
  }
  if (queries_) read_times();
  return views_;
}

void RecordedProgram::read_times() {
  const Device& device = context_->device;
  // The step is done, so they are there: waiting for them could only be for ever.
  check(device.vk().vkGetQueryPoolResults(device.handle(), queries_.get(), 0,
                                          static_cast<uint32_t>(ticks_.size()), ticks_.size() * 8,
                                          ticks_.data(), 8, VK_QUERY_RESULT_64_BIT),
        "reading time stamps");
  for (size_t i = 0; i < times_.size(); ++i)
    times_[i].seconds = static_cast<double>(device.physical().ticks(ticks_[i], ticks_[i + 1])) *
                        double{device.physical().timestamp_period} * 1e-9;
}

}  // namespace fulmar::vulkan
