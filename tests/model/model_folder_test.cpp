// What lies beside a model is found by any of its names, and never a file that is another's.
#include "model/model_folder.h"

#include <gmock/gmock.h>
#ifndef _WIN32
#include <sys/stat.h>
#endif

#include <fstream>
#include <random>

#include "base/mapped_file.h"
#include "fulmar/error.h"
#include "model/vocabulary.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A file of nothing but an embedding and metadata.
class Bare final : public Source {
 public:
  explicit Bare(uint64_t V, std::map<std::string, std::string> metadata = {})
      : V_(V), metadata_(std::move(metadata)) {}
  std::vector<std::string> names() const override { return {"emb.weight"}; }
  std::optional<TensorRef> info(std::string_view name) const override {
    if (name != "emb.weight") return std::nullopt;
    TensorRef tensor;
    tensor.shape = {V_, 8};
    return tensor;
  }
  Tensor load(std::string_view) const override { return {}; }
  std::optional<std::string> metadata(std::string_view key) const override {
    const auto found = metadata_.find(std::string(key));
    return found == metadata_.end() ? std::nullopt : std::optional(found->second);
  }
  std::string label() const override { return "bare.gguf"; }

 private:
  uint64_t V_;
  std::map<std::string, std::string> metadata_;
};

class ModelFolders : public testing::Test {
 protected:
  ModelFolders() { fs::create_directories(folder); }
  ~ModelFolders() override { fs::remove_all(folder.parent_path()); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  fs::path folder = fs::temp_directory_path() / ("fulmar_folder_" + std::to_string(std::random_device{}())) /
                    "rwkv7-g1k-ctx25600";
};

TEST_F(ModelFolders, CompanionsAreFoundWhicheverFileIsNamed) {
  write("config.json", R"({"context_length": 4096})");
  write("generation_config.json", R"({"top_p": 0.5})");
  write("fake_think_generation_config.json", "{}");
  write("tokenizer_config.json", R"({"chat_template": "{{ messages }}"})");
  write("model.safetensors.index.json", "{}");
  for (const char* named :
       {"", "model.safetensors.index.json", "model-00002-of-00002.safetensors", "model.safetensors"}) {
    SCOPED_TRACE(named);
    const ModelFolder found = look_around(folder / named, Bare(8));
    EXPECT_EQ(found.name, "rwkv7-g1k-ctx25600");
    ASSERT_TRUE(found.generation_config);
    EXPECT_EQ(found.generation_config->text, R"({"top_p": 0.5})");
    EXPECT_TRUE(found.fake_think_generation_config);
    EXPECT_FALSE(found.tools_generation_config);
    ASSERT_TRUE(found.chat_template);
    EXPECT_EQ(found.chat_template->text, "{{ messages }}");
    EXPECT_THAT(found.chat_template->where, HasSubstr("tokenizer_config.json"));
    EXPECT_EQ(trained_context(found, Bare(8)).tokens, 4096u);
  }
}

TEST_F(ModelFolders, OneOfManyModelsInAFolderHasCompanionsOfItsOwnName) {
  write("generation_config.json", R"({"top_p": 0.5})");
  write("a.generation_config.json", R"({"top_p": 0.25})");
  write("a.chat_template.jinja", "mine");
  EXPECT_EQ(look_around(folder / "a.pth", Bare(8)).generation_config->text, R"({"top_p": 0.25})");
  EXPECT_EQ(look_around(folder / "a.pth", Bare(8)).chat_template->text, "mine");
  EXPECT_EQ(look_around(folder / "b.pth", Bare(8)).generation_config->text, R"({"top_p": 0.5})");
  EXPECT_FALSE(look_around(folder / "b.pth", Bare(8)).chat_template);
}

TEST_F(ModelFolders, OfSeveralTemplatesTheDefaultIsTakenAndAModelsOwnFirst) {
  write(
      "tokenizer_config.json",
      R"({"chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]})");
  EXPECT_EQ(look_around(folder, Bare(8)).chat_template->text, "D");
  const Bare gguf(8, {{"tokenizer.chat_template", "rwkv-world"}});
  EXPECT_EQ(look_around(folder / "m.gguf", gguf).chat_template->text, "rwkv-world");
  write("tokenizer_config.json", "[1, 2");
  EXPECT_FALSE(look_around(folder, Bare(8)).chat_template);
}

