// The vector of a text is the same in any company and however its prompt is cut: it is what the model's state has.
#include <gtest/gtest.h>

#include <cmath>
#include <condition_variable>
#include <mutex>

#include "engine/fake_model.h"
#include "model/made_model.h"
#include "rwkv/state.h"

namespace fulmar {
namespace {

constexpr uint32_t C = 64;

std::unique_ptr<Model> made(uint32_t layers, uint32_t rows = 16) {
  const auto source = std::make_shared<test::MadeModel>(test::made_config(layers, C, 128));
  LoadOptions options = test::options_for("cpu fp32");
  options.slots = 4;
  options.step_tokens = rows;
  return Model::load(options, source);
}

// Keeps the vector of the last event.
struct Reader final : Sink {
  void on_event(const Event& event) override {
    const std::lock_guard lock(mutex);
    vector.assign(event.embedding.begin(), event.embedding.end());
    finish = event.finish;
    changed.notify_all();
  }
  std::vector<float> wait() {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::minutes(1), [&] { return finish != Finish::none; }));
    EXPECT_EQ(finish, Finish::length);
    return vector;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<float> vector;
  Finish finish = Finish::none;
};

std::vector<Token> text_of(uint32_t seed, size_t length) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < length; ++i) tokens.push_back(static_cast<Token>((seed * 37 + i * i + i * 11) % 127 + 1));
  return tokens;
}

Submission reading(Engine& engine, std::vector<Token> tokens, const std::shared_ptr<Reader>& reader) {
  PromptInput input;
  input.tokens = std::move(tokens);
  input.embed = true;
  Request request;
  request.prompt = engine.prepare(input);
  request.max_tokens = 0;
  request.embed = true;
  return {std::move(request), {reader}};
}

// By hand: token after token, then the state's piece, divided by its length.
std::vector<float> plain_vector(uint32_t layers, const std::vector<Token>& tokens) {
  const auto model = made(layers);
  model->reset_slot(1);
  for (const Token token : tokens) {
    const ops::Segment segment{1, 0, 1, true};
    model->step({&token, 1}, {&segment, 1}, {});
  }
  std::vector<float> state(model->state_floats());
  model->read_slot(1, state);
  const uint32_t layer = layers < 3 ? 0 : layers - 3;
  const size_t at = rwkv::layer_state_floats(model->config()) * layer + rwkv::layer_state(model->config(), 0).ffn_x;
  std::vector<float> vector(state.begin() + static_cast<std::ptrdiff_t>(at),
                            state.begin() + static_cast<std::ptrdiff_t>(at + C));
  double square = 0;
  for (const float x : vector) square += double{x} * x;
  for (float& x : vector) x = static_cast<float>(x / std::sqrt(square));
  return vector;
}

void expect_near(const std::vector<float>& got, const std::vector<float>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  double square = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], wanted[i], 2e-5) << i;
    square += double{got[i]} * got[i];
  }
  EXPECT_NEAR(square, 1, 1e-5);
}

TEST(Embedding, IsTheStatesChannelMixOfTheThirdLayerFromTheEnd) {
  for (const uint32_t layers : {1u, 2u, 3u, 4u}) {
    EngineOptions options;
    const auto engine = make_engine(made(layers), ascii_tokenizer(), options, {});
    for (const size_t length : {size_t{1}, size_t{15}, size_t{16}, size_t{70}}) {  // within a step, and cut by some
      const auto reader = std::make_shared<Reader>();
      engine->submit({reading(*engine, text_of(layers, length), reader)});
      expect_near(reader->wait(), plain_vector(layers, text_of(layers, length)));
    }
  }
}

TEST(Embedding, OfManyTextsBesideOtherRequestsAreEachTheirOwn) {
  const auto engine = make_engine(made(4), ascii_tokenizer(), EngineOptions{}, {});
  std::vector<std::shared_ptr<Reader>> readers;
  std::vector<std::shared_ptr<Listener>> talkers;
  std::vector<Submission> all;
  for (uint32_t i = 0; i < 12; ++i) {
    talkers.push_back(listen_to(*engine, ask("talk", 30, i + 1)));
    readers.push_back(std::make_shared<Reader>());
    all.push_back(reading(*engine, text_of(i, 3 + i * 7), readers.back()));
  }
  engine->submit(std::move(all));
  for (uint32_t i = 0; i < 12; ++i) expect_near(readers[i]->wait(), plain_vector(4, text_of(i, 3 + i * 7)));
  for (const auto& talker : talkers) EXPECT_NE(talker->wait(), Finish::none);
}

TEST(Embedding, IsMadeOnlyWhereItWasAskedFor) {
  const auto engine = make_engine(made(3), ascii_tokenizer(), EngineOptions{}, {});
  const auto reader = std::make_shared<Reader>();
  Submission submission = reading(*engine, text_of(1, 5), reader);
  submission.request.embed = false;
  engine->submit({std::move(submission)});
  EXPECT_TRUE(reader->wait().empty());
}

}  // namespace
}  // namespace fulmar
