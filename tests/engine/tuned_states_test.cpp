// Tuned states as values, one or several mixed, against single streams of a plain model whose logits are summed here.
#include <gtest/gtest.h>

#include <random>

#include "engine/fake_model.h"
#include "model/made_model.h"
#include "weights/writers.h"

namespace fulmar {
namespace {

constexpr uint32_t L = 2, C = 64, N = 32, H = C / N, V = 128;

std::unique_ptr<Model> made_model() {
  LoadOptions options = test::options_for("cpu fp32");
  options.slots = 4;
  return Model::load(options, std::make_shared<test::MadeModel>(test::made_config(L, C, V)));
}

// What a trainer leaves: [H, value, key] for each layer.
using Matrices = std::vector<std::vector<float>>;

Matrices random_matrices(uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 1000);  // a made model forgets half of it with each token
  Matrices all(L, std::vector<float>(H * N * N));
  for (std::vector<float>& layer : all)
    for (float& value : layer) value = normal(random);
  return all;
}

std::string state_file(const Matrices& matrices) {
  std::string header, data;
  for (size_t layer = 0; layer < matrices.size(); ++layer) {
    const std::string bytes = test::raw(matrices[layer]);
    header += fmt::format(R"({}"blocks.{}.att.time_state":{{"dtype":"F32","shape":[{},{},{}],"data_offsets":[{},{}]}})",
                          layer ? "," : "{", layer, H, N, N, data.size(), data.size() + bytes.size());
    data += bytes;
  }
  return test::safetensors(header + "}", data);
}

// As rwkv/state.h has a slot: zeros but for S[H][key][value].
std::vector<float> slot_of(const Matrices& matrices) {
  constexpr size_t layer_floats = 2 * C + C * N;
  std::vector<float> floats(L * layer_floats);
  for (size_t layer = 0; layer < L; ++layer)
    for (size_t h = 0; h < H; ++h)
      for (size_t key = 0; key < N; ++key)
        for (size_t value = 0; value < N; ++value)
          floats[layer * layer_floats + C + (h * N + key) * N + value] = matrices[layer][(h * N + value) * N + key];
  return floats;
}

struct Tuned {
  explicit Tuned(uint32_t seed) : matrices(random_matrices(seed)), file(state_file(matrices), "tuned.safetensors") {}
  Matrices matrices;
  test::TempFile file;
};

// Each stream for itself, a token a step; what is drawn is the likeliest token of sum(gate * logits) / sum(gate).
std::string plain(const std::vector<const Tuned*>& states, const std::vector<float>& gates, const std::string& prompt,
                  size_t tokens) {
  const auto model = made_model();
  double sum = 0;
  for (size_t k = 0; k < states.size(); ++k) {
    model->write_slot(static_cast<uint32_t>(k), slot_of(states[k]->matrices));
    sum += double{gates[k]};
  }
  std::string text = prompt;
  for (size_t at = 0; text.size() < prompt.size() + tokens; ++at) {
    std::vector<double> mixed(V);
    for (uint32_t k = 0; k < states.size(); ++k) {
      const int32_t token = text[at];
      const ops::Segment segment{k, 0, 1};
      const uint32_t pick = 0;
      const std::span<const float> logits = model->step({&token, 1}, {&segment, 1}, {&pick, 1});
      for (size_t i = 0; i < V; ++i) mixed[i] += double{gates[k]} * double{logits[i]} / (sum == 0 ? 1 : sum);
    }
    if (at + 1 == text.size()) text += static_cast<char>(std::ranges::max_element(mixed) - mixed.begin());
  }
  return text.substr(prompt.size());
}

class TunedStates : public testing::Test {
 protected:
  TunedStates() {
    EngineOptions options;
    options.prefix_cache = 16 << 20;
    engine_ = make_engine(made_model(), ascii_tokenizer(), options, {});
  }
  Stream stream(const Tuned& tuned, float gate) const {
    Stream made;
    made.start = engine_->tuned_state(tuned.file.path().string(), "");
    made.gate = gate;
    return made;
  }
  std::string answer(const std::string& prompt, uint32_t tokens, std::vector<Stream> streams) {
    Question question = ask(prompt, tokens);
    question.streams = std::move(streams);
    question.sampling.temperature = 0;
    question.ignore_eos = true;
    const auto listener = listen_to(*engine_, std::move(question));
    EXPECT_EQ(listener->wait(), Finish::length) << listener->error();
    std::string said;
    for (const Token token : listener->tokens()) said += static_cast<char>(token);
    return said;
  }
  std::unique_ptr<Engine> engine_;
  const Tuned a_{1}, b_{2}, c_{3}, d_{4};
};

// One prompt for all: what one of them read is not taken for another's beginning.
TEST_F(TunedStates, MixAsTheSumOfTheirLogits) {
  const std::string prompt = "It was cold";
  const std::vector<const Tuned*> all = {&a_, &b_, &c_, &d_};
  const std::vector<std::vector<float>> table = {
      {1},          {0.3f},           {0.3f, 0.7f},       {0, 1},          {1.5f, -0.5f},
      {0.5f, -0.5f}, {1, 1, 1},       {2, 0, -0.75f},     {0.1f, 0.2f, 0.3f, 0.4f}, {1, -0.5f, 0, 0.25f}};
  std::set<std::string> texts;
  for (const std::vector<float>& gates : table) {
    std::vector<Stream> streams;
    std::vector<const Tuned*> states(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(gates.size()));
    for (size_t k = 0; k < gates.size(); ++k) streams.push_back(stream(*states[k], gates[k]));
    const std::string expected = plain(states, gates, prompt, 24);
    EXPECT_EQ(answer(prompt, 24, streams), expected) << fmt::format("gates {}", fmt::join(gates, " "));
    EXPECT_EQ(answer(prompt, 24, streams), expected) << "once more, from what was read before";
    texts.insert(expected);
  }
  EXPECT_GE(texts.size(), 7u) << "gates change texts, but for {1} and {0.3}";
}

TEST_F(TunedStates, BeginSessionsThatGoOnFromThem) {
  const std::string first = "Hello there", second = " and then?";
  const auto turn = [&](const std::string& prompt) {
    std::vector<Stream> streams = {stream(a_, 0.25f), stream(b_, 0.75f)};
    for (size_t k = 0; k < streams.size(); ++k) streams[k].from = streams[k].keep = fmt::format("s:{}", k);
    return answer(prompt, 9, std::move(streams));
  };
  const std::string said = turn(first);
  EXPECT_EQ(said, plain({&a_, &b_}, {0.25f, 0.75f}, first, 9));
  EXPECT_EQ(turn(second), plain({&a_, &b_}, {0.25f, 0.75f}, first + said + second, 9));
}

TEST_F(TunedStates, AreRefusedByTheFileWhereTheyDoNotFit) {
  const StatePtr one = engine_->tuned_state(a_.file.path().string(), "value-key");
  EXPECT_EQ(one->fed, 0u);
  EXPECT_EQ(one->hash, engine_->tuned_state(a_.file.path().string(), "")->hash);
  EXPECT_FALSE(one->hash == engine_->tuned_state(b_.file.path().string(), "")->hash);
  EXPECT_NE(one->floats, engine_->tuned_state(a_.file.path().string(), "key-value")->floats);
  Matrices fewer = a_.matrices;
  fewer.pop_back();
  const test::TempFile short_one(state_file(fewer), "short.safetensors");
  try {
    engine_->tuned_state(short_one.path().string(), "");
    ADD_FAILURE() << "a state of one layer was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    EXPECT_NE(std::string(error.what()).find("short.safetensors: blocks.1.att.time_state is missing"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(engine_->tuned_state(a_.file.path().string(), "sideways"), Error);
}

}  // namespace
}  // namespace fulmar
