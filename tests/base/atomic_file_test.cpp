// Files that appear whole or not at all.
#include "base/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "fulmar/error.h"

namespace fulmar {
namespace {

using Existing = AtomicFile::Existing;

class AtomicFiles : public testing::Test {
 protected:
  AtomicFiles() { std::filesystem::create_directories(folder); }
  ~AtomicFiles() override { std::filesystem::remove_all(folder); }
  static std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
  std::string content() const {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }
  auto files() const { return std::distance(std::filesystem::directory_iterator(folder), {}); }

  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("fulmar_atomic_" + std::to_string(std::random_device{}()));
  const std::filesystem::path path = folder / "out.bin";
};

TEST_F(AtomicFiles, NothingHasTheNameBeforeEverythingIsWritten) {
  AtomicFile file(path, Existing::refuse);
  file.write(bytes("one, "));
  file.write({});
  file.write(bytes("two"));
  EXPECT_EQ(file.size(), 8u);
  EXPECT_FALSE(std::filesystem::exists(path));
  file.commit();
  EXPECT_EQ(content(), "one, two");
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFiles, WhatIsGivenUpLeavesTheOldFileAndNothingElse) {
  std::ofstream(path) << "old";
  {
    AtomicFile file(path, Existing::replace);
    file.write(bytes("new"));
  }
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFiles, AnExistingFileIsReplacedOnlyWhenAskedFor) {
  std::ofstream(path) << "old";
  EXPECT_THROW(AtomicFile(path, Existing::refuse), Error);
  AtomicFile file(path, Existing::replace);
  file.write(bytes("new"));
  file.commit();
  EXPECT_EQ(content(), "new");
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFiles, AFileThatAppearsMeanwhileIsKept) {
  AtomicFile file(path, Existing::refuse);
  file.write(bytes("new"));
  std::ofstream(path) << "somebody else's";
  EXPECT_THROW(file.commit(), Error);
  EXPECT_EQ(content(), "somebody else's");
}

TEST_F(AtomicFiles, AFullDiskIsForeseen) {
  const AtomicFile file(path, Existing::refuse);
  file.expect(1);
  try {
    file.expect(uint64_t{1} << 60);
    ADD_FAILURE() << "an exbibyte fits";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("out.bin"));
  }
}

TEST_F(AtomicFiles, AMissingFolderIsNamed) {
  EXPECT_THROW(AtomicFile(folder / "none" / "out.bin", Existing::replace), Error);
  EXPECT_THROW(AtomicFile(folder, Existing::replace), Error);
}

}  // namespace
}  // namespace fulmar
