// The store's file when it is opened: what is no store is left alone, and two servers do not share one.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "state/sessions.h"
#include "state/sqlite.h"

namespace fulmar {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;

std::string bytes_in(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The error of opening `file`; nothing where it opens.
std::optional<Error> refusal(const std::string& file) {
  StoreOptions options;
  options.file = file;
  try {
    StateStore::open(options);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

TEST(StoreFile, WhatIsNoStoreIsRefusedAndStaysAsItIs) {
  const Folder folder;
  const auto foreign = [&](const char* sql) {
    return [&folder, sql](const std::string& file) { Database(file).run(sql, ""); };
  };
  const auto text = [](const char* words) {
    return [words](const std::string& file) { std::ofstream(file, std::ios::binary) << words; };
  };
  const struct {
    const char* name;
    std::function<void(const std::string&)> make;
    ErrorKind kind;
    const char* sentence;
  } files[] = {
      {"text", text("these are no sessions"), ErrorKind::bad_file, "is no store of sessions (no SQLite database)"},
      {"head", text("SQLite format 3"), ErrorKind::bad_file, "is no store of sessions"},
      {"other", foreign("CREATE TABLE mine(a)"), ErrorKind::bad_file, "is another program's database"},
      {"other-log", foreign("PRAGMA journal_mode=WAL; CREATE TABLE mine(a)"), ErrorKind::bad_file, "another program's"},
      {"newer", [](const std::string& file) {
         StoreOptions options;
         options.file = file;
         StateStore::open(options);
         Database(file).run("PRAGMA user_version=4", "");
       }, ErrorKind::bad_file, "is a store of sessions of version 4, and this program knows 3: a newer one wrote it"},
  };
  for (const auto& [name, make, kind, sentence] : files) {
    const std::string file = folder.file(name);
    make(file);
    const std::string before = bytes_in(file);
    const auto error = refusal(file);
    ASSERT_TRUE(error) << name;
    EXPECT_EQ(error->kind(), kind) << name;
    EXPECT_THAT(error->what(), AllOf(HasSubstr(file), HasSubstr(sentence))) << name;
    EXPECT_EQ(bytes_in(file), before) << name;
    EXPECT_FALSE(std::filesystem::exists(file + "-wal")) << name;
  }
  EXPECT_THAT(refusal(folder.path().string())->what(), HasSubstr("it is no file"));
  EXPECT_THAT(refusal(folder.file("none/sessions.db"))->what(), HasSubstr("sessions cannot be kept here"));
  std::ofstream(folder.file("empty"));
  EXPECT_FALSE(refusal(folder.file("empty")));
}

TEST(StoreFile, ASecondServerIsTurnedAway) {
  const Folder folder;
  for (int round = 0; round < 2; ++round) {  // a new file, and one that is there
    const auto store = StateStore::open(in(folder));
    say(*store, "a", {round});
    const auto error = refusal(folder.file());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::unavailable);
    EXPECT_THAT(error->what(), AllOf(HasSubstr(folder.file()), HasSubstr("another program has this store"), HasSubstr("--sessions")));
    EXPECT_FALSE(say(*store, "b", {round}).error);
  }
  EXPECT_FALSE(refusal(folder.file()));
}

TEST(StoreFile, NoneMeansMemoryOnly) {
  const Folder folder;
  StoreOptions options;
  options.file = "none";
  const auto store = StateStore::open(options);
  EXPECT_FALSE(say(*store, "a", {1}).error);
  EXPECT_EQ(store->stats().file_bytes, 0u);
  EXPECT_FALSE(std::filesystem::exists("none"));
}

}  // namespace
}  // namespace fulmar
