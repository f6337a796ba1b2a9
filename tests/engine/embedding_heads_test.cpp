// Checkpoints of EmbeddingRWKV give the vectors that rwkv-emb computes: the final norm's row at the end token,
// through the task's head. The rows come from the same weights under a head that only copies them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <random>

#include "engine/fake_model.h"
#include "model/embedding_heads.h"
#include "model/made_model.h"
#include "rwkv/memory_source.h"
#include "weights/names.h"

namespace fulmar {
namespace {

constexpr uint32_t C = 64, V = 65536;
constexpr Token end = EmbeddingHeads::end_token;

constexpr const char* tasks[] = {"retr", "sts", "cls"};

std::shared_ptr<test::MemorySource> embedding_file() {
  const test::MadeModel model(test::made_config(3, C, V));
  const auto file = std::make_shared<test::MemorySource>();
  for (const auto& [name, tensor] : model.tensors) file->tensors["rwkv." + name] = tensor;
  file->tensors["vit.encoder.weight"] = from_floats(std::vector<float>(4, 1.0f), {4});
  std::mt19937 random(9);
  std::normal_distribution<float> normal(0, 0.2f);
  const auto put = [&](const std::string& name, Shape shape) {
    std::vector<float> values(element_count(shape));
    for (float& value : values) value = normal(random);
    file->tensors[name] = from_floats(values, shape);
  };
  for (const char* task : tasks) {
    const std::string head = fmt::format("head.{}_head.", task);
    put(head + "fc1.weight", {C, C});
    put(head + "fc2.weight", {C, C});
    put(head + "norm.weight", {C});
    put(head + "norm.bias", {C});
  }
  return file;
}

LoadOptions options_of(uint32_t rows) {
  LoadOptions options = test::options_for("cpu fp32");
  options.slots = 4;
  options.step_tokens = rows;
  options.max_picks = 0;
  return options;
}

// What the final norm gives after each token, by a head of ones and zeros.
std::vector<std::vector<double>> plain_rows(const test::MemorySource& file, const std::vector<Token>& tokens) {
  const auto model_file = std::make_shared<test::MemorySource>();
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with("rwkv.")) model_file->tensors[name.substr(5)] = tensor;
  std::vector<float> copies(size_t{V} * C);
  for (size_t i = 0; i < C; ++i) copies[i * C + i] = 1;
  model_file->tensors["head.weight"] = from_floats(copies, {V, C});
  const auto model = Model::load(options_of(8), model_file);
  model->reset_slot(0);
  std::vector<std::vector<double>> rows;
  for (const Token token : tokens) {
    const ops::Segment segment{0, 0, 1, true};
    const uint32_t pick = 0;
    const auto logits = model->step({&token, 1}, {&segment, 1}, {&pick, 1});
    rows.emplace_back(logits.begin(), logits.begin() + C);
  }
  return rows;
}

// rwkv-emb's NonlinearHead over the mean, at length 1.
std::vector<double> plain_vector(const test::MemorySource& file, const std::vector<Token>& tokens, const std::string& task) {
  std::vector<double> mean(C);
  double count = 0;
  const auto rows = plain_rows(file, tokens);
  for (size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t] != end) continue;
    ++count;
    for (size_t i = 0; i < C; ++i) mean[i] += rows[t][i];
  }
  for (double& x : mean) x /= count;
  const auto floats = [&](const char* part) {
    return to_floats(file.load(fmt::format("head.{}_head.{}", task, part)));
  };
  const auto linear = [&](const std::vector<float>& w, const std::vector<double>& x) {
    std::vector<double> y(C);
    for (size_t o = 0; o < C; ++o)
      for (size_t i = 0; i < C; ++i) y[o] += double{w[o * C + i]} * x[i];
    return y;
  };
  std::vector<double> hidden = linear(floats("fc1.weight"), mean);
  for (double& h : hidden) h = std::max(h, 0.0);
  std::vector<double> y = linear(floats("fc2.weight"), hidden);
  double average = 0, variance = 0, square = 0;
  for (size_t i = 0; i < C; ++i) average += (y[i] += mean[i]) / C;
  for (const double one : y) variance += (one - average) * (one - average) / C;
  const auto gain = floats("norm.weight"), bias = floats("norm.bias");
  for (size_t i = 0; i < C; ++i) {
    y[i] = (y[i] - average) / std::sqrt(variance + 1e-5) * gain[i] + bias[i];
    square += y[i] * y[i];
  }
  for (double& one : y) one /= std::sqrt(square);
  return y;
}

