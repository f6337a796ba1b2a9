// What the operating system answers: files are mapped or refused by name, replaced whole or not at all.
#include "base/platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <random>

#include "base/atomic_file.h"
#include "base/dynamic_library.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "fulmar/error.h"

namespace fulmar {
namespace {

class Files : public testing::Test {
 protected:
  Files() { std::filesystem::create_directories(folder); }
  ~Files() override { std::filesystem::remove_all(folder); }
  void write(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::string text_of(const MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  }
  static std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("fulmar_base_" + std::to_string(std::random_device{}()));
};

TEST_F(Files, AMappedFileHoldsItsBytes) {
  const auto path = folder / "caf\u00e9 model.bin";
  const std::string text(100'000, 'x');
  write(path, text);
  const MappedFile file(path);
  file.advise_sequential();
  EXPECT_EQ(text_of(file), text);
  file.release(file.bytes().subspan(5, 90'000));
  file.release(file.bytes().subspan(7, 3));
  EXPECT_EQ(text_of(file), text);
}

#ifndef _WIN32
TEST_F(Files, AFileThatShrinksUnderAProgramEndsItWithASentence) {
  const auto path = folder / "model.bin", unfinished = folder / "out.bin";
  write(path, std::string(100'000, 'x'));
  EXPECT_EXIT(
      {
        explain_lost_files();
        const MappedFile file(path);
        AtomicFile out(unfinished, AtomicFile::Existing::refuse);
        std::filesystem::resize_file(path, 10);
        const volatile std::byte lost = file.bytes()[50'000];
        std::exit(static_cast<int>(lost));
      },
      testing::ExitedWithCode(1),
      "fulmar: .*model.bin: the file changed .* rename the new file over the old one");
  size_t left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++left;
  EXPECT_EQ(left, 1u) << "the temporary file is gone";
}

TEST_F(Files, ABusErrorOfAnotherKindIsNotExplained) {
  EXPECT_EXIT(
      {
        explain_lost_files();
        std::raise(SIGBUS);
        std::raise(SIGBUS);  // a real one happens again by itself
      },
      testing::KilledBySignal(SIGBUS), "^$");
}

TEST_F(Files, AFileChangedInPlaceIsNoticedAndARenamedOneIsHarmless) {
  const auto path = folder / "model.bin", next = folder / "next.bin";
  write(path, "one");
  write(next, "two");
  std::filesystem::last_write_time(path,
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  {
    const MappedFile file(path);
    FileWatch watch;
    EXPECT_EQ(changed_mapped_file(), "");
    EXPECT_EQ(watch.news(), "");
    std::filesystem::rename(next, path);
    EXPECT_EQ(changed_mapped_file(), "");
    EXPECT_EQ(text_of(file), "one");
  }
  const MappedFile file(path);
  write(path, "2wo");
  std::filesystem::last_write_time(path,
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(changed_mapped_file(), path.string());
  FileWatch watch;
  EXPECT_EQ(watch.news(), path.string());
  EXPECT_EQ(watch.news(), "") << "said once";
}
#endif

TEST_F(Files, WhatCannotBeMappedIsNamed) {
  const auto refusal = [](const std::filesystem::path& path, ErrorKind kind) -> std::string {
    try {
      const MappedFile file(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind);
      return error.what();
    }
    return "nothing was thrown";
  };
  write(folder / "empty", "");
  EXPECT_EQ(refusal(folder / "empty", ErrorKind::bad_file),
            to_utf8(folder / "empty") + ": the file is empty");
  EXPECT_EQ(refusal(folder, ErrorKind::bad_file), to_utf8(folder) + ": is a directory, not a file");
  EXPECT_EQ(refusal(folder / "none", ErrorKind::not_found), to_utf8(folder / "none") + ": no such file");
  EXPECT_EQ(refusal("", ErrorKind::not_found), ": no such file");
}

TEST_F(Files, AReplacedFileIsWholeAndNothingElseIsLeft) {
  const auto path = folder / "cache.bin";
  replace_file(path, bytes("first"));
  EXPECT_EQ(read(path), "first");
  replace_file(path, bytes("second, longer"));
  EXPECT_EQ(read(path), "second, longer");
  replace_file(path, {});
  EXPECT_EQ(read(path), "");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST_F(Files, AFailedReplacementLeavesNothingBehind) {
  EXPECT_THROW(replace_file(folder / "none" / "cache.bin", bytes("x")), Error);
  const auto target = folder / "folder";
  std::filesystem::create_directories(target / "inside");
  try {
    replace_file(target, bytes("x"));
    ADD_FAILURE() << "a folder was replaced by a file";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(to_utf8(target)));
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST(Platform, ThisProcessIsDescribed) {
  EXPECT_TRUE(std::filesystem::is_directory(program_folder()));
  EXPECT_GE(usable_cores(), 1u);
}

#ifndef _WIN32
TEST(Platform, TheFoldersOfAUserFollowTheEnvironment) {
  setenv("XDG_CACHE_HOME", "/var/cache/me", 1);
  setenv("XDG_DATA_HOME", "/var/data/me", 1);
  EXPECT_EQ(cache_folder(), "/var/cache/me/fulmar");
  EXPECT_EQ(data_folder(), "/var/data/me/fulmar");
  setenv("XDG_CACHE_HOME", "relative", 1);
  setenv("XDG_DATA_HOME", "relative", 1);
  setenv("HOME", "/people/me", 1);
#ifndef __APPLE__
  EXPECT_EQ(cache_folder(), "/people/me/.cache/fulmar");
  EXPECT_EQ(data_folder(), "/people/me/.local/share/fulmar");
#endif
  for (const char* variable : {"XDG_CACHE_HOME", "XDG_DATA_HOME", "HOME"}) unsetenv(variable);
  EXPECT_TRUE(cache_folder().empty());
  EXPECT_TRUE(data_folder().empty());
}

TEST(Platform, APrivateFolderIsItsUsersAlone) {
  const auto above = std::filesystem::path(testing::TempDir()) / "private_folder";
  std::filesystem::remove_all(above);
  const auto folder = above / "between" / "fulmar";
  EXPECT_TRUE(make_private_folder(folder));
  EXPECT_EQ(std::filesystem::status(folder).permissions(), std::filesystem::perms::owner_all);
  std::filesystem::permissions(folder, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  EXPECT_TRUE(make_private_folder(folder)) << "one that is there stays as its user has it";
  EXPECT_NE(std::filesystem::status(folder).permissions(), std::filesystem::perms::owner_all);
  std::ofstream(folder / "file") << "x";
  EXPECT_FALSE(make_private_folder(folder / "file"));
  EXPECT_FALSE(make_private_folder(folder / "file" / "inside"));
}

TEST(Platform, APrivateFileIsItsUsersAloneAndHasItsRoomOnTheDisk) {
  const auto file = std::filesystem::path(testing::TempDir()) / "private_file";
  std::filesystem::remove(file);
  EXPECT_TRUE(make_private_file(file, 0));
  EXPECT_EQ(std::filesystem::file_size(file), 0u);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(file).permissions(), perms::owner_read | perms::owner_write);
  EXPECT_TRUE(make_private_file(file, 100000));
  EXPECT_TRUE(make_private_file(file, 10)) << "one that is larger stays so";
  EXPECT_EQ(std::filesystem::file_size(file), 100000u);
  EXPECT_FALSE(make_private_file(file / "inside", 0));
  std::filesystem::remove(file);
}

TEST(Platform, ALibraryThatIsThereIsUsedAndOneThatIsNotIsExplained) {
  std::string why;
#ifdef __APPLE__
  constexpr const char* names[] = {"libfulmar_none.dylib", "libSystem.B.dylib"};
#else
  constexpr const char* names[] = {"libfulmar_none.so.1", "libm.so.6"};
#endif
  auto library = DynamicLibrary::open(names, why);
  ASSERT_TRUE(library) << why;
  EXPECT_EQ(why, "");
  EXPECT_EQ(library->name(), names[1]);
  DynamicLibrary moved = std::move(*library);
  const auto cosine = moved.function<double (*)(double)>("cos");
  ASSERT_NE(cosine, nullptr);
  EXPECT_EQ(cosine(0.0), 1.0);
  EXPECT_EQ(moved.function<void (*)()>("fulmar_no_such_symbol"), nullptr);
  EXPECT_FALSE(DynamicLibrary::open(std::span(names).first(1), why));
  EXPECT_THAT(why, testing::HasSubstr("libfulmar_none"));
}
#endif

TEST(Log, LinesGoToStderrAsTheLevelSaysAndNeverToStdout) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  set_log_level("warning");
  log_error("a {} failed", "step");
  log_info("not said");
  set_log_level("off");
  log_error("not said either");
  set_log_level("info");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::AllOf(testing::HasSubstr("error"), testing::EndsWith(" a step failed\n"),
                             testing::Not(testing::HasSubstr("not said"))));
}

TEST(Log, LevelsHaveNamesAndOthersAreRefused) {
  for (const char* level : {"error", "warning", "debug", "off", "info"}) set_log_level(level);
  EXPECT_TRUE(log_enabled(LogLevel::info));
  EXPECT_FALSE(log_enabled(LogLevel::debug));
  try {
    set_log_level("loud");
    ADD_FAILURE() << "'loud' is no level";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::misuse);
    EXPECT_THAT(error.what(), testing::HasSubstr("error, warning, info, debug, off"));
  }
}

// A server may have more connections than the 1024 files a program usually begins with.
TEST(Platform, DescriptorsAreRaisedAsFarAsAllowedAndNeverLowered) {
  const uint64_t before = raise_descriptor_limit(0);
  EXPECT_GT(before, 0u);
  const uint64_t after = raise_descriptor_limit(before + 1);
  EXPECT_TRUE(after == before || after == before + 1) << before << " became " << after;
  EXPECT_EQ(raise_descriptor_limit(1), after);
}

}  // namespace
}  // namespace fulmar
