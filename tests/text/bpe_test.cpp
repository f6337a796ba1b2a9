// Byte-pair encoding: the ids that Pile models were trained on, texts that come back, hostile files refused.
#include "text/bpe.h"

#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "bpe_helpers.h"
#include "helpers.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

namespace fulmar {
namespace {

namespace json = boost::json;
using test::bpe_file;
using test::Merges;
using test::random_bytes;
using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const Tokenizer> tokenizer_of(const json::value& file) {
  return parse_tokenizer(json::serialize(file), "t.json");
}

const std::string pile_file = FULMAR_SOURCE_DIR "/../shared/tokenizer/20B_tokenizer.json";

TEST(Bpe, PileVectorsAgree) {
  std::ifstream file(FULMAR_SOURCE_DIR "/../shared/tokenizer/20B_test_vectors.json");
  if (!file) GTEST_SKIP() << "the test vectors are not here: " << pile_file;
  std::stringstream content;
  content << file.rdbuf();
  const auto tokenizer = open_tokenizer(pile_file);
  EXPECT_EQ(tokenizer->size(), 50277);
  EXPECT_EQ(tokenizer->end_of_text(), 0);
  const json::value vectors = json::parse(content.str());
  for (const json::value& test : vectors.at("cases").as_array()) {
    const std::string text = test.at("text").as_string().c_str();
    EXPECT_EQ(tokenizer->encode(text), json::value_to<std::vector<Token>>(test.at("ids"))) << text;
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  }
}

bool never_in_utf8(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0xc0 || byte == 0xc1 || byte >= 0xf5;
}

TEST(Bpe, AnyBytesThatThePileVocabularyHasComeBack) {
  if (!std::filesystem::exists(pile_file)) GTEST_SKIP() << "the vocabulary is not here: " << pile_file;
  const auto tokenizer = open_tokenizer(pile_file);
  std::mt19937 random(3);
  int lacking = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    lacking += never_in_utf8(text[0]);
    if (never_in_utf8(text[0])) {
      EXPECT_THAT(thrown(ErrorKind::bad_request, [&] { tokenizer->encode(text); }),
                  HasSubstr("is in no token"));
    } else {
      EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text) << byte;
    }
  }
  EXPECT_EQ(lacking, 13);
  for (int i = 0; i < 500; ++i) {
    std::string text = random_bytes(random, random() % 300);
    for (char& c : text) {
      if (never_in_utf8(c)) c = ' ';
    }
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), compose_nfc(text));
  }
}

TEST(Bpe, AnyBytesComeBackThroughAnyMerges) {
  std::mt19937 random(4);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> known;
    for (const char* text : {"a", "b", " ", "\n", "'", "\xc3", "\xa9", "\xcc", "\x81", "\xff", "1"})
      known.push_back(text);
    Merges merges;
    for (int i = 0; i < 60; ++i) {
      const std::string left = known[random() % known.size()], right = known[random() % known.size()];
      if (std::ranges::find(merges, std::pair(left, right)) != merges.end()) continue;
      merges.emplace_back(left, right);
      known.push_back(left + right);
    }
    const auto tokenizer = tokenizer_of(bpe_file(merges, {{"<|endoftext|>", 900, false}}, round % 2 != 0));
    for (int i = 0; i < 50; ++i) {
      std::string text = random_bytes(random, random() % 40);
      for (unsigned pieces = random() % 20; pieces > 0; --pieces) text += known[random() % known.size()];
      EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), round % 2 != 0 ? compose_nfc(text) : text);
    }
  }
}

