// What clients see as the model's id: the name of its file or of its folder, never half of it.
#include "model/model_name.h"

#include <gtest/gtest.h>

#include <random>

namespace fulmar {
namespace {

namespace fs = std::filesystem;

class ModelNames : public testing::Test {
 protected:
  ModelNames() { fs::create_directories(folder / "hf-1.5B"); }
  ~ModelNames() override { fs::remove_all(folder); }
  fs::path folder = fs::temp_directory_path() / ("fulmar_names_" + std::to_string(std::random_device{}()));
};

TEST_F(ModelNames, FilesLoseTheirEndingAndFoldersNothing) {
  EXPECT_EQ(model_name("models/rwkv7-g1-0.4b.pth"), "rwkv7-g1-0.4b");
  EXPECT_EQ(model_name("\xe6\xa8\xa1 7.safetensors"), "\xe6\xa8\xa1 7");
  EXPECT_EQ(model_name(folder / "hf-1.5B"), "hf-1.5B");
  EXPECT_EQ(model_name(folder / "hf-1.5B" / ""), "hf-1.5B");
  EXPECT_EQ(model_name(folder / "hf-1.5B" / "." / ".." / "hf-1.5B"), "hf-1.5B");
  EXPECT_EQ(model_name(folder / "hf-1.5B" / "model.safetensors.index.json"), "hf-1.5B");
  EXPECT_EQ(model_name(folder / "hf-1.5B" / "model-00002-of-00003.safetensors"), "hf-1.5B");
  EXPECT_EQ(model_name(folder / "hf-1.5B" / "model.safetensors"), "model");
  const fs::path cache = folder / "models--RWKV--rwkv7-g1k-1.5b" / "snapshots";
  fs::create_directories(cache / "0123abcd");
  EXPECT_EQ(model_name(cache / "0123abcd"), "rwkv7-g1k-1.5b");
  EXPECT_EQ(model_name(cache / "0123abcd" / "model.safetensors.index.json"), "rwkv7-g1k-1.5b");
  fs::create_directories(folder / "--x" / "snapshots" / "a");
  EXPECT_EQ(model_name(folder / "--x" / "snapshots" / "a"), "a");
  EXPECT_EQ(model_name("."), fs::current_path().filename().string());
}

TEST_F(ModelNames, TheVocabularyBesideAFolderHasItsWholeName) {
  EXPECT_EQ(vocabulary_beside(folder / "a.1.pth"), folder / "a.1.vocab");
  EXPECT_EQ(vocabulary_beside(folder / "hf-1.5B"), folder / "hf-1.5B.vocab");
  EXPECT_EQ(vocabulary_beside(folder / "hf-1.5B" / ""), folder / "hf-1.5B.vocab");
}

}  // namespace
}  // namespace fulmar