TEST_F(ModelFolders, TheContextIsReadOutOfNamesAndNeverOutOfAPlaceholder) {
  const auto context = [&](const std::string& name, const Bare& file) {
    const ModelFolder found = look_around(folder / name, file);
    return trained_context(found, file).tokens;
  };
  EXPECT_EQ(context("rwkv7-g1i-1.5b-20260801-ctx16384.pth", Bare(8)), 16384u);
  EXPECT_EQ(context("rwkv7.pth", Bare(8)), 0u);
  EXPECT_EQ(context("ctx-ctx99999999999999.pth", Bare(8)), 0u);
  EXPECT_EQ(context("m.gguf", Bare(8, {{"general.architecture", "rwkv7"}, {"rwkv7.context_length", "8192"}})),
            8192u);
  EXPECT_EQ(context("m.gguf", Bare(8, {{"general.architecture", "rwkv7"},
                                       {"rwkv7.context_length", "1048576"},
                                       {"general.name", "rwkv7-g1-ctx4096"}})),
            4096u);
  write("config.json", R"({"context_length": -5})");
  EXPECT_EQ(context("rwkv7.pth", Bare(8)), 0u);
}

// What is warned of while `folder` is looked at.
template <class Do>
std::string warned(const Do& look) {
  testing::internal::CaptureStderr();
  look();
  return testing::internal::GetCapturedStderr();
}

TEST_F(ModelFolders, ACompanionLargerThanAnyModelsIsPassedOverByName) {
  const std::string large((1 << 20) + 1, ' ');
  for (const char* name :
       {"config.json", "generation_config.json", "chat_template.jinja", "tokenizer_config.json"}) {
    write(name, large);
    ModelFolder found;
    EXPECT_THAT(
        warned([&] { found = look_around(folder, Bare(8)); }),
        HasSubstr(std::string(name) + ": is larger than 1 MiB: no model has such a one; it is passed over"));
    EXPECT_FALSE(found.config || found.generation_config || found.chat_template);
    fs::remove(folder / name);
  }
  ModelFolder found;
  EXPECT_THAT(warned([&] {
                found = look_around(folder, Bare(8, {{"tokenizer.chat_template", large}}));
              }),
              HasSubstr("bare.gguf: tokenizer.chat_template: is larger than 1 MiB"));
  EXPECT_FALSE(found.chat_template);
}

// What is no file, or an empty one, is named as a damaged one is; and a pipe holds nobody up.
TEST_F(ModelFolders, ACompanionThatIsNoFileIsPassedOverByName) {
  const auto each = [&](const std::string& fault, const auto& make) {
    for (const std::string name : {"config.json", "generation_config.json", "chat_template.jinja", "tokenizer_config.json",
                                   "tokenizer.json", "rwkv_vocab_x.txt", "vocab.txt"}) {
      make(folder / name);
      ModelFolder found;
      EXPECT_THAT(warned([&] { found = look_around(folder, Bare(8)); }), HasSubstr(name + ": " + fault)) << name;
      EXPECT_FALSE(found.config || found.generation_config || found.chat_template || !found.vocabularies.empty());
      fs::remove(folder / name);
    }
    make(folder / "m.vocab");
    const Bare file(8);
    const ModelFolder found = look_around(folder / "m.pth", file);
    try {
      open_vocabulary("", file, found.vocabularies);
      ADD_FAILURE() << fault;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_file);
      EXPECT_THAT(error.what(), HasSubstr("m.vocab: " + fault));
    }
    fs::remove(folder / "m.vocab");
  };
  each("is empty", [&](const fs::path& path) { std::ofstream{path}; });
  each("is a folder", [](const fs::path& path) { fs::create_directory(path); });
#ifndef _WIN32  // where links and pipes are no matter of names
  each("is a link that leads nowhere", [](const fs::path& path) { fs::create_symlink("nowhere", path); });
  each("cannot be opened: ", [](const fs::path& path) { fs::create_symlink(path.filename(), path); });
  each("is no file", [](const fs::path& path) { fs::create_symlink("/dev/null", path); });
  each("is no file", [](const fs::path& path) { ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0); });
#endif
}

TEST_F(ModelFolders, AChatTemplateOfAnotherTypeIsWarnedOf) {
  const std::string warning = "tokenizer_config.json: its chat_template is neither a text nor a list";
  for (const char* json :
       {R"({"chat_template": 7})", R"({"chat_template": {"default": "x"}})", R"({"chat_template": ["x"]})",
        R"({"chat_template": [{"name": "tool_use", "template": "T"}]})",
        R"({"chat_template": [{"name": "default", "template": 3}]})"}) {
    write("tokenizer_config.json", json);
    EXPECT_THAT(warned([&] { EXPECT_FALSE(look_around(folder, Bare(8)).chat_template); }), HasSubstr(warning))
        << json;
  }
  for (const char* json :
       {"{}", R"({"chat_template": null})", R"({"chat_template": "x"})", R"({"chat_template": ""})"}) {
    write("tokenizer_config.json", json);
    EXPECT_EQ(warned([&] { look_around(folder, Bare(8)); }), "") << json;
  }
}

