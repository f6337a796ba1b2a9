// Tokenizers in JSON: World's ids, whichever file it comes in, and every damage told by name.
#include "text/json_tokenizer.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <sstream>

#include "base/utf8.h"
#include "helpers.h"
#include "text/byte_alphabet.h"

namespace fulmar {
namespace {

namespace json = boost::json;
using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;

// What a byte is in a tokenizer.json.
std::string spelled(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes)
    for (uint32_t letter = 0; letter < byte_alphabet_size; ++letter)
      if (byte_of_letter[letter] == static_cast<unsigned char>(byte)) {
        if (letter >= 0x80) out += static_cast<char>(0xc0 | letter >> 6);
        out += static_cast<char>(letter >= 0x80 ? 0x80 | (letter & 0x3f) : letter);
      }
  return out;
}

json::object trie(json::object vocab) {
  return {
      {"version", "1.0"},
      {"normalizer", nullptr},
      {"pre_tokenizer", nullptr},
      {"post_processor", {{"type", "TemplateProcessing"}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"added_tokens", json::array{json::object{{"id", 0}, {"content", "<|endoftext|>"}, {"special", true}}}},
      {"model", json::object{{"type", "RwkvTrie"}, {"vocab", std::move(vocab)}}}};
}

std::shared_ptr<const Tokenizer> read(const json::value& file) {
  return parse_json_tokenizer(json::serialize(file), "t.json");
}

// World as the two programs write it that have it in JSON.
json::value as_trie(const Tokenizer& world) {
  json::object vocab{{"<|endoftext|>", 0}};
  for (Token id = 1; id < world.size(); ++id)
    if (!world.bytes(id).empty()) vocab[spelled(world.bytes(id))] = id;
  return trie(std::move(vocab));
}

json::value as_ids(const Tokenizer& world) {
  json::object file;
  for (Token id = 1; id < world.size(); ++id) {
    const std::string bytes(world.bytes(id));
    if (bytes.empty()) continue;
    if (is_utf8(bytes)) {
      file[std::to_string(id)] = bytes;
      continue;
    }
    json::array list;
    for (const char byte : bytes) list.push_back(static_cast<unsigned char>(byte));
    file[std::to_string(id)] = std::move(list);
  }
  return file;
}

// Texts that other implementations were asked for too, where they are here, and random ones.
std::vector<std::string> texts() {
  std::vector<std::string> list;
  std::ifstream file(FULMAR_SOURCE_DIR "/../shared/tokenizer/world_test_vectors.json");
  std::stringstream content;
  content << file.rdbuf();
  if (file) {
    const json::value vectors = json::parse(content.str());
    for (const auto& test : vectors.at("cases").as_array()) list.emplace_back(test.at("text").as_string());
    for (const auto& test : vectors.at("byte_cases").as_array()) {
      const std::string hex(test.at("hex").as_string());
      std::string& bytes = list.emplace_back();
      for (std::size_t i = 0; i < hex.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
  }
  std::mt19937 random(5);
  for (int i = 0; i < 400; ++i) list.push_back(test::random_bytes(random, random() % 600));
  for (const char* text :
       {"", "<|endoftext|>", "User: hi\n\nAssistant:", "User\xe2\x9c\xbfhi\xe2\x9c\xbf\n", "\xff\xe4\xb8"})
    list.emplace_back(text);
  return list;
}

TEST(JsonTokenizer, WorldHasItsIdsWhicheverFileItComesIn) {
  const auto world = open_tokenizer(test::shipped_table());
  for (const auto& [kind, file] :
       {std::pair("RwkvTrie", as_trie(*world)), std::pair("ai00", as_ids(*world))}) {
    SCOPED_TRACE(kind);
    const auto tokenizer = read(file);
    ASSERT_EQ(tokenizer->size(), world->size());
    EXPECT_EQ(tokenizer->end_of_text(), 0);
    EXPECT_EQ(tokenizer->kind(), "longest match");
    for (Token id = 0; id < world->size(); ++id) ASSERT_EQ(tokenizer->bytes(id), world->bytes(id)) << id;
    for (const std::string& text : texts()) ASSERT_EQ(tokenizer->encode(text), world->encode(text)) << text;
  }
}

TEST(JsonTokenizer, TheVocabularyFileItselfSaysTheSame) {
  const std::string path = FULMAR_SOURCE_DIR "/../shared/tokenizer/rwkv_vocab_v20230424.txt";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the vocabulary file is not here: " << path;
  const auto file = open_tokenizer(path), tokenizer = read(as_trie(*file));
  for (const std::string& text : texts()) ASSERT_EQ(tokenizer->encode(text), file->encode(text)) << text;
}

TEST(JsonTokenizer, TokensBesideTheModelAreTextsToo) {
  json::object file = trie({{"<|endoftext|>", 0}, {"a", 1}, {"b", 2}});
  file["added_tokens"].as_array().push_back({{"id", 3}, {"content", "ab"}});
  EXPECT_THAT(read(file)->encode("abb"), ElementsAre(3, 2));
  // An id 0 with a text of its own ends nothing.
  EXPECT_EQ(read({{"0", "a"}, {"1", "b"}})->end_of_text(), -1);
}

TEST(JsonTokenizer, DamageIsToldByName) {
  const auto refusal = [](const json::value& file, ErrorKind kind = ErrorKind::bad_file) {
    return thrown(kind, [&] { read(file); });
  };
  EXPECT_THAT(refusal(trie({})), HasSubstr("t.json: the vocabulary"));
  EXPECT_THAT(refusal(trie({{"a", 1}, {"b", 1}})), HasSubstr("the id 1 of token 'b' is given twice"));
  EXPECT_THAT(refusal(trie({{"a", -1}})), HasSubstr("the id of token 'a' is no whole number from 0"));
  EXPECT_THAT(refusal(trie({{"a", int64_t{1} << 40}})),
              HasSubstr("the id of token 'a' is no whole number from 0 to 1048575"));
  EXPECT_THAT(refusal(trie({{"a", 1.5}})), HasSubstr("the id of token 'a' is no whole number"));
  EXPECT_THAT(refusal(trie({{std::string(100'000, 'a'), -1}})), HasSubstr(std::string(200, 'a') + "...'"));
  EXPECT_THAT(refusal(trie({{"\xe4\xb8\xad", 1}})), HasSubstr("is not in the byte alphabet"));
  EXPECT_THAT(refusal(trie({{"", 1}})), HasSubstr("token 1 has no bytes"));
  EXPECT_THAT(refusal(trie({{std::string(2000, 'a'), 1}})), HasSubstr("2000 bytes, at most"));
  json::object normalized = trie({{"a", 1}});
  normalized["normalizer"] = {{"type", "NFC"}};
  EXPECT_THAT(refusal(normalized, ErrorKind::unsupported), HasSubstr("a normalizer of type 'NFC'"));
  json::object listed = trie({{"a", 1}});
  listed["model"].as_object()["vocab"] = {"a"};
  EXPECT_THAT(refusal(listed), HasSubstr("\"model.vocab\" is missing or no object"));
  json::object added = trie({{"a", 0}});
  EXPECT_THAT(refusal(added), HasSubstr("'<|endoftext|>' is another token's"));
  EXPECT_THAT(refusal({{"1", "a"}, {"x", "b"}}), HasSubstr("'x' stands where ids do and is none"));
  EXPECT_THAT(refusal({{"1", json::array{256}}}), HasSubstr("token '1' holds what is no byte"));
  EXPECT_THAT(refusal({{"1", json::array{}}}), HasSubstr("token 1 has no bytes"));
  EXPECT_THAT(refusal({{"1", true}}), HasSubstr("token '1' is neither"));
  EXPECT_THAT(
      thrown(ErrorKind::bad_file, [] { parse_json_tokenizer(std::string((16 << 20) + 1, '{'), "t.json"); }),
      HasSubstr("at most 16 MiB"));
}

}  // namespace
}  // namespace fulmar
