// Whoever logs does not wait for whoever reads, unless the program may end next; what is lost is counted.
#include "base/log_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace fulmar {
namespace {

std::mutex reader;  // held: nobody reads
std::atomic<int> begun{0};
std::mutex lines_mutex;
std::vector<std::string> lines;

void write(LogQueue::Time, LogLevel, std::string_view line) noexcept {
  ++begun;
  const std::lock_guard read(reader);
  const std::lock_guard lock(lines_mutex);
  lines.emplace_back(line);
}

std::vector<std::string> written() {
  const std::lock_guard lock(lines_mutex);
  return lines;
}

class LogQueues : public testing::Test {
 protected:
  LogQueues() {
    lines.clear();
    begun = 0;
  }
};

TEST_F(LogQueues, WithoutAThreadTheCallerWrites) {
  LogQueue queue(write);
  EXPECT_FALSE(queue.put(LogLevel::error, "a"));
  queue.start();
  queue.stop();
  EXPECT_FALSE(queue.put(LogLevel::error, "a"));
}

TEST_F(LogQueues, LinesAreWrittenInOrderUpToTheEnd) {
  LogQueue queue(write);
  queue.start();
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(queue.put(LogLevel::info, std::to_string(i)));
  queue.stop();
  ASSERT_EQ(written().size(), 500u);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(written()[static_cast<size_t>(i)], std::to_string(i));
}

TEST_F(LogQueues, AnErrorIsWrittenBeforeTheCallReturns) {
  LogQueue queue(write, std::chrono::minutes(10));
  queue.start();
  queue.put(LogLevel::info, "before");
  queue.put(LogLevel::error, "the last words");
  EXPECT_THAT(written(), testing::ElementsAre("before", "the last words"));
  queue.stop();
}

TEST_F(LogQueues, WhatNobodyReadsHoldsUpNobodyAndIsCounted) {
  LogQueue queue(write, std::chrono::milliseconds(1));
  {
    const std::lock_guard nobody_reads(reader);
    queue.start();
    queue.put(LogLevel::info, "0");
    while (begun == 0) std::this_thread::yield();
    for (int i = 1; i < 5000; ++i) queue.put(i % 2 ? LogLevel::info : LogLevel::error, std::to_string(i));
  }
  while (written().empty() || !written().back().ends_with("than they were read"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  queue.put(LogLevel::info, "and so on");
  queue.stop();
  const std::vector<std::string> all = written();
  const size_t kept = all.size() - 2;
  EXPECT_EQ(kept, 1025u);  // one in the writer's hands
  for (size_t i = 0; i < kept; ++i) EXPECT_EQ(all[i], std::to_string(i));
  EXPECT_THAT(all[kept], testing::StartsWith(std::to_string(5000 - kept) + " lines"));
  EXPECT_EQ(all.back(), "and so on");
}

}  // namespace
}  // namespace fulmar
