// Tokenizing: the ids that RWKV's models were trained on, and texts that come back unharmed.
#include "text/tokenizer.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <map>
#include <sstream>

#include "helpers.h"

namespace fulmar {
namespace {

using test::random_bytes;
using test::ScratchFile;
using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;

// A vocabulary file with all single bytes (ids from `first`) and random longer tokens over a small alphabet.
std::string random_vocabulary(std::mt19937& random, int first, std::map<std::string, Token>& tokens) {
  for (int byte = 0; byte < 256; ++byte) tokens[std::string(1, static_cast<char>(byte))] = first + byte;
  Token next = first + 256;
  for (int i = 0; i < 400; ++i) {
    std::string text;
    for (unsigned length = 2 + random() % 9; length > 0; --length) text += "ab\xc3\n"[random() % 4];
    if (tokens.emplace(text, next).second) next += 1 + static_cast<Token>(random() % 3);
  }
  std::ostringstream file;
  for (const auto& [text, id] : tokens) {
    file << id << " b'";
    for (const char c : text) {
      const char* digits = "0123456789abcdef";
      file << "\\x" << digits[static_cast<unsigned char>(c) >> 4] << digits[c & 15];
    }
    file << "' " << text.size() << "\n";
  }
  return file.str();
}

std::vector<Token> naive_encode(const std::map<std::string, Token>& tokens, const std::string& text) {
  std::vector<Token> ids;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = std::min<std::size_t>(16, text.size() - at);
    while (!tokens.contains(text.substr(at, length))) --length;
    ids.push_back(tokens.at(text.substr(at, length)));
    at += length;
  }
  return ids;
}

TEST(Tokenizer, TakesTheLongestTokenLikeASearchOverAllOfThem) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    std::map<std::string, Token> tokens;
    const ScratchFile file(random_vocabulary(random, round % 2, tokens));
    const auto tokenizer = open_tokenizer(file.path());
    for (int i = 0; i < 50; ++i) {
      std::string text;
      for (unsigned length = random() % 60; length > 0; --length) text += "ab\xc3\nz"[random() % 5];
      EXPECT_EQ(tokenizer->encode(text), naive_encode(tokens, text));
    }
  }
}

TEST(Tokenizer, AnyBytesComeBack) {
  std::mt19937 random(2);
  std::map<std::string, Token> tokens;
  const ScratchFile file(random_vocabulary(random, 0, tokens));
  for (const std::string& name : {file.path(), std::string("bytes"), test::shipped_table()}) {
    const auto tokenizer = open_tokenizer(name);
    for (int i = 0; i < 300; ++i) {
      const std::string text = random_bytes(random, random() % 200);
      EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text) << name;
    }
  }
}

TEST(Tokenizer, TheShippedTableGivesWorldIds) {
  const auto tokenizer = open_tokenizer(test::shipped_table());
  EXPECT_EQ(tokenizer->size(), 65530);
  EXPECT_EQ(tokenizer->end_of_text(), 0);
  EXPECT_EQ(tokenizer->bytes(0), "");
  EXPECT_EQ(tokenizer->bytes(65530), "");
  EXPECT_EQ(tokenizer->bytes(-1), "");
  EXPECT_EQ(tokenizer->bytes(65529), std::string(128, ' '));
  EXPECT_THAT(tokenizer->encode("User: hello\n\nAssistant:"),
              ElementsAre(24281, 59, 38685, 261, 5585, 41693, 59));
  EXPECT_THAT(tokenizer->encode(""), ElementsAre());
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    EXPECT_THAT(tokenizer->encode({&text, 1}), ElementsAre(byte + 1));
  }
}

