// Adapters swapped beneath a loaded model: only what they touch is sent to the device, and without them every
// bit is what it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "fulmar/error.h"
#include "model/made_model.h"

namespace fulmar {
namespace {

using test::logits_of, test::MadeModel;
using testing::UnorderedElementsAre;

// Everything that reached a device's buffers.
struct Record {
  std::vector<uint64_t> uploads;  // their bytes
  std::vector<std::pair<ops::Backend*, const ops::Buffer*>> buffers;
  std::vector<std::vector<std::byte>> contents() const {
    std::vector<std::vector<std::byte>> all;
    for (const auto& [backend, buffer] : buffers) {
      all.emplace_back(buffer->bytes());
      backend->download(all.back(), *buffer, 0);
    }
    return all;
  }
};

class RecordingBackend final : public ops::Backend {
 public:
  RecordingBackend(std::unique_ptr<ops::Backend> inner, Record& record, bool adopts)
      : inner_(std::move(inner)), record_(record), caps_(inner_->caps()) {
    caps_.host_memory &= adopts;
  }
  const ops::Caps& caps() const override { return caps_; }
  std::unique_ptr<ops::Buffer> allocate(uint64_t bytes, ops::Where where) override {
    auto buffer = inner_->allocate(bytes, where);
    if (where == ops::Where::device) record_.buffers.push_back({inner_.get(), buffer.get()});
    return buffer;
  }
  std::unique_ptr<ops::Buffer> adopt(std::span<const std::byte> bytes,
                                     std::shared_ptr<const void> owner) override {
    record_.uploads.push_back(bytes.size());
    return inner_->adopt(bytes, std::move(owner));
  }
  void upload(ops::Buffer& to, uint64_t at, std::span<const std::byte> from) override {
    record_.uploads.push_back(from.size());
    inner_->upload(to, at, from);
  }
  bool upload_arranged(ops::Buffer& to, uint64_t at, const ops::Weight& weight, ops::Activations activations,
                       std::span<const std::byte> from) override {
    const bool done = inner_->upload_arranged(to, at, weight, activations, from);
    if (done) record_.uploads.push_back(from.size());
    return done;
  }
  void download(std::span<std::byte> to, const ops::Buffer& from, uint64_t at) override {
    inner_->download(to, from, at);
  }
  void copy(ops::Buffer& to, uint64_t to_at, const ops::Buffer& from, uint64_t from_at,
            uint64_t bytes) override {
    inner_->copy(to, to_at, from, from_at, bytes);
  }
  uint64_t stream(ops::Buffer& to, uint64_t to_at, const ops::Buffer& from, uint64_t from_at,
                  uint64_t bytes) override {
    return inner_->stream(to, to_at, from, from_at, bytes);
  }
  void await(uint64_t ticket) override { inner_->await(ticket); }
  ops::MemoryUse memory_use() const override { return inner_->memory_use(); }
  std::unique_ptr<ops::Program> compile(const ops::Tape& tape, const ops::Memory& memory,
                                        const ops::BatchShape& shape, bool timing) override {
    return inner_->compile(tape, memory, shape, timing);
  }

 private:
  std::unique_ptr<ops::Backend> inner_;
  Record& record_;
  ops::Caps caps_;
};

struct Part {
  std::string name;
  Shape shape;
  std::optional<float> all = {};  // every number; random without it
};

// A file of random f32 tensors, gone when the test ends.
class AdapterFile {
 public:
  AdapterFile(const std::vector<Part>& parts, uint32_t seed)
      : path_(std::filesystem::temp_directory_path() /
              ("fulmar_adapter_" + std::to_string(std::random_device{}()) + ".safetensors")) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, 0.1f);
    std::string header = "{", data;
    for (const Part& part : parts) {
      const size_t begin = data.size();
      for (uint64_t i = 0; i < element_count(part.shape); ++i) {
        const float value = part.all ? *part.all : normal(random);
        data.append(reinterpret_cast<const char*>(&value), sizeof value);
      }
      header += (header.size() > 1 ? ",\"" : "\"") + part.name + R"(":{"dtype":"F32","shape":)" +
                to_string(part.shape) + R"(,"data_offsets":[)" + std::to_string(begin) + "," +
                std::to_string(data.size()) + "]}";
    }
    header += "}";
    const uint64_t length = header.size();
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof length);
    file << header << data;
  }
  ~AdapterFile() { std::filesystem::remove(path_); }
  std::vector<Adapter> list() const { return {{path_.string(), "lora", 2}}; }

 private:
  std::filesystem::path path_;
};

constexpr uint32_t C = 64, F = 2 * C, V = 50;

class Swapping : public testing::Test {
 protected:
  std::unique_ptr<Model> load(const std::string& strategy, const std::vector<Adapter>& adapters,
                              bool adopts = false) {
    LoadOptions options = test::options_for(strategy);
    options.adapters = adapters;
    options.open = [open = options.open, this, adopts](const StrategyPart& part) {
      OpenedDevice device = open(part);
      device.backend = std::make_unique<RecordingBackend>(std::move(device.backend), record, adopts);
      return device;
    };
    record = {};
    return Model::load(options, source);
  }
  static std::vector<std::string> strategies() {
    std::vector<std::string> list = {"cpu fp32", "cpu fp16i8", "cpu fp16 *2 -> cpu fp32"};
    if (test::has_vulkan())
      for (const char* more : {"vulkan fp16i8", "vulkan fp32 *1+ -> cpu fp32 *1"}) list.push_back(more);
    return list;
  }

