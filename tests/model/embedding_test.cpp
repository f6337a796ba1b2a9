// Rows that several threads look up are those of one, and what goes wrong in a thread reaches the caller.
#include "model/embedding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/fail.h"
#include "rwkv/memory_source.h"

namespace fulmar {
namespace {

constexpr uint32_t C = 96, V = 1000;

rwkv::Config config_of(uint32_t vocab) {
  rwkv::Config config;
  config.C = C;
  config.V = vocab;
  return config;
}

SourcePtr source_of(uint32_t rows) {
  auto source = std::make_shared<test::MemorySource>();
  std::vector<float> values(size_t{rows} * C);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
  source->tensors["emb.weight"] = from_floats(values, {rows, C});
  source->add("blocks.0.ln0.weight", {C});
  source->add("blocks.0.ln0.bias", {C});
  return source;
}

std::vector<int32_t> tokens_of(size_t count) {
  std::vector<int32_t> tokens(count);
  for (size_t i = 0; i < count; ++i) tokens[i] = static_cast<int32_t>(i * 7 % V);
  return tokens;
}

TEST(Embedding, RowsSharedAmongThreadsAreThoseOfOne) {
  const Embedding embedding(source_of(V), config_of(V));
  ThreadPool alone(1), team(4);
  for (const size_t rows : {size_t{1}, size_t{3}, size_t{700}, size_t{2048}, size_t{5000}}) {
    const std::vector<int32_t> tokens = tokens_of(rows);
    std::vector<float> want(rows * C), x(rows * C, -1.0f);
    for (size_t i = 0; i < rows; ++i) embedding.lookup({&tokens[i], 1}, &want[i * C], alone);
    embedding.lookup(tokens, x.data(), team);
    ASSERT_EQ(x, want) << rows << " rows";
  }
}

TEST(Embedding, ATokenOutsideIsRefusedBeforeAnythingIsLookedUp) {
  const Embedding embedding(source_of(V), config_of(V));
  ThreadPool team(2);
  std::vector<float> x(2 * C, -1.0f);
  for (const int32_t bad : {-1, static_cast<int32_t>(V)}) {
    const std::vector<int32_t> tokens = {1, bad};
    EXPECT_THROW(embedding.lookup(tokens, x.data(), team), Error);
  }
  EXPECT_EQ(x, std::vector<float>(2 * C, -1.0f));
}

TEST(Embedding, WhatFailsInAThreadIsTheCallersError) {
  const Embedding embedding(source_of(V - 1), config_of(V));  // the last token has no row
  ThreadPool team(4);
  std::vector<int32_t> tokens(4000, static_cast<int32_t>(V) - 1);
  std::vector<float> x(tokens.size() * C);
  EXPECT_THROW(embedding.lookup(tokens, x.data(), team), Error);
  tokens.assign(tokens.size(), 1);
  embedding.lookup(tokens, x.data(), team);
  EXPECT_TRUE(std::isfinite(x.back()));
}

}  // namespace
}  // namespace fulmar