TEST(Tokenizer, WorldVectorsOfOtherImplementationsAgree) {
  const std::string path = FULMAR_SOURCE_DIR "/../shared/tokenizer/world_test_vectors.json";
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << "the test vectors are not here: " << path;
  std::stringstream content;
  content << file.rdbuf();
  const boost::json::value vectors = boost::json::parse(content.str());
  const auto tokenizer = open_tokenizer(test::shipped_table());
  int cases = 0;
  const auto check = [&](const std::string& text, const boost::json::value& ids) {
    EXPECT_EQ(tokenizer->encode(text), boost::json::value_to<std::vector<Token>>(ids)) << text;
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
    ++cases;
  };
  for (const auto& test : vectors.at("cases").as_array())
    check(test.at("text").as_string().c_str(), test.at("ids"));
  for (const auto& test : vectors.at("byte_cases").as_array()) {
    const std::string hex = test.at("hex").as_string().c_str();
    std::string text;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      text.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    check(text, test.at("ids"));
  }
  EXPECT_GT(cases, 100);
}

TEST(Tokenizer, TheVocabularyFileAndTheTableAreTheSame) {
  const std::string path = FULMAR_SOURCE_DIR "/../shared/tokenizer/rwkv_vocab_v20230424.txt";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the vocabulary file is not here: " << path;
  const auto from_file = open_tokenizer(path), from_table = open_tokenizer(test::shipped_table());
  ASSERT_EQ(from_file->size(), from_table->size());
  for (Token token = 0; token < from_file->size(); ++token) {
    ASSERT_EQ(from_file->bytes(token), from_table->bytes(token)) << token;
  }
}

TEST(Tokenizer, TokenZeroEndsATextOnlyWhereItHasNoText) {
  const ScratchFile with("0 'a' 1\n5 'b' 1\n");
  EXPECT_EQ(open_tokenizer(with.path())->end_of_text(), -1);
  EXPECT_EQ(open_tokenizer(with.path())->size(), 6);
  EXPECT_EQ(open_tokenizer(with.path())->bytes(3), "");
  const ScratchFile without("1 'a' 1\n");
  EXPECT_EQ(open_tokenizer(without.path())->end_of_text(), 0);
  EXPECT_EQ(open_tokenizer("bytes")->end_of_text(), -1);
  EXPECT_EQ(open_tokenizer("bytes")->size(), 256);
}

TEST(Tokenizer, AByteWithoutATokenIsNamedWithItsPosition) {
  const ScratchFile file("0 'a' 1\n1 'abc' 3\n");
  const auto tokenizer = open_tokenizer(file.path());
  EXPECT_THAT(tokenizer->encode("aabca"), ElementsAre(0, 1, 0));
  EXPECT_THAT(thrown(ErrorKind::bad_request, [&] { tokenizer->encode("aab"); }),
              HasSubstr("byte 0x62 at position 2"));
}

TEST(Tokenizer, AVocabularyFromAModelFileSpeaks) {
  const auto tokenizer = make_tokenizer({"<s>", "a", "ab", "", "\xff", "a", "<s>"}, 0, "m.gguf");
  EXPECT_EQ(tokenizer->end_of_text(), 0);
  EXPECT_EQ(tokenizer->size(), 7);
  EXPECT_EQ(tokenizer->bytes(0), "");
  EXPECT_EQ(tokenizer->bytes(3), "");
  EXPECT_EQ(tokenizer->bytes(5), "a");
  EXPECT_THAT(tokenizer->encode("aab\xff<s>"), ElementsAre(1, 2, 4, 6));
  EXPECT_EQ(make_tokenizer({"a", "b"}, -1, "m.gguf")->end_of_text(), -1);
  EXPECT_THAT(thrown(ErrorKind::bad_file, [] { make_tokenizer({"a"}, 1, "m.gguf"); }),
              HasSubstr("m.gguf: the token that ends a text is 1, but there are 1 tokens"));
  EXPECT_THAT(thrown(ErrorKind::bad_file,
                     [] {
                       make_tokenizer({"", "b"}, 1, "m.gguf");
                     }),
              HasSubstr("m.gguf: the vocabulary has no tokens"));
}

}  // namespace
}  // namespace fulmar
