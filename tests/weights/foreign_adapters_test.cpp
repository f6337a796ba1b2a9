// Adapters as others leave them: PEFT's folders and strengths, Hugging Face's names, ai00's files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "fulmar/error.h"
#include "weights/adapter_files.h"
#include "weights/adapters.h"

namespace fulmar {
namespace {

using test::made, test::MadeTensor, test::MadeTensors, test::TempFile;
using testing::HasSubstr;

const std::string key = "blocks.0.att.key.", ffn = "blocks.1.ffn.key.";

// A model, and an adapter in a folder of its own with a configuration beside it.
class ForeignAdapters : public testing::Test {
 protected:
  // Where the file lies.
  std::filesystem::path put(const MadeTensors& tensors, const std::string& config = {},
                            const std::string& name = "adapter_model.safetensors") {
    file_ = std::make_unique<TempFile>(test::safetensors_of(tensors), name);
    if (!config.empty()) std::ofstream(file_->path().parent_path() / "adapter_config.json") << config;
    return file_->path();
  }
  // How strongly B A counts in the merged matrix.
  double strength(const std::filesystem::path& adapter, const std::string& prefix = key,
                  std::optional<float> scaling = {}) {
    const auto merged = adapt(model(), {{adapter.string(), "", scaling}});
    const MadeTensor& W = prefix == key ? key_ : ffn_;
    const std::vector<float> got = to_floats(merged->load(prefix + "weight"));
    const MadeTensor &A = prefix == key ? A_ : A2_, &B = prefix == key ? B_ : B2_;
    const uint64_t r = A.shape[0], K = A.shape[1];
    double product = 0, change = 0;  // of the first row, along B A
    for (uint64_t c = 0; c < K; ++c) {
      double ba = 0;
      for (uint64_t k = 0; k < r; ++k) ba += B.values[k] * A.values[k * K + c];
      product += ba * ba;
      change += ba * (static_cast<double>(got[c]) - W.values[c]);
    }
    return change / product;
  }
  SourcePtr model() { return open_weights(model_.path()); }
  std::string refusal(const std::filesystem::path& adapter) {
    try {
      adapt(model(), {{adapter.string(), "", {}}});
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  }

  // Ranks 4 and 2.
  const MadeTensor key_ = made({12, 8}, 1), ffn_ = made({24, 8}, 2), A_ = made({4, 8}, 3),
                   B_ = made({12, 4}, 4), A2_ = made({2, 8}, 5), B2_ = made({24, 2}, 6);
  const MadeTensors lora_{{"base_model.model." + key + "lora_A.weight", A_},
                          {"base_model.model." + key + "lora_B.weight", B_}};

 private:
  TempFile model_{test::safetensors_of({{key + "weight", key_},
                                           {ffn + "weight", ffn_},
                                           {"blocks.0.ln1.weight", made({8}, 8)},
                                           {"emb.weight", made({16, 8}, 9)}}),
                  "model.safetensors"};
  std::unique_ptr<TempFile> file_;
};

TEST_F(ForeignAdapters, AnAdapterCountsAsMuchAsItsConfigurationSays) {
  const std::string start =
      R"({"peft_type":"LORA","r":4,"lora_alpha":16,"init_lora_weights":true,"bias":"none")";
  EXPECT_NEAR(strength(put(lora_)), 2, 1e-5) << "no configuration";
  EXPECT_NEAR(strength(put(lora_, start + "}")), 4, 1e-5);
  EXPECT_NEAR(strength(put(lora_, start + R"(,"use_rslora":true})")), 8, 1e-5);
  EXPECT_NEAR(strength(put(lora_, start + R"(,"alpha_pattern":{"key":6,"att.key":1}})")), 1.5, 1e-5);
  EXPECT_NEAR(strength(put(lora_, start + R"(,"alpha_pattern":{"ey":6,"att.key":10}})")), 2.5, 1e-5);
  EXPECT_NEAR(strength(put(lora_, start + R"(,"use_dora":null,"alpha_pattern":{}})"), key, 0.5f), 0.5, 1e-5)
      << "what is asked for outranks it";
  EXPECT_NEAR(strength(put(lora_, start + "}", "renamed.safetensors")), 4, 1e-5);
  EXPECT_NEAR(strength(put({{key + "lora_A", A_}, {key + "lora_B", B_}}, start + "}", "own.safetensors")), 2,
              1e-5)
      << "a trainer's file beside PEFT's";
  MadeTensors both = lora_;
  both[ffn + "lora_A"] = A2_;
  both[ffn + "lora_B"] = B2_;
  const auto ranks = put(both, start + R"(,"rank_pattern":{"ffn.key":2}})");
  EXPECT_NEAR(strength(ranks), 4, 1e-5);
  EXPECT_NEAR(strength(ranks, ffn), 8, 1e-5);
}

TEST_F(ForeignAdapters, AConfigurationThatMeansMoreIsRefusedByName) {
  const auto with = [&](const std::string& fields) { return refusal(put(lora_, "{" + fields + "}")); };
  const std::string good = R"("peft_type":"LORA","r":4,"lora_alpha":16)";
  EXPECT_EQ(with(good), "nothing was thrown");
  EXPECT_THAT(with(R"("peft_type":"IA3")"), HasSubstr("adapter_config.json: says peft_type IA3"));
  EXPECT_THAT(with(R"("r":4)"), HasSubstr("says peft_type nothing"));
  EXPECT_THAT(with(R"("peft_type":"LORA","r":4)"), HasSubstr("has no number as \"lora_alpha\""));
  EXPECT_THAT(with(R"("peft_type":"LORA","r":4,"lora_alpha":1e300)"),
              HasSubstr("no number as \"lora_alpha\""));
  EXPECT_THAT(with(R"("peft_type":"LORA","r":0,"lora_alpha":16)"), HasSubstr("has an r of 0"));
  EXPECT_THAT(with(R"("peft_type":"LORA","r":8,"lora_alpha":16)"),
              HasSubstr("has rank 4, but adapter_config.json says 8"));
  EXPECT_THAT(with(good + R"(,"use_dora":true)"), HasSubstr("has \"use_dora\""));
  EXPECT_THAT(with(good + R"(,"fan_in_fan_out":true)"), HasSubstr("has \"fan_in_fan_out\""));
  EXPECT_THAT(with(good + R"(,"init_lora_weights":"pissa_niter_16")"),
              HasSubstr("fits a changed model only"));
  EXPECT_THAT(with(good + R"(,"alpha_pattern":{"k.*":1})"),
              HasSubstr("a regular expression in \"alpha_pattern\" (k.*)"));
  EXPECT_THAT(with(good + R"(,"alpha_pattern":[])"), HasSubstr("is no object"));
  EXPECT_THAT(refusal(put(lora_, "[")), HasSubstr("adapter_config.json: is not valid JSON"));
  EXPECT_THAT(refusal(put(lora_, "[]")), HasSubstr("adapter_config.json: is no JSON object"));
}

TEST_F(ForeignAdapters, AFolderThatPeftLeftIsAnAdapter) {
  const auto folder = put(lora_, R"({"peft_type":"LORA","r":4,"lora_alpha":4})").parent_path();
  EXPECT_NEAR(strength(folder), 1, 1e-5);
  std::filesystem::rename(folder / "adapter_model.safetensors", folder / "adapter_model.bin");
  EXPECT_NEAR(strength(folder / ""), 1, 1e-5);
  std::filesystem::remove(folder / "adapter_model.bin");
  EXPECT_THAT(refusal(folder), HasSubstr("is a folder without adapter_model.safetensors, adapter_model.bin"));
}

// A tensor of the model's own among the factors does not make a model of the file.
TEST_F(ForeignAdapters, WhatIsTrainedBesideTheFactorsDoesNotHideThem) {
  MadeTensors tensors = lora_;
  tensors["base_model.model.blocks.0.ln1.weight"] = made({8}, 7);
  EXPECT_NEAR(strength(put(tensors, R"({"peft_type":"LORA","r":4,"lora_alpha":16})", "tuned.safetensors")), 4, 1e-5);
  tensors = {{"layers.0.attn.k_proj.lora_A.weight", A_}, {"layers.0.attn.k_proj.lora_B.weight", B_}};
  tensors["layers.0.attn_norm.weight"] = made({8}, 7);
  tensors["embeddings.weight"] = made({16, 8}, 8);
  const auto path = put(tensors);
  EXPECT_NEAR(strength(path), 2, 1e-5);
  EXPECT_FALSE(adapt(model(), {{path.string(), "", {}}})->info("head.weight")) << "a head that nobody trained";
}

TEST_F(ForeignAdapters, HuggingFacesNamesAreTheModels) {
  for (const auto& [keys, ffns] :
       {std::pair("base_model.model.model.layers.0.attn.k_proj", "base_model.model.model.layers.1.ffn.key"),
        std::pair("base_model.model.model.layers.0.linear_attn.k_proj",
                  "base_model.model.model.layers.1.mlp.key"),
        std::pair("base_model.model.rwkv.blocks.0.attention.key",
                  "base_model.model.rwkv.blocks.1.feed_forward.key"),
        std::pair("layers.0.attn.k_proj.linear", "layers.1.ffn.key.linear")}) {
    SCOPED_TRACE(keys);
    const std::string k = std::string(keys) + ".", f = std::string(ffns) + ".";
    const auto path = put({{k + "lora_A.weight", A_},
                           {k + "lora_B.weight", B_},
                           {f + "lora_A.default.weight", A2_},
                           {f + "lora_B.default.weight", B2_}},
                          R"({"peft_type":"LORA","r":4,"lora_alpha":2,"rank_pattern":{"key":2},
                              "alpha_pattern":{"k_proj":8,"attention.key":8,"k_proj.linear":8}})");
    EXPECT_NEAR(strength(path), 2, 1e-5);
    EXPECT_NEAR(strength(path, ffn), 1, 1e-5);
  }
}

TEST_F(ForeignAdapters, WhatHuggingFaceCallsOtherwiseIsStillToldApart) {
  EXPECT_THAT(refusal(put({{"base_model.model.model.layers.0.attn.w_lora.lora.0.lora_A.weight", A_},
                           {"base_model.model.model.layers.0.attn.w_lora.lora.0.lora_B.weight", B_}})),
              HasSubstr("w_lora.lora.0.lora_A.weight changes a small factor"));
  EXPECT_THAT(refusal(put({{"model.layers.7.attn.k_proj.lora_A.weight", A_},
                           {"model.layers.7.attn.k_proj.lora_B.weight", B_}})),
              HasSubstr("has no blocks.7.att.key.weight: this adapter is for another model"));
}

TEST_F(ForeignAdapters, Ai00sFactorsAreTurnedBack) {
  MadeTensor turned = A_;
  turned.shape = {8, 4};
  turned.bytes.clear();
  for (uint64_t c = 0; c < 8; ++c)
    for (uint64_t k = 0; k < 4; ++k)
      turned.bytes += test::raw<float>({static_cast<float>(A_.values[k * 8 + c])});
  EXPECT_NEAR(strength(put({{key + "lora.0", turned}, {key + "lora.1", B_}})), 2, 1e-5);
  EXPECT_THAT(refusal(put({{key + "lora.0", A_}, {key + "lora.1", B_}})),
              HasSubstr("lora_A is [8,4], expected [r,8]"));
}

TEST_F(ForeignAdapters, ATunedStateIsNoAdapter) {
  const std::string state =
      R"({"__metadata__":{"model_type":"state"},"blocks.0.att.time_state":{"dtype":"F32","shape":[1,2,2],"data_offsets":[0,16]}})";
  const TempFile file(test::safetensors(state, std::string(16, 'x')), "ai00.state");
  EXPECT_THAT(refusal(file.path()),
              HasSubstr("ai00.state: is a tuned state (its metadata says so): give it as --state"));
}

}  // namespace
}  // namespace fulmar
