// Vocabulary files: what Python would read is read, and everything else is refused with the line at fault.
#include "text/vocabulary.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "helpers.h"

namespace fulmar {
namespace {

using test::thrown;
using testing::HasSubstr;

std::string first_token(const std::string& file) {
  const Vocabulary vocabulary = parse_world_syntax(file, "v.txt");
  return std::string(vocabulary.bytes(vocabulary.entries.at(0)));
}

TEST(Vocabulary, LiteralsMeanWhatPythonMeans) {
  const struct {
    const char* line;
    std::string bytes;
  } cases[] = {
      {R"(0 'a' 1)", "a"},
      {R"(0 "it's" 4)", "it's"},
      {R"(0 'say "x"' 7)", "say \"x\""},
      {R"(0 ' ' 1)", " "},
      {R"(0 ' two  spaces ' 13)", " two  spaces "},
      {R"(0 '\n\t\r\\\'\"' 6)", "\n\t\r\\'\""},
      {R"(0 '\a\b\f\v' 4)", "\a\b\f\v"},
      {R"(0 '\x41\x7f' 2)", "A\x7f"},
      {R"(0 '\x80' 2)", "\xc2\x80"},
      {R"(0 b'\x80\xFF' 2)", "\x80\xff"},
      {R"(0 B"\x00" 1)", std::string(1, '\0')},
      {R"(0 u'a' 1)", "a"},
      {R"(0 '\u00e9' 2)", "\xc3\xa9"},
      {R"(0 '\u4e2d' 3)", "\xe4\xb8\xad"},
      {R"(0 '\U0001F600' 4)", "\xf0\x9f\x98\x80"},
      {"0 '\xe4\xb8\xad' 3", "\xe4\xb8\xad"},
      {R"(0 '\101\0\18' 4)", std::string("A\0\1"
                                         "8",
                                         4)},
      {R"(0 b'\377' 1)", "\xff"},
      {R"(0 '\377' 2)", "\xc3\xbf"},
      {R"(0 '\d' 2)", "\\d"},
      {R"(0 b'\u0041' 6)", "\\u0041"},
      {"0 'a' 1\r\n", "a"},
      {"\xef\xbb\xbf"
       "0 'a' 1\n",
       "a"},
      {"\n0\t'a'  1  \n\n", "a"},
  };
  for (const auto& [line, bytes] : cases) EXPECT_EQ(first_token(line), bytes) << line;
}

TEST(Vocabulary, DamagedLinesAreRefusedByNumberAndReason) {
  const struct {
    const char* file;
    const char* message;
  } cases[] = {
      {"", "v.txt: the vocabulary has no tokens"},
      {"\n  \n", "v.txt: the vocabulary has no tokens"},
      {"1 'a' 1\n'b' 1\n", "v.txt:2: the id (the line's first field) is missing"},
      {"-1 'a' 1", "v.txt:1: the id"},
      {"1048576 'a' 1", "v.txt:1: id 1048576 is past 1048575"},
      {"99999999999 'a' 1", "v.txt:1: the id (the line's first field) is too large"},
      {"1'a' 1", "v.txt:1: expected a space after the id"},
      {"1", "v.txt:1: expected a space after the id"},
      {"1 ", "v.txt:1: expected a Python literal"},
      {"1 a 1", "v.txt:1: expected a Python literal"},
      {"1 r'a' 1", "v.txt:1: expected a Python literal"},
      {"1 'a 1", "v.txt:1: the literal is not closed"},
      {"1 'a\\", "v.txt:1: the literal ends after a backslash"},
      {"1 'a\\' 2", "v.txt:1: the literal is not closed"},
      {"1 '\\x4' 1", "v.txt:1: \\x needs 2 hexadecimal digits"},
      {"1 '\\u12' 1", "v.txt:1: \\u needs 4 hexadecimal digits"},
      {"1 '\\U00110000' 4", "v.txt:1: U+110000 is past the last character"},
      {"1 '\\ud800' 3", "v.txt:1: U+D800 is half of a surrogate pair"},
      {"1 '\\N{DASH}' 3", "v.txt:1: \\N{...} is not supported"},
      {"1 b'\\400' 1", "v.txt:1: an octal escape in bytes is past \\377"},
      {"1 b'\xc3\xa9' 2", "v.txt:1: a bytes literal holds a character that is not ASCII"},
      {"1 '\xff' 1", "v.txt:1: the literal of 1 bytes is not UTF-8"},
      {"1 '' 0", "v.txt:1: token 1 has no bytes"},
      {"1 'a'", "v.txt:1: the byte length (the line's last field) is missing"},
      {"1 'a' 2", "v.txt:1: token 1 has 1 bytes, but the line says 2"},
      {"1 '\xc3\xa9' 1", "v.txt:1: token 1 has 2 bytes, but the line says 1"},
      {"1 'a' 1 x", "v.txt:1: expected nothing after the byte length"},
      {"1 'a' 1\n2 'b' 1\n1 'c' 1\n", "v.txt:3: the id of token 1 was already given on line 1"},
      {"1 'a' 1\n2 b'a' 1\n", "v.txt:2: the text of token 2 was already given on line 1"},
      {"2 'a' 1\n1 'a' 1\n", "v.txt:2: the text of token 1 was already given on line 1"},
  };
  for (const auto& [file, message] : cases) {
    EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { parse_world_syntax(file, "v.txt"); }),
                testing::StartsWith(message))
        << file;
  }
}

TEST(Vocabulary, ManyBrokenFilesNeverCrashTheReader) {
  std::mt19937 random(5);
  const std::string pieces[] = {"1",   " ", "'", "\"", "b'", "\\",   "\\x", "\\u",
                                "\\U", "a", "9", "\n", "\r", "\xff", "''"};
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string file;
    for (unsigned i = random() % 12; i > 0; --i) file += pieces[random() % std::size(pieces)];
    try {
      parse_world_syntax(file, "v.txt");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_file);
      ++refused;
    }
  }
  EXPECT_GT(refused, 15000);
}

