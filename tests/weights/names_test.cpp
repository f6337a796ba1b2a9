// Spellings of checkpoints: each comes back under BlinkDL's names and shapes, or as it is.
#include <gtest/gtest.h>

#include <fstream>

#include "fulmar/error.h"
#include "weights/source.h"
#include "weights/writers.h"

namespace fulmar {
namespace {

using test::TempFile, test::raw;

struct Given {
  std::string name;
  std::vector<uint64_t> shape;
};

// A safetensors file of f32 tensors, each counting 1, 2, 3, ...
std::string file_of(const std::vector<Given>& tensors) {
  std::string header, data;
  for (const Given& tensor : tensors) {
    std::vector<float> values(element_count(tensor.shape));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
    const std::size_t begin = data.size();
    data += raw(values);
    header += (header.empty() ? "{\"" : ",\"") + tensor.name +
              "\":{\"dtype\":\"F32\",\"shape\":" + to_string(tensor.shape) + ",\"data_offsets\":[" +
              std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  return test::safetensors(header + "}", data);
}

struct Expected {
  std::string name;
  Shape shape;
  std::vector<float> first;  // numbers it begins with
};

void expect(const std::vector<Given>& given, const std::vector<Expected>& expected, const std::string& config = {}) {
  const TempFile file(file_of(given), "model.safetensors");
  if (!config.empty()) std::ofstream(file.path().parent_path() / "config.json") << config;
  const SourcePtr source = open_weights(file.path());
  for (const Expected& want : expected) {
    SCOPED_TRACE(want.name);
    ASSERT_TRUE(source->info(want.name));
    EXPECT_EQ(source->info(want.name)->shape, want.shape);
    const Tensor tensor = source->load(want.name);
    EXPECT_EQ(tensor.shape, want.shape);
    std::vector<float> values = to_floats(tensor);
    ASSERT_GE(values.size(), want.first.size());
    values.resize(want.first.size());
    EXPECT_EQ(values, want.first);
  }
  EXPECT_EQ(source->names().size(), expected.size());
}

TEST(Names, BlinkDLsStayAsTheyAre) {
  expect({{"blocks.0.ln1.weight", {2}}, {"emb.weight", {3, 2}}, {"blocks.0.att.x_r", {1, 1, 2}}},
         {{"blocks.0.ln1.weight", {2}, {1, 2}},
          {"emb.weight", {3, 2}, {}},
          {"blocks.0.att.x_r", {1, 1, 2}, {}}});
}

TEST(Names, WrappersAndTrainersLeaveNoPrefix) {
  expect({{"optimizer.step", {1}},
          {"state_dict.model._orig_mod.emb.weight", {3, 2}},
          {"state_dict.model._orig_mod.blocks.0.ln1.weight", {2}},
          {"state_dict.model.blocks.0._orig_mod.att.module.key.weight", {2, 2}},
          {"state_dict.lm_head.weight", {3, 2}}},
         {{"emb.weight", {3, 2}, {}},
          {"blocks.0.ln1.weight", {2}, {}},
          {"blocks.0.att.key.weight", {2, 2}, {}},
          {"head.weight", {3, 2}, {}}});
}

TEST(Names, PartsThatNobodyKnowsStayToBeSeen) {
  expect({{"model.blocks.0.ln1.weight", {2}},
          {"model.emb.weight", {3, 2}},
          {"vision.blocks.0.key.weight", {2, 2}},
          {"lm_head.weight", {3, 2}}},
         {{"blocks.0.ln1.weight", {2}, {1, 2}},
          {"emb.weight", {3, 2}, {}},
          {"vision.blocks.0.key.weight", {2, 2}, {}},
          {"head.weight", {3, 2}, {}}});
}

TEST(Names, HuggingFacesVersions4To6) {
  expect({{"rwkv.embeddings.weight", {3, 2}},
          {"rwkv.blocks.0.pre_ln.bias", {2}},
          {"rwkv.blocks.0.ln1.weight", {2}},
          {"rwkv.blocks.0.attention.time_mix_key", {1, 1, 2}},
          {"rwkv.blocks.0.attention.time_mix_gate", {2}},
          {"rwkv.blocks.0.attention.time_faaaa", {1, 2}},
          {"rwkv.blocks.0.attention.time_maa_w1", {2, 5}},
          {"rwkv.blocks.11.attention.time_maa_x", {2}},
          {"rwkv.blocks.0.attention.gate.weight", {2, 2}},
          {"rwkv.blocks.0.feed_forward.time_mix_receptance", {1, 1, 2}},
          {"rwkv.blocks.0.feed_forward.receptance.weight", {2, 2}},
          {"rwkv.ln_out.weight", {2}},
          {"head.weight", {3, 2}}},
         {{"emb.weight", {3, 2}, {}},
          {"blocks.0.ln0.bias", {2}, {}},
          {"blocks.0.ln1.weight", {2}, {}},
          {"blocks.0.att.time_mix_k", {1, 1, 2}, {1, 2}},
          {"blocks.0.att.time_mix_g", {1, 1, 2}, {}},
          {"blocks.0.att.time_faaaa", {1, 2}, {}},
          {"blocks.0.att.time_maa_w1", {2, 5}, {1, 2, 3}},
          {"blocks.11.att.time_maa_x", {1, 1, 2}, {}},
          {"blocks.0.att.gate.weight", {2, 2}, {1, 2, 3, 4}},
          {"blocks.0.ffn.time_mix_r", {1, 1, 2}, {}},
          {"blocks.0.ffn.receptance.weight", {2, 2}, {}},
          {"ln_out.weight", {2}, {}},
          {"head.weight", {3, 2}, {}}});
}

TEST(Names, FlashLinearAttentionsVersion7) {
  expect({{"model.embeddings.weight", {3, 2}},
          {"model.layers.0.attn_norm.weight", {2}},
          {"model.layers.0.pre_norm.weight", {2}},
          {"model.layers.0.ffn_norm.bias", {2}},
          {"model.layers.0.attn.x_x", {6, 2}},
          {"model.layers.1.attn.x_w", {1, 1, 2}},
          {"model.layers.1.attn.w_lora.lora.0.weight", {3, 2}},
          {"model.layers.1.attn.w_lora.lora.2.weight", {2, 3}},
          {"model.layers.1.attn.w_lora.lora.2.bias", {2}},
          {"model.layers.1.attn.k_k", {2}},
          {"model.layers.1.attn.r_k", {1, 2}},
          {"model.layers.1.attn.r_proj.weight", {2, 2}},
          {"model.layers.1.attn.g_norm.weight", {2}},
          {"model.layers.1.ffn.x_k", {2}},
          {"model.layers.1.ffn.key.weight", {4, 2}},
          {"model.norm.bias", {2}}},
         {{"emb.weight", {3, 2}, {}},
          {"blocks.0.ln1.weight", {2}, {}},
          {"blocks.0.ln0.weight", {2}, {}},
          {"blocks.0.ln2.bias", {2}, {}},
          {"blocks.0.att.x_r", {1, 1, 2}, {1, 2}},
          {"blocks.0.att.x_w", {1, 1, 2}, {3, 4}},
          {"blocks.0.att.x_k", {1, 1, 2}, {5, 6}},
          {"blocks.0.att.x_v", {1, 1, 2}, {7, 8}},
          {"blocks.0.att.x_a", {1, 1, 2}, {9, 10}},
          {"blocks.0.att.x_g", {1, 1, 2}, {11, 12}},
          {"blocks.1.att.x_w", {1, 1, 2}, {1, 2}},
          {"blocks.1.att.w1", {2, 3}, {1, 3, 5, 2, 4, 6}},
          {"blocks.1.att.w2", {3, 2}, {1, 4, 2, 5, 3, 6}},
          {"blocks.1.att.w0", {1, 1, 2}, {}},
          {"blocks.1.att.k_k", {1, 1, 2}, {}},
          {"blocks.1.att.r_k", {1, 2}, {}},
          {"blocks.1.att.receptance.weight", {2, 2}, {1, 2, 3, 4}},
          {"blocks.1.att.ln_x.weight", {2}, {}},
          {"blocks.1.ffn.x_k", {1, 1, 2}, {}},
          {"blocks.1.ffn.key.weight", {4, 2}, {}},
          {"ln_out.bias", {2}, {}},
          {"head.weight", {3, 2}, {}}},
         R"({"tie_word_embeddings": true})");
}

TEST(Names, HuggingFacesVersion7KeepsTheFactorsAsTheyAre) {
  expect({{"model.embed_tokens.weight", {3, 2}},
          {"model.embedding_norm.weight", {2}},
          {"model.embedding_norm.bias", {2}},
          {"model.layers.0.input_layernorm.weight", {2}},
          {"model.layers.0.post_attention_layernorm.bias", {2}},
          {"model.layers.0.linear_attn.x_r", {2}},
          {"model.layers.0.linear_attn.w0", {2}},
          {"model.layers.0.linear_attn.w1", {2, 3}},
          {"model.layers.0.linear_attn.w2", {3, 2}},
          {"model.layers.0.linear_attn.k_a", {2}},
          {"model.layers.0.linear_attn.r_k", {1, 2}},
          {"model.layers.0.linear_attn.r_proj.weight", {2, 2}},
          {"model.layers.0.linear_attn.g_norm.bias", {2}},
          {"model.layers.0.mlp.x_k", {2}},
          {"model.layers.0.mlp.value.weight", {2, 4}},
          {"model.norm.weight", {2}},
          {"lm_head.weight", {3, 2}}},
         {{"emb.weight", {3, 2}, {}},
          {"blocks.0.ln0.weight", {2}, {}},
          {"blocks.0.ln0.bias", {2}, {}},
          {"blocks.0.ln1.weight", {2}, {}},
          {"blocks.0.ln2.bias", {2}, {}},
          {"blocks.0.att.x_r", {1, 1, 2}, {1, 2}},
          {"blocks.0.att.w0", {1, 1, 2}, {}},
          {"blocks.0.att.w1", {2, 3}, {1, 2, 3, 4, 5, 6}},
          {"blocks.0.att.w2", {3, 2}, {1, 2, 3, 4, 5, 6}},
          {"blocks.0.att.k_a", {1, 1, 2}, {}},
          {"blocks.0.att.r_k", {1, 2}, {}},
          {"blocks.0.att.receptance.weight", {2, 2}, {}},
          {"blocks.0.att.ln_x.bias", {2}, {}},
          {"blocks.0.ffn.x_k", {1, 1, 2}, {}},
          {"blocks.0.ffn.value.weight", {2, 4}, {}},
          {"ln_out.weight", {2}, {}},
          {"head.weight", {3, 2}, {}}});
}

TEST(Names, FlashLinearAttentionsVersion6HasItsShiftsInAnotherOrder) {
  expect({{"model.embeddings.weight", {3, 2}},
          {"lm_head.weight", {3, 2}},
          {"model.layers.0.attn_norm.weight", {2}},
          {"model.layers.0.attn.x_proj.0.mu", {2}},
          {"model.layers.0.attn.x_proj.0.linear.weight", {5, 2}},  // rows r, w, k, v, g
          {"model.layers.0.attn.x_proj.2.weight", {2, 5}},         // columns r, w, k, v, g
          {"model.layers.0.attn.x_bias", {5, 2}},
          {"model.layers.0.attn.w_proj.linear.lora.0.weight", {1, 2}},
          {"model.layers.0.attn.w_proj.linear.lora.2.bias", {2}},
          {"model.layers.0.attn.g_proj.linear.weight", {2, 2}},
          {"model.layers.0.attn.bonus", {1, 2}},
          {"model.layers.0.ffn.key.mu", {2}},
          {"model.layers.0.ffn.key.linear.weight", {4, 2}},
          {"model.layers.0.ffn.receptance.mu", {2}}},
         {{"emb.weight", {3, 2}, {}},
          {"head.weight", {3, 2}, {}},
          {"blocks.0.ln1.weight", {2}, {}},
          {"blocks.0.att.time_maa_x", {1, 1, 2}, {}},
          {"blocks.0.att.time_maa_w1", {2, 5}, {3, 5, 7, 1, 9, 4, 6, 8, 2, 10}},  // columns w, k, v, r, g
          {"blocks.0.att.time_maa_w2", {5, 1, 2}, {2, 7, 3, 8, 4, 9, 1, 6, 5, 10}},
          {"blocks.0.att.time_maa_r", {1, 1, 2}, {1, 2}},
          {"blocks.0.att.time_maa_w", {1, 1, 2}, {3, 4}},
          {"blocks.0.att.time_maa_k", {1, 1, 2}, {5, 6}},
          {"blocks.0.att.time_maa_v", {1, 1, 2}, {7, 8}},
          {"blocks.0.att.time_maa_g", {1, 1, 2}, {9, 10}},
          {"blocks.0.att.time_decay_w1", {2, 1}, {}},
          {"blocks.0.att.time_decay", {1, 1, 2}, {}},
          {"blocks.0.att.gate.weight", {2, 2}, {}},
          {"blocks.0.att.time_faaaa", {1, 2}, {}},
          {"blocks.0.ffn.time_maa_k", {1, 1, 2}, {}},
          {"blocks.0.ffn.key.weight", {4, 2}, {}},
          {"blocks.0.ffn.time_maa_r", {1, 1, 2}, {}}});
}

TEST(Names, WebRwkvsTransposedFactorsAreTurnedBack) {
  expect({{"emb.weight", {5, 2}},
          {"blocks.0.ln1.weight", {2}},
          {"blocks.0.att.x_r", {1, 1, 2}},
          {"blocks.0.att.w1", {2, 2}},  // square: g1 tells
          {"blocks.0.att.g1", {3, 2}},
          {"blocks.0.att.g2", {2, 3}}},
         {{"emb.weight", {5, 2}, {}},
          {"blocks.0.ln1.weight", {2}, {}},
          {"blocks.0.att.x_r", {1, 1, 2}, {}},
          {"blocks.0.att.w1", {2, 2}, {1, 3, 2, 4}},
          {"blocks.0.att.g1", {2, 3}, {1, 3, 5, 2, 4, 6}},
          {"blocks.0.att.g2", {3, 2}, {1, 4, 2, 5, 3, 6}}});
  expect({{"emb.weight", {5, 2}},
          {"blocks.0.ln1.weight", {2}},
          {"blocks.0.att.time_mix_x", {1, 1, 2}},
          {"blocks.0.att.time_mix_w1", {5, 2}},
          {"blocks.0.att.time_mix_w2", {5, 2, 1}},
          {"blocks.0.att.time_decay_w1", {3, 2}},
          {"blocks.0.att.time_first", {1, 2}},
          {"blocks.0.ffn.time_mix_k", {1, 1, 2}}},
         {{"emb.weight", {5, 2}, {}},
          {"blocks.0.ln1.weight", {2}, {}},
          {"blocks.0.att.time_maa_x", {1, 1, 2}, {}},
          {"blocks.0.att.time_maa_w1", {2, 5}, {1, 3, 5, 7, 9}},
          {"blocks.0.att.time_maa_w2", {5, 1, 2}, {1, 2}},
          {"blocks.0.att.time_decay_w1", {2, 3}, {1, 3, 5}},
          {"blocks.0.att.time_faaaa", {1, 2}, {}},
          {"blocks.0.ffn.time_maa_k", {1, 1, 2}, {}}});
  expect({{"emb.weight", {5, 2}},
          {"blocks.0.ln1.weight", {2}},
          {"blocks.0.att.gate.weight", {2, 2}},
          {"blocks.0.att.time_first", {1, 2}},
          {"blocks.0.att.time_mix_k", {1, 1, 2}}},
         {{"emb.weight", {5, 2}, {}},
          {"blocks.0.ln1.weight", {2}, {}},
          {"blocks.0.att.gate.weight", {2, 2}, {}},
          {"blocks.0.att.time_faaaa", {1, 2}, {}},
          {"blocks.0.att.time_mix_k", {1, 1, 2}, {}}});
}

TEST(Names, EpsilonsOfAConfigBesideTheModelAreTaken) {
  const std::vector<Given> model{{"model.layers.0.attn_norm.weight", {4}},
                                 {"model.layers.0.attn.r_k", {2, 2}}};
  const TempFile file(file_of(model), "model.safetensors");
  std::ofstream(file.path().parent_path() / "config.json") << R"({"norm_eps": 1e-4, "head_dim": 2})";
  const SourcePtr source = open_weights(file.path().parent_path());
  EXPECT_EQ(source->metadata("gn_eps"), "0.0002");
  EXPECT_EQ(source->metadata("ln_eps"), "0.0001");
  std::ofstream(file.path().parent_path() / "config.json")
      << R"({"layer_norm_epsilon": 2e-5, "group_norm_epsilon": 3e-4})";
  EXPECT_EQ(open_weights(file.path())->metadata("gn_eps"), "0.0003");
  EXPECT_EQ(open_weights(file.path())->metadata("ln_eps"), "2e-05");
  std::ofstream(file.path().parent_path() / "config.json") << R"({"embedding_layer_norm_fused": true})";
  EXPECT_THROW(open_weights(file.path()), Error);
  std::ofstream(file.path().parent_path() / "config.json") << "[1, 2";
  EXPECT_EQ(open_weights(file.path())->metadata("gn_eps"), std::nullopt);
}

TEST(Names, AHeadIsMadeOfTheEmbeddingOnlyWhereTheConfigSaysSo) {
  const std::vector<Given> model{{"model.layers.0.attn_norm.weight", {4}}, {"model.embeddings.weight", {3, 4}}};
  const TempFile file(file_of(model), "model.safetensors");
  const auto has_head = [&](const char* config) {
    std::ofstream(file.path().parent_path() / "config.json") << config;
    return open_weights(file.path())->info("head.weight").has_value();
  };
  testing::internal::CaptureStderr();
  EXPECT_TRUE(has_head(R"({"tie_word_embeddings": true})"));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("config.json: the head is the embedding, as tie_word_embeddings says"), said.npos) << said;
  for (const char* config : {R"({"tie_word_embeddings": false})", R"({"tie_word_embeddings": 1})", "{}", "[", ""})
    EXPECT_FALSE(has_head(config)) << config;
}

TEST(Names, ATensorUnderTwoNamesIsNamedWhicheverComesFirst) {
  const Given norm{"model.layers.0.attn_norm.weight", {2}}, official{"model.layers.0.attn.x_r", {2}};
  for (const char* other : {"blocks.0.att.x_r", "module.model.layers.0.attn.x_r", "model.layers.0.attn._orig_mod.x_r"})
    for (const bool first : {true, false}) {
      std::vector<Given> model{norm, official};
      model.insert(first ? model.begin() : model.end(), Given{other, {2}});
      const TempFile file(file_of(model), "model.safetensors");
      try {
        open_weights(file.path());
        ADD_FAILURE() << other;
      } catch (const Error& error) {
        const std::string_view what = error.what();
        for (const std::string_view part : {std::string_view(other), std::string_view("model.layers.0.attn.x_r"),
                                            std::string_view("are both blocks.0.att.x_r")})
          EXPECT_NE(what.find(part), what.npos) << what;
      }
    }
  const TempFile heads(file_of({{"model.blocks.0.ln1.weight", {2}}, {"model.head.weight", {3, 2}}, {"head.weight", {3, 2}}}),
                       "model.safetensors");
  EXPECT_THROW(open_weights(heads.path()), Error);
}

TEST(Names, ValuesOfAConfigThatNoModelHasArePassedOverByName) {
  const std::vector<Given> model{{"model.layers.0.attn_norm.weight", {4}}, {"model.layers.0.attn.r_k", {2, 2}}};
  const TempFile file(file_of(model), "model.safetensors");
  for (const char* key : {"layer_norm_epsilon", "norm_eps", "group_norm_epsilon"})
    for (const char* value : {"1e300", "1e-300", "0", "-1", "\"1e-5\"", "[1]", "true", "2"}) {
      std::ofstream(file.path().parent_path() / "config.json") << "{\"" << key << "\": " << value << "}";
      testing::internal::CaptureStderr();
      const SourcePtr source = open_weights(file.path());
      const std::string said = testing::internal::GetCapturedStderr();
      EXPECT_NE(said.find(std::string("config.json: ") + key + " is "), said.npos) << value << said;
      EXPECT_NE(said.find("expected a number from 1e-12 to 1; it is passed over"), said.npos) << said;
      EXPECT_EQ(source->metadata("ln_eps"), std::nullopt) << key << value;
      // flash-linear-attention's without a number has the usual one, and two channels a head.
      const auto gn_eps = key == std::string_view("norm_eps") ? std::optional<std::string>("2e-05") : std::nullopt;
      EXPECT_EQ(source->metadata("gn_eps"), gn_eps) << key << value;
    }
  std::ofstream(file.path().parent_path() / "config.json") << R"({"layer_norm_epsilon": null, "group_norm_epsilon": 1e-3})";
  testing::internal::CaptureStderr();
  EXPECT_EQ(open_weights(file.path())->metadata("gn_eps"), "0.001");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace fulmar
