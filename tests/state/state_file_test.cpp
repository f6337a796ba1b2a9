// A state as a file: what is written is read again, and whatever is wrong with one is said.
#include "state/state_file.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/half.h"
#include "state/sessions.h"

namespace fulmar {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

const StatePtr example = feed(nullptr, {1, 2, 3, 4, 5}, 2);

struct Refusal {
  ErrorKind kind = ErrorKind::misuse;
  std::string sentence = "none";
};
Refusal refusal(const Bytes& bytes) {
  try {
    read_state(bytes, "a.state");
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  return {};
}

// The file with other words in its head, whose length is told as it then is.
Bytes with_head(const Bytes& bytes, std::string_view from, std::string_view to) {
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  std::string head(reinterpret_cast<const char*>(bytes.data()) + 8, length);
  const size_t at = head.find(from);
  EXPECT_NE(at, head.npos) << from;
  head.replace(at, from.size(), to);
  length = head.size();
  Bytes made(8 + head.size());
  std::memcpy(made.data(), &length, 8);
  std::memcpy(made.data() + 8, head.data(), head.size());
  made.insert(made.end(), bytes.end() - static_cast<std::ptrdiff_t>(64 * 4 + 2 * 4), bytes.end());
  return made;
}

TEST(StateFile, ReadsWhatItWrote) {
  const ReadState read = read_state(write_state(*example, StatePrecision::f32, "chat \"1\"\xe7\xbe\x8e"), "a.state");
  EXPECT_EQ(read.session, "chat \"1\"\xe7\xbe\x8e");
  EXPECT_EQ(read.precision, StatePrecision::f32);
  EXPECT_EQ(read.state->floats, example->floats);
  EXPECT_EQ(read.state->hash, example->hash);
  EXPECT_TRUE(stands_for(read.state, {1, 2, 3, 4, 5}));
  EXPECT_TRUE(stands_for(feed(read.state, {6}), {1, 2, 3, 4, 5, 6})) << "the hash goes on";
  EXPECT_EQ(write_state(*read.state, StatePrecision::f32, read.session), write_state(*example, StatePrecision::f32, read.session));
}

TEST(StateFile, KeepsAStateThatHasOnlyTokens) {
  const StatePtr unfed = feed(nullptr, {7, 8}, 2);
  const ReadState read = read_state(write_state(*unfed, StatePrecision::f32, ""), "a.state");
  EXPECT_TRUE(stands_for(read.state, {7, 8}));
  EXPECT_TRUE(stands_for(read_state(write_state(*feed(nullptr, {}), StatePrecision::f16, ""), "a.state").state, {}));
}

TEST(StateFile, TakesHalfTheBytesInF16) {
  const ReadState read = read_state(write_state(*example, StatePrecision::f16, "s"), "a.state");
  EXPECT_EQ(read.precision, StatePrecision::f16);
  ASSERT_EQ(read.state->floats.size(), example->floats.size());
  for (size_t i = 0; i < example->floats.size(); ++i)
    EXPECT_EQ(read.state->floats[i], f16_to_f32(f32_to_f16(example->floats[i])));
}

TEST(StateFile, WritesNoNumberThatItsFormatCannotHold) {
  State state(*example);
  state.floats[5] = 70000;
  EXPECT_NO_THROW(write_state(state, StatePrecision::f32, ""));
  EXPECT_THROW(write_state(state, StatePrecision::f16, ""), Error);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    state.floats[5] = bad;
    EXPECT_THROW(write_state(state, StatePrecision::f32, ""), Error);
  }
}

TEST(StateFile, SaysWhatIsWrongWithAFile) {
  const Bytes good = write_state(*example, StatePrecision::f32, "chat");
  const std::string hash = example->hash.value().hex();
  const std::string other_hash = (hash[0] == '0' ? "1" : "0") + hash.substr(1);
  const struct {
    std::string from, to, sentence;
    ErrorKind kind = ErrorKind::bad_file;
  } damages[] = {
      {"\"format\":\"fulmar state\"", "\"format\":\"pt\"", "is no state that was exported"},
      {"\"format\"", "\"Format\"", "\"format\" is \"missing\""},
      {"\"version\":\"1\"", "\"version\":\"2\"", "is a state of version 2, and this program knows 1", ErrorKind::unsupported},
      {"\"version\":\"1\"", "\"version\":\"0\"", "\"version\" is 0"},
      {"\"version\":\"1\"", "\"version\":\" 1\"", "expected a whole number"},
      {"\"version\":\"1\"", "\"version\":1", "\"version\" is not a string"},
      {"\"fingerprint\"", "\"fingerprints\"", "\"fingerprint\" is missing"},
      {"00112233445566778899aabbccddeeff", "00112233445566778899AABBCCDDEEFF", "32 digits of hexadecimal"},
      {"00112233445566778899aabbccddeeff", "0011", "32 digits of hexadecimal"},
      {"00112233445566778899aabbccddeeff", "10112233445566778899aabbccddeeff", "is damaged: its checksum"},
      {"\"fed\":\"3\"", "\"fed\":\"-3\"", "\"fed\" is \"-3\", expected a whole number"},
      {"\"fed\":\"3\"", "\"fed\":\"99999999999999999999\"", "expected a whole number"},
      {"\"fed\":\"3\"", "\"fed\":\"9223372036854775807\"", "expected a whole number"},
      {"\"fed\":\"3\"", "\"fed\":\"3e1\"", "expected a whole number"},
      {"\"fed\":\"3\"", "\"fed\":\"4\"", "is damaged: its checksum"},
      {hash, other_hash, "is damaged: its checksum"},
      {hash, "", "32 digits of hexadecimal"},
      {"\"session\":\"chat\"", "\"session\":\"chats\"", "is damaged: its checksum"},
      {"\"session\":\"chat\"", "\"session\":\"a\\u0000b\"", "\"session\" is no name"},
      {"\"session\":\"chat\"", "\"session\":\"" + std::string(300, 'x') + "\"", "\"session\" is no name"},
      {"\"session\"", "\"sessions\"", "\"session\" is missing"},
      {"\"checksum\"", "\"sum\"", "\"checksum\" is missing"},
      {"\"dtype\":\"F32\",\"shape\":[64]", "\"dtype\":\"I32\",\"shape\":[64]", "state holds i32, but the metadata says f32"},
      {"\"dtype\":\"F32\",\"shape\":[64]", "\"dtype\":\"F64\",\"shape\":[64]", "take 512"},
      {"\"dtype\":\"F32\",\"shape\":[64]", "\"dtype\":\"F32\",\"shape\":[8,8]", "expected one extent"},
      {"\"shape\":[64]", "\"shape\":[4611686018427387904]", "more than any file holds"},
      {"\"dtype\":\"F32\",\"shape\":[64]", "\"dtype\":\"F16\",\"shape\":[128]", "state holds f16, but the metadata says f32"},
      {"\"precision\":\"f32\"", "\"precision\":\"i8\"", "\"precision\" is \"i8\", expected f32 or f16"},
      {"\"dtype\":\"I32\",\"shape\":[2]", "\"dtype\":\"F32\",\"shape\":[2]", "unfed holds f32, expected I32"},
      {"\"data_offsets\":[0,256]", "\"data_offsets\":[0,99999]", "is it cut short?"},
      {"\"data_offsets\":[256,264]", "\"data_offsets\":[0,8]", "overlap"},
      {"\"state\":{", "\"blocks.0.att.time_state\":{", "is no part of a state"},
      {"\"unfed\":{", "\"state\":{", "two tensors are named state"},
      {"{", "[", "is no state"},
  };
  for (const auto& damage : damages) {
    const Refusal refused = refusal(with_head(good, damage.from, damage.to));
    EXPECT_EQ(refused.kind, damage.kind) << damage.to;
    EXPECT_THAT(refused.sentence, AllOf(testing::StartsWith("a.state: "), HasSubstr(damage.sentence))) << damage.to;
    EXPECT_LT(refused.sentence.size(), 600u);
  }
  Bytes flipped = good;
  flipped[flipped.size() - 100] ^= std::byte{1};
  EXPECT_THAT(refusal(flipped).sentence, HasSubstr("is damaged: its checksum"));
  State hollow(*example);
  hollow.floats.clear();
  EXPECT_THAT(refusal(write_state(hollow, StatePrecision::f32, "")).sentence, HasSubstr("has no floats"));
  State negative(*example);
  negative.unfed[0] = -1;
  EXPECT_THAT(refusal(write_state(negative, StatePrecision::f32, "")).sentence, HasSubstr("the unfed token -1"));
}

TEST(StateFile, RefusesNumbersThatAreNoneUnderAnHonestChecksum) {
  Bytes bytes = write_state(*example, StatePrecision::f32, "chat");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(&bytes[bytes.size() - 264 + 4 * 10], &nan, 4);
  const std::string damaged = refusal(bytes).sentence;
  const size_t told = damaged.find('"'), real = damaged.find("holds ");
  ASSERT_TRUE(told != damaged.npos && real != damaged.npos);
  const std::string_view words = damaged;
  EXPECT_THAT(refusal(with_head(bytes, words.substr(told + 1, 16), words.substr(real + 6, 16))).sentence,
              HasSubstr("number 10 of the state is nan"));
}

TEST(StateFile, NoByteCanBeLostOrTurned) {
  const Bytes good = write_state(*example, StatePrecision::f32, "chat");
  for (size_t size = 0; size < good.size(); ++size) EXPECT_THROW(read_state(std::span(good).first(size), "a.state"), Error);
  for (size_t at = 0; at < good.size(); ++at)
    for (const int bit : {0, 3, 7}) {
      Bytes bad = good;
      bad[at] ^= static_cast<std::byte>(1 << bit);
      try {
        const ReadState read = read_state(bad, "a.state");
        EXPECT_EQ(write_state(*read.state, read.precision, read.session), good) << at;  // a blank of the head
      } catch (const Error& error) {
        EXPECT_NE(error.kind(), ErrorKind::internal) << error.what();
      }
    }
}

TEST(StateFile, NothingStandsBehindIt) {
  const StatePtr state = feed(nullptr, {1, 2, 3});
  std::vector<std::byte> bytes = write_state(*state, StatePrecision::f32, "chat");
  bytes.resize(bytes.size() + 5);
  try {
    read_state(bytes, "longer");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("expected the"), std::string::npos) << error.what();
  }
}