TEST(Vocabulary, FilesThatAreNoneAreRefused) {
  EXPECT_THAT(thrown(ErrorKind::not_found, [] { open_tokenizer("/no/such/vocab.txt"); }),
              HasSubstr("/no/such/vocab.txt: no such vocabulary file"));
  const std::string folder = std::filesystem::temp_directory_path().string();
  EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { open_tokenizer(folder); }), HasSubstr("this is a folder"));
}

TEST(Vocabulary, HugeFilesAreRefusedBeforeTheyFillTheMemory) {
  const test::ScratchFile file(std::string(max_vocabulary_bytes + 1, '\n'));
  EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { open_tokenizer(file.path()); }),
              HasSubstr("may have at most 64 MiB"));
}

// ---- the compact table ----

uint64_t fnv1a(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// A table around `payload` whose header fits it.
std::string table(uint32_t count, std::string_view payload) {
  std::string out(vocabulary_magic);
  const auto put = [&](uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  };
  put(count, 4), put(payload.size(), 4), put(fnv1a(payload), 8);
  return out.append(payload);
}

TEST(VocabularyTable, FrontCodedTokensComeBack) {
  using namespace std::string_view_literals;
  const Vocabulary vocabulary = parse_vocabulary_table(table(3,
                                                             "\x07\x00\x02"
                                                             "ab"
                                                             "\x83\x01\x02\x01"
                                                             "c"
                                                             "\x00\x00\x01"
                                                             "\xff"sv),
                                                       "v");
  ASSERT_EQ(vocabulary.entries.size(), 3u);
  const std::string_view expected[] = {"ab", "abc", "\xff"};
  const Token ids[] = {7, 131, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(vocabulary.bytes(vocabulary.entries[i]), expected[i]);
    EXPECT_EQ(vocabulary.entries[i].token, ids[i]);
  }
}

TEST(VocabularyTable, DamageIsNamed) {
  using namespace std::string_view_literals;
  const std::string good = table(2,
                                 "\x01\x00\x01"
                                 "a"
                                 "\x02\x00\x01"
                                 "b"sv);
  EXPECT_EQ(parse_vocabulary_table(good, "v").entries.size(), 2u);
  std::string flipped = good, wrong_size = good;
  flipped.back() = 'c';
  wrong_size[12] = 99;
  const struct {
    std::string file;
    const char* message;
  } cases[] = {
      {good.substr(0, 4), "cut short"},
      {good.substr(0, 20), "cut short"},
      {good.substr(0, good.size() - 1), "the header says 8"},
      {good + "x", "the header says 8"},
      {wrong_size, "the header says 99"},
      {flipped, "checksum"},
      {table(0, ""), "0 tokens cannot be in 0 bytes"},
      {table(0xffffffff,
             "\x01\x00\x01"
             "a"sv),
       "4294967295 tokens cannot be in 4 bytes"},
      {table(1,
             "\x01\x00\x01"
             "a"
             "\x02\x00\x01"
             "b"sv),
       "left over"},
      {table(2,
             "\x01\x00\x01"
             "b"
             "\x02\x00\x01"
             "a"sv),
       "not sorted"},
      {table(2,
             "\x01\x00\x01"
             "a"
             "\x02\x00\x01"
             "a"sv),
       "not sorted"},
      {table(2,
             "\x01\x00\x01"
             "a"
             "\x02\x01\x00\x00"sv),
       "not sorted"},
      {table(2,
             "\x01\x00\x01"
             "a"
             "\x01\x00\x01"
             "b"sv),
       "id 1 is given twice"},
      {table(2,
             "\x01\x00\x01"
             "a"
             "\x02\x05\x01"
             "b"sv),
       "shares more bytes"},
      {table(1,
             "\x01\x00\x7f"
             "a"sv),
       "cut short"},
      {table(1,
             "\x80\x80\x80\x08\x00\x01"
             "a"sv),
       "id 16777216 is too large"},
      {table(1,
             "\xff\xff\xff\xff\xff\x00\x01"
             "a"sv),
       "more than 32 bits"},
      {table(1, "\x01\xff\xff\xff"sv), "cut short"},
  };
  for (const auto& [file, message] : cases) {
    EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { parse_vocabulary_table(file, "v"); }), HasSubstr(message));
  }
}