struct Reader final : Sink {
  void on_event(const Event& event) override {
    if (event.finish == Finish::none) return;
    heard.set_value({event.embedding.begin(), event.embedding.end()});
  }
  std::promise<std::vector<float>> heard;
};

std::vector<float> vector_of(Engine& engine, const std::vector<Token>& tokens, EmbeddingTask task) {
  PromptInput input;
  input.tokens = tokens;
  input.embed = true;
  Request request;
  request.prompt = engine.prepare(input);
  request.max_tokens = 0;
  request.embed = true;
  request.task = task;
  const auto reader = std::make_shared<Reader>();
  engine.submit({{std::move(request), {reader}}});
  return reader->heard.get_future().get();
}

TEST(EmbeddingHeads, GiveTheVectorsOfRwkvEmb) {
  const auto file = embedding_file();
  const SourcePtr named = embedding_names(file);
  ASSERT_NE(named, nullptr);
  const auto engine = make_engine(Model::load(options_of(8), named), ascii_tokenizer(), EngineOptions{}, {});
  const std::vector<Token> words = {10, 70, 1, 99, 5, 23, 42, 8, 77, 31, 2};  // more than a step
  const auto with_ends = [&](std::initializer_list<size_t> places) {
    std::vector<Token> tokens = words;
    for (const size_t place : places) tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(place), end);
    return tokens;
  };
  for (size_t task = 0; task < 3; ++task) {
    for (const std::vector<Token>& tokens : {with_ends({11}), {5, end}, {end}}) {
      const std::vector<double> plain = plain_vector(*file, tokens, tasks[task]);
      const std::vector<float> got = vector_of(*engine, tokens, static_cast<EmbeddingTask>(task));
      ASSERT_EQ(got.size(), C);
      for (size_t i = 0; i < C; ++i) EXPECT_NEAR(got[i], plain[i], 2e-5) << tasks[task] << ' ' << tokens.size() << ' ' << i;
    }
  }
  const std::vector<float> whole = vector_of(*engine, with_ends({11}), EmbeddingTask::retrieval);
  try {
    vector_of(*engine, with_ends({11, 3}), EmbeddingTask::retrieval);
    FAIL() << "an end inside of a text was passed over";
  } catch (const Error& error) {
    EXPECT_EQ(error.param(), "input");
  }
  EXPECT_EQ(vector_of(*engine, words, EmbeddingTask::retrieval), whole) << "an end token is added where there is none";
}

TEST(EmbeddingHeads, SuchAModelWritesNoText) {
  const auto engine =
      make_engine(Model::load(options_of(8), embedding_names(embedding_file())), ascii_tokenizer(), EngineOptions{}, {});
  try {
    listen_to(*engine, ask("a", 1));
    FAIL() << "a text was begun";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_NE(std::string_view(error.what()).find("/v1/embeddings"), std::string_view::npos);
  }
}

TEST(EmbeddingHeads, WhatIsMissingOrMisshapenIsNamed) {
  for (const char* part : {"fc2.weight", "norm.bias"}) {
    const auto file = embedding_file();
    file->tensors["head.sts_head." + std::string(part)] = from_floats(std::vector<float>(3, 0.0f), {3});
    try {
      Model::load(options_of(8), embedding_names(file));
      FAIL() << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_file);
      EXPECT_NE(std::string(error.what()).find("embedding.sts." + std::string(part) + " is [3]"), std::string::npos)
          << error.what();
    }
  }
}

TEST(EmbeddingHeads, WhoeverWantsLogitsOfSuchAModelIsRefused) {
  rwkv::Config config;
  EXPECT_NO_THROW(refuse_vectors(config));
  config.embeds = true;
  EXPECT_THROW(refuse_vectors(config), Error);
}

}  // namespace
}  // namespace fulmar