TEST(StateFile, AForeignStateIsRefusedByWhatDiffers) {
  EXPECT_NO_THROW(refuse_foreign(*example, model, 64, "a.state"));
  const auto sentence = [](const Fingerprint& mine, uint64_t floats) -> std::string {
    try {
      refuse_foreign(*example, mine, floats, "a.state");
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_THAT(sentence({}, 64), HasSubstr("is a state of the model 00112233445566778899aabbccddeeff"));
  EXPECT_THAT(sentence(model, 128), HasSubstr("64 numbers, and this model's has 128"));
}

TEST(TokenHash, IsFnv1aOf128Bits) {
  EXPECT_EQ(TokenHash().value().hex(), "6c62272e07bb014262b821756295c58d");
  TokenHash whole, parts;
  whole.add(std::vector<Token>{1, 70000, 3});
  parts.add(1);
  parts = TokenHash::from(parts.value());
  parts.add(70000);
  parts.add(3);
  EXPECT_EQ(whole, parts);
  TokenHash a;  // "a" and three zero bytes
  a.add('a');
  EXPECT_EQ(a.value().hex(), "697128ab8a757277b806e976f4a3892c");
  EXPECT_FALSE(Bytes16::from_hex("6C62272e07bb014262b821756295c58d"));
  EXPECT_EQ(Bytes16::from_hex(a.value().hex()), a.value());
}

}  // namespace
}  // namespace fulmar