TEST(VocabularyTable, AFileThatGrowsWithoutEndIsRefused) {
  // Each token is the one before and a byte: n records of a few bytes would become n^2 / 2 bytes.
  std::string payload;
  const auto put = [&](uint32_t value) {
    for (; value > 0x7f; value >>= 7) payload.push_back(static_cast<char>(value & 0x7f) | '\x80');
    payload.push_back(static_cast<char>(value));
  };
  constexpr uint32_t count = 20000;
  for (uint32_t i = 0; i < count; ++i) put(i), put(i), put(1), payload.push_back('a');
  EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { parse_vocabulary_table(table(count, payload), "v"); }),
              HasSubstr("too long"));
}

// Each byte of a text may go over as many bytes as the longest token has.
TEST(Vocabulary, TokensLongerThanAnyTextNeedsAreRefusedWhereverTheyComeFrom) {
  const std::string longest(max_token_bytes, 'a'), longer = longest + "b";
  const auto line = [](const std::string& token) { return fmt::format("1 '{}' {}", token, token.size()); };
  EXPECT_EQ(first_token(line(longest)), longest);
  EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { parse_world_syntax(line(longer), "v"); }),
              HasSubstr("v:1: token 1 has 1025 bytes, at most 1024 are read"));
  EXPECT_NO_THROW(make_tokenizer({"a", longest}, -1, "v"));
  EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { make_tokenizer({"a", longer}, -1, "v"); }),
              HasSubstr("v: token 1 has 1025 bytes"));
  const std::string wide(1000, 'x');
  std::vector<std::string> many;
  for (int i = 0; i < 17'000; ++i) many.push_back(wide + std::to_string(i));
  EXPECT_THAT(thrown(ErrorKind::bad_file, [&] { make_tokenizer(many, -1, "v"); }), HasSubstr("at most 16 MiB"));
}

}  // namespace
}  // namespace fulmar