// The definition: again and again the pair whose merge comes first, the leftmost of those.
std::vector<std::string> naive_merge(std::vector<std::string> parts, const Merges& merges) {
  for (;;) {
    std::size_t best = merges.size(), at = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = std::ranges::find(merges, std::pair(parts[i], parts[i + 1]));
      const auto rank = static_cast<std::size_t>(found - merges.begin());
      if (rank < best) best = rank, at = i;
    }
    if (best == merges.size()) return parts;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(Bpe, PairsMergeInTheOrderOfTheirList) {
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> known = {"a", "b", "c"};
    Merges merges;
    for (int i = 0; i < 25; ++i) {
      const std::pair pair(known[random() % known.size()], known[random() % known.size()]);
      if (std::ranges::find(merges, pair) != merges.end()) continue;
      merges.push_back(pair);
      if (std::ranges::find(known, pair.first + pair.second) == known.end())
        known.push_back(pair.first + pair.second);
    }
    std::ranges::shuffle(merges, random);  // a result may now be wanted before it can be made
    const auto tokenizer = tokenizer_of(bpe_file(merges));
    for (int i = 0; i < 30; ++i) {
      std::vector<std::string> parts;
      std::string text;
      for (unsigned length = random() % 40; length > 0; --length) {
        parts.emplace_back(1, "abc"[random() % 3]);
        text += parts.back();
      }
      std::vector<std::string> got;
      for (const Token token : tokenizer->encode(text)) got.emplace_back(tokenizer->bytes(token));
      EXPECT_EQ(got, naive_merge(parts, merges));
    }
  }
}

TEST(Bpe, AMegabyteOfOneLetterTakesNoQuadraticTime) {
  Merges merges;
  for (std::string half = "a"; half.size() < 64; half += half) merges.emplace_back(half, half);
  const auto tokenizer = tokenizer_of(bpe_file(merges));
  const std::vector<Token> tokens = tokenizer->encode(std::string((1 << 20) + 3, 'a'));
  ASSERT_EQ(tokens.size(), (1u << 14) + 2);
  EXPECT_EQ(tokenizer->bytes(tokens[0]).size(), 64u);
  EXPECT_EQ(tokenizer->bytes(tokens.back()).size(), 1u);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(std::string(1 << 20, ' '))), std::string(1 << 20, ' '));
}

TEST(Bpe, WordsAreThoseOfThePattern) {
  const struct {
    const char* text;
    std::size_t length;
  } cases[] = {
      {"word and", 4},
      {" word", 5},
      {"  word", 1},
      {"   word", 2},
      {" ", 1},
      {"   ", 3},
      {"\n\nx", 1},
      {"\nx", 1},
      {"\n x", 1},
      {" \nx", 1},
      {"x1", 1},
      {"12x", 2},
      {" 12", 3},
      {"'s", 2},
      {"'sx", 2},
      {"'Sx", 1},
      {"'rex", 3},
      {"'ll", 3},
      {"'l", 1},
      {"'x", 1},
      {"''s", 2},
      {" 's", 2},
      {"!?x", 2},
      {" !x", 2},
      {"\u00e9t\u00e9 x", 5},
      {" \u4e2d\u6587\u3002", 7},
      {"\u3000x", 3},
      {"\u00a0 x", 2},
      {"\xff\xfex", 2},
      {" \xff", 2},
      {"\u00bd1a", 3},
      {"a\u0301", 1},
      {"\t \u2028", 5},
  };
  for (const auto& [text, length] : cases) EXPECT_EQ(first_word(text), length) << text;
}

TEST(Bpe, SpecialTokensInWhatPeopleWroteAreText) {
  const auto tokenizer = tokenizer_of(
      bpe_file({{"a", "b"}}, {{"<|endoftext|>", 300, false, true}, {"  ", 301, true}}, false));
  const std::string text = "ab<|endoftext|>  ";
  EXPECT_THAT(tokenizer->encode(text), testing::ElementsAre(256, 300, 301));
  const std::vector<Token> plain = tokenizer->encode_plain(text);
  EXPECT_THAT(plain, testing::Not(testing::Contains(300)));
  EXPECT_EQ(plain.back(), 301);  // tokens for blanks are no special ones
  EXPECT_EQ(tokenizer->decode(plain), text);
}

