// Files for a moment, random bytes, and what an action throws.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>

#include "fulmar/error.h"

namespace fulmar::test {

// A file that is gone with this object; named after the running test, so that tests can run beside each
// other.
class ScratchFile {
 public:
  explicit ScratchFile(std::string_view content) {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            (std::string("fulmar-") + info->test_suite_name() + "-" + info->name() + ".vocab");
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// "kind: message" of the Error that `action` throws, or "nothing".
template <typename Action>
std::string thrown(ErrorKind expected, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return (error.kind() == expected ? "" : "wrong kind: ") + std::string(error.what());
  }
  return "nothing was thrown";
}

inline std::string random_bytes(std::mt19937& random, std::size_t length) {
  std::string bytes(length, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() & 0xff);
  return bytes;
}

inline std::string shipped_table() {
  return FULMAR_SOURCE_DIR "/models/rwkv-world.vocab";
}

}  // namespace fulmar::test