TEST_F(ModelFolders, WhatAConvertedModelCarriesGoesBeforeWhatLiesBesideIt) {
  write("generation_config.json", R"({"top_p": 0.5})");
  write("tools_generation_config.json", R"({"top_p": 0.25})");
  write("config.json", R"({"context_length": 4096})");
  const Bare file(8, {{"fulmar.generation_config", R"({"top_p": 0.75})"},
                      {"fulmar.trained_context", "8192"},
                      {"general.name", "rwkv7-g1h"}});
  const ModelFolder found = look_around(folder, file);
  EXPECT_EQ(found.generation_config->text, R"({"top_p": 0.75})");
  EXPECT_EQ(found.generation_config->where, "bare.gguf: fulmar.generation_config");
  EXPECT_EQ(found.tools_generation_config->text, R"({"top_p": 0.25})");
  EXPECT_EQ(found.inner_name, "rwkv7-g1h");
  EXPECT_EQ(trained_context(found, file).tokens, 8192u);
  EXPECT_EQ(trained_context(found, file).where, "bare.gguf: fulmar.trained_context");
}

TEST_F(ModelFolders, AVocabularyOfAnotherSizeIsPassedOver) {
  std::string four;
  for (int id = 0; id < 4; ++id) four += std::to_string(id) + " '" + static_cast<char>('a' + id) + "' 1\n";
  write("vocab.txt", four);
  const auto where = [&](const std::string& name, uint64_t V) {
    const Bare file(V);
    try {
      return open_vocabulary("", file, look_around(folder / name, file).vocabularies).where;
    } catch (const Error& error) {  // a test has no data folder
      const std::string sentence = error.what();
      return sentence.find("that ships with Fulmar is missing") != sentence.npos ? "what ships with Fulmar" : sentence;
    }
  };
  EXPECT_EQ(fs::path(where("m.pth", 4)), folder / "vocab.txt");
  EXPECT_EQ(where("m.pth", 3), "what ships with Fulmar");      // more ids than the model has tokens
  EXPECT_EQ(where("m.pth", 65536), "what ships with Fulmar");  // far fewer
  write("tokenizer.json", "{}");
  EXPECT_EQ(fs::path(where("m.pth", 4)), folder / "vocab.txt");  // the damaged one is passed over
  write("m.vocab", four);
  EXPECT_EQ(fs::path(where("m.pth", 4)), folder / "m.vocab");
  EXPECT_EQ(fs::path(where("other.pth", 4)), folder / "vocab.txt");
  EXPECT_NO_THROW(check_fits(*open_tokenizer("bytes"), 256));
  try {
    check_fits(*open_tokenizer("bytes"), 255);
    ADD_FAILURE() << "more ids than the model has tokens";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::misuse);
    EXPECT_THAT(
        error.what(),
        HasSubstr("this model has 255 tokens and the vocabulary 256; give the model's own with --vocab"));
  }
  // Named by the user or after the model, it is at fault where another would be passed over.
  const auto sentence = [](const std::string& file, uint64_t V) {
    return file + ": has 4 ids and the model " + std::to_string(V) + " tokens, so it is another model's vocabulary";
  };
  for (const uint64_t V : {uint64_t{3}, uint64_t{1028}, uint64_t{65536}}) {
    EXPECT_THAT(where("m.pth", V), HasSubstr(sentence(to_utf8(folder / "m.vocab"), V)));
    const std::string named = to_utf8(folder / "vocab.txt");
    try {
      open_vocabulary(named, Bare(V), {});
      ADD_FAILURE() << V;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::misuse);
      EXPECT_THAT(error.what(), HasSubstr(sentence(named, V)));
    }
    EXPECT_NO_THROW(open_vocabulary("bytes", Bare(V), {}));
  }
  EXPECT_EQ(fs::path(where("m.pth", 1027)), folder / "m.vocab");
  write("m.vocab", "broken");
  EXPECT_THAT(where("m.pth", 4),
              HasSubstr("m.vocab:1: "));  // named after the model: no other is taken in its stead
}

}  // namespace
}  // namespace fulmar