TEST(Bpe, AddedTokensAreFoundWhereverTheyStand) {
  const auto tokenizer = tokenizer_of(bpe_file(
      {{"a", "b"}},
      {{"<|endoftext|>", 300, false}, {"  ", 301, true}, {"   ", 302, true}, {"\u00e9\u00e9", 303, true}}));
  EXPECT_EQ(tokenizer->end_of_text(), 300);
  EXPECT_EQ(tokenizer->size(), 304);
  EXPECT_EQ(tokenizer->bytes(299), "");
  EXPECT_THAT(tokenizer->encode("ab<|endoftext|>ab"), ElementsAre(256, 300, 256));
  EXPECT_THAT(tokenizer->encode("a     b"), ElementsAre('a', 302, 301, 'b'));
  EXPECT_THAT(tokenizer->encode("e\u0301e\u0301"), ElementsAre(303));
  EXPECT_EQ(tokenizer->decode(std::vector<Token>{300, 302, 256}), "<|endoftext|>   ab");
}

TEST(Bpe, CharactersSplitOverTokensAreShownWhole) {
  Detokenizer detokenizer(tokenizer_of(bpe_file({{"\xf0", "\x9f"}})));
  EXPECT_EQ(detokenizer.push(256), "");
  EXPECT_EQ(detokenizer.push(0x98), "");
  EXPECT_EQ(detokenizer.push(0x80), "\U0001f600");
  EXPECT_EQ(detokenizer.push(0xff), "\ufffd");
  EXPECT_EQ(detokenizer.push(256), "");
  EXPECT_EQ(detokenizer.finish(), "\ufffd");
}

TEST(Bpe, MergesOfNewerFilesAreRead) {
  json::object file = bpe_file({{"a", "b"}});
  file["model"].at("merges") = json::array{json::array{"a", "b"}};
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array{json::object{{"type", "NFC"}}}}};
  EXPECT_THAT(tokenizer_of(file)->encode("abe\u0301"), ElementsAre(256, 0xc3, 0xa9));
}

TEST(Bpe, FilesTooLargeToParseAreRefusedBeforeTheyFillTheMemory) {
  std::string file(max_bpe_json_bytes + 1, ' ');
  file[0] = '{';
  EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { parse_tokenizer(file, "t.json"); }),
              HasSubstr("t.json: a vocabulary in JSON may have at most 16 MiB"));
}

