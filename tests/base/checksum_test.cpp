// The checksum is the published one, on whatever machine a file was written.
#include "base/checksum.h"

#include <gtest/gtest.h>

#include <string_view>

namespace fulmar {
namespace {

uint64_t sum(std::string_view text, uint64_t seed = 0) {
  return checksum64(std::as_bytes(std::span(text)), seed);
}

TEST(Checksum, IsXxh64) {
  EXPECT_EQ(sum(""), 0xef46db3751d8e999u);
  EXPECT_EQ(sum("a"), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(sum("abc"), 0x44bc2cf5ad770999u);
  EXPECT_EQ(sum("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1u);
  EXPECT_NE(sum("abc", 1), sum("abc"));
}

}  // namespace
}  // namespace fulmar