  Record record;
  std::shared_ptr<MadeModel> source = std::make_shared<MadeModel>(test::made_config(4, C, V));
  const AdapterFile lora{{{"blocks.0.att.key.lora_A", {3, C}},
                          {"blocks.0.att.key.lora_B", {C, 3}},
                          {"blocks.3.ffn.value.lora_A", {4, F}},
                          {"blocks.3.ffn.value.lora_B", {C, 4}}},
                         1};
  const AdapterFile other{{{"blocks.3.ffn.value.bone", {F / 8, 8, 8}},
                           {"blocks.1.ln1.weight", {C}},
                           {"emb.weight", {V, C}},
                           {"blocks.2.att.time_state", {C / 32, 32, 32}}},
                          2};
  const std::vector<Adapter> other_list{{other.list()[0].file, "bone", 2}};
};

TEST_F(Swapping, WithoutItsAdapterAModelIsBitForBitWhatItWas) {
  for (const std::string& strategy : strategies()) {
    SCOPED_TRACE(strategy);
    const auto model = load(strategy, {});
    const auto before = record.contents();
    model->set_adapters(lora.list());
    EXPECT_NE(record.contents(), before);
    model->set_adapters(other_list);
    model->set_adapters({});
    EXPECT_EQ(record.contents(), before);
  }
}

TEST_F(Swapping, ASwappedModelAnswersLikeOneThatWasLoadedSo) {
  for (const std::string& strategy : strategies()) {
    SCOPED_TRACE(strategy);
    const std::vector<float> plain = logits_of(*load(strategy, {})),
                             first = logits_of(*load(strategy, lora.list())),
                             second = logits_of(*load(strategy, other_list));
    EXPECT_GT(test::largest_difference(plain, first), 0.01f);
    EXPECT_GT(test::largest_difference(first, second), 0.01f);
    for (const bool adopts : {true, false}) {
      if (adopts && strategy.find("cpu") == strategy.npos) continue;  // GPUs adopt nothing
      const auto model = load(strategy, lora.list(), adopts);
      model->set_adapters(other_list);
      EXPECT_EQ(logits_of(*model), second);
      model->set_adapters({});
      EXPECT_EQ(logits_of(*model), plain);
      model->set_adapters(lora.list());
      EXPECT_EQ(logits_of(*model), first);
    }
  }
}

TEST_F(Swapping, OnlyMatricesThatAnAdapterTouchesAreSentToTheDevice) {
  for (const char* strategy : {"cpu fp32", "vulkan fp32"}) {
    if (!test::has_vulkan() && strategy[0] == 'v') continue;
    SCOPED_TRACE(strategy);
    const auto model = load(strategy, {});
    record.uploads.clear();
    model->set_adapters(lora.list());
    EXPECT_THAT(record.uploads, UnorderedElementsAre(C * C * 4, C * F * 4));
    record.uploads.clear();
    model->set_adapters(
        other_list);  // the key comes back, a vector and the state are new, the embedding stays here
    EXPECT_THAT(record.uploads, UnorderedElementsAre(C * C * 4, C * F * 4, C * 4, model->state_floats() * 4));
  }
}

TEST_F(Swapping, AnAdapterThatDoesNotFitLeavesTheOldOne) {
  const AdapterFile wrong{{{"blocks.0.att.key.lora_A", {3, C}}, {"blocks.0.att.key.lora_B", {C, 4}}}, 3};
  const auto model = load("cpu fp32", lora.list());
  const std::vector<float> before = logits_of(*model);
  EXPECT_THROW(model->set_adapters(wrong.list()), Error);
  EXPECT_THROW(model->set_adapters({{"nowhere.pth", "", 1}}), Error);
  EXPECT_EQ(logits_of(*model), before);
}

TEST_F(Swapping, AMixtureOfExpertsIsNotSwappedBeneathARunningModel) {
  std::vector<Part> parts{{"moe_info", {2}, 1.0f}};
  for (uint32_t i = 0; i < 4; ++i) {
    const std::string ffn = "blocks." + std::to_string(i) + ".ffn.";
    parts.push_back({ffn + "router.linear.weight", {1, C}});
    for (const char* expert : {"expert_0.", "expert_1."}) {
      parts.push_back({ffn + expert + "key.lora_A_expert_0", {4, C}});
      parts.push_back({ffn + expert + "key.lora_B_expert_0", {F, 4}});
      parts.push_back({ffn + expert + "value.lora_A_expert_0", {4, F}});
      parts.push_back({ffn + expert + "value.lora_B_expert_0", {C, 4}});
    }
  }
  const AdapterFile mixture(parts, 4);
  const auto model = load("cpu fp32", {});
  const std::vector<float> before = logits_of(*model);
  try {
    model->set_adapters(mixture.list());
    ADD_FAILURE() << "swapped";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported) << error.what();
  }
  EXPECT_EQ(logits_of(*model), before);
}

}  // namespace
}  // namespace fulmar