TEST(Bpe, HostileFilesAreRefusedWithTheirReason) {
  const auto edited = [](auto&& edit) {
    json::object file = bpe_file({{"a", "b"}}, {{"<x>", 300, false}});
    edit(file);
    return json::serialize(file);
  };
  const auto model = [](json::object& file) -> json::object& { return file["model"].as_object(); };
  const auto vocab = [&](json::object& file) -> json::object& { return model(file)["vocab"].as_object(); };
  const auto merges = [&](json::object& file) -> json::array& { return model(file)["merges"].as_array(); };
  const auto added = [&](json::object& file) -> json::object& {
    return file["added_tokens"].as_array()[0].as_object();
  };
  using File = json::object&;
  const struct {
    std::string file;
    const char* message;
  } bad[] = {
      {"{", "t.json: damaged JSON near byte 1"},
      {"{}x", "t.json: damaged JSON"},
      {"{\"a\": \"\xff\"}", "t.json: damaged JSON"},
      {"{\"a\": \"\\ud800\"}", "t.json: damaged JSON"},
      {"{\"a\": \"\\x\"}", "t.json: damaged JSON"},
      {"{\"a\":" + std::string(100000, '['), "t.json: damaged JSON"},
      {"{}", "\"model\" is missing"},
      {edited([&](File f) { f["model"] = 3; }), "\"model\" is missing or no object"},
      {edited([&](File f) { f.erase("pre_tokenizer"); }), "\"pre_tokenizer\" is missing"},
      {edited([&](File f) { model(f).erase("vocab"); }), "\"model.vocab\" is missing"},
      {edited([&](File f) { vocab(f).clear(); }), "the vocabulary has no tokens"},
      {edited([&](File f) { vocab(f)["x"] = 1e300; }), "the id of token 'x' is no number"},
      {edited([&](File f) { vocab(f)["x"] = -1; }), "the id of token 'x' is no number"},
      {edited([&](File f) { vocab(f)["x"] = int64_t{1} << 40; }), "is past 1048575"},
      {edited([&](File f) { vocab(f)["x"] = UINT64_MAX; }), "the id of token 'x' is no number"},
      {edited([&](File f) { vocab(f)[""] = 400; }), "token 400 has no bytes"},
      {edited([&](File f) { vocab(f)["ba"] = 256; }), "the id 256 of token 'ba' was already given to 'ab'"},
      {edited([&](File f) { model(f).erase("merges"); }), "\"model.merges\" is missing"},
      {edited([&](File f) { merges(f).emplace_back("a b"); }),
       "merge 1 of 'a' and 'b' was already given as merge 0"},
      {edited([&](File f) { merges(f).emplace_back("b a"); }), "merge 1 needs 'ba', which is no token"},
      {edited([&](File f) { merges(f).emplace_back("ab"); }), "merge 1 is not two tokens"},
      {edited([&](File f) { merges(f).emplace_back(" ab"); }), "merge 1 needs '', which is no token"},
      {edited([&](File f) { merges(f).emplace_back("a b c"); }), "merge 1 is not two tokens"},
      {edited([&](File f) { merges(f).emplace_back(7); }), "merge 1 is not two tokens"},
      {edited([&](File f) { f["added_tokens"] = 1; }), "\"added_tokens\" is no list"},
      {edited([&](File f) { f["added_tokens"] = {1}; }), "an added token is no object"},
      {edited([&](File f) { added(f)["content"] = ""; }), "an added token has no content"},
      {edited([&](File f) { added(f)["content"] = std::string(1025, 'x'); }), "an added token has 1025 bytes"},
      {edited([&](File f) { added(f).erase("id"); }), "the id of token '<x>' is no number"},
      {edited([&](File f) { added(f)["id"] = 97; }), "the id 97 of the added token '<x>' is another token's"},
      {edited([&](File f) { added(f)["content"] = "ab"; }), "the added token 'ab' has id 300, but 256"},
      {edited([&](File f) {
         f["added_tokens"].as_array().push_back({{"id", 301}, {"content", "<x>"}});
       }),
       "the added token '<x>' is given twice"},
  };
  for (const auto& [file, message] : bad) {
    EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { parse_tokenizer(file, "t.json"); }), HasSubstr(message));
  }
  const struct {
    std::string file;
    const char* message;
  } unsupported[] = {
      {edited([&](File f) { model(f)["type"] = "Unigram"; }), "a model of type 'Unigram'"},
      {edited([&](File f) { model(f)["byte_fallback"] = true; }), "byte_fallback"},
      {edited([&](File f) { model(f)["end_of_word_suffix"] = "</w>"; }), "end_of_word_suffix"},
      {edited([&](File f) {
         f["normalizer"] = {{"type", "Lowercase"}};
       }),
       "a normalizer of type 'Lowercase'"},
      {edited([&](File f) {
         f["normalizer"] = {{"type", "Sequence"}};
       }),
       "a normalizer of type 'Sequence'"},
      {edited([&](File f) {
         f["pre_tokenizer"] = {{"type", "Metaspace"}};
       }),
       "'Metaspace'"},
      {edited([&](File f) { f["pre_tokenizer"].as_object()["add_prefix_space"] = true; }),
       "add_prefix_space"},
      {edited([&](File f) { added(f)["lstrip"] = true; }), "lstrip of the added token '<x>'"},
      {edited([&](File f) { vocab(f)["\u2581the"] = 299; }), "not in the byte alphabet"},
  };
  for (const auto& [file, message] : unsupported) {
    EXPECT_THAT(thrown(ErrorKind::unsupported, [&] { parse_tokenizer(file, "t.json"); }), HasSubstr(message));
  }
}

}  // namespace
}  // namespace fulmar
