// Work in a process of its own: its end is told apart, whatever it is, and no end is waited for in vain.
#ifndef _WIN32  // it takes a shell to make a process crash and hang
#include "base/child_process.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/platform.h"

namespace fulmar {
namespace {

using How = ChildEnd::How;

ChildEnd shell(const std::string& script, double seconds = 60) {
  return run_child("/bin/sh", {"-c", script, "name", "a word", "\"quotes\""}, seconds);
}

TEST(ChildProcess, ItsOutputAndExitCodeComeBack) {
  const ChildEnd end = shell("echo one; echo \"$1 $2\"; exit 7");
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.code, 7);
  EXPECT_EQ(end.output, "one\na word \"quotes\"\n");
}

TEST(ChildProcess, ACrashIsToldFromAnInterruption) {
  EXPECT_EQ(shell("echo before; kill -SEGV $$").how, How::crashed);
  EXPECT_EQ(shell("echo before; kill -SEGV $$").output, "before\n");
  EXPECT_EQ(shell("kill -ABRT $$").how, How::crashed);
  EXPECT_EQ(shell("kill -INT $$").how, How::stopped) << "Ctrl-C goes to every process of a terminal";
  EXPECT_EQ(shell("kill -KILL $$").how, How::stopped) << "the system short of memory";
}

TEST(ChildProcess, AHangEndsWithTheTime) {
  EXPECT_EQ(shell("exec sleep 1000", 0.2).how, How::timed_out);
  EXPECT_EQ(shell("exec sleep 1000 >/dev/null", 0.2).how, How::timed_out) << "one that closed its output";
  EXPECT_EQ(shell("while :; do echo words; done", 0.2).how, How::timed_out);
}

TEST(ChildProcess, EndlessOutputIsCut) {
  const ChildEnd end =
      shell("i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done");
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.output.size(), size_t{64} << 10);
}

TEST(ChildProcess, AMissingProgramIsNamedByTheSystem) {
  const ChildEnd end = run_child("/nonexistent/program", {}, 60);
  if (end.how == How::exited) GTEST_SKIP() << "this system tells only by exit code 127";
  EXPECT_EQ(end.how, How::not_started);
  EXPECT_FALSE(end.why.empty());
}

TEST(ChildProcess, NothingOfThisProcessIsOpenThere) {
  const ChildEnd end = shell("cat; ls /dev/fd 2>/dev/null | wc -l");
  EXPECT_EQ(end.how, How::exited) << "nothing comes on stdin";
#ifdef __linux__
  EXPECT_LE(std::stoi(end.output), 4) << "three streams, and the folder that ls reads";
#endif
}

TEST(ProgramPath, IsThisTest) {
  EXPECT_NE(program_path().filename().string().find("test_base"), std::string::npos);
  EXPECT_EQ(program_folder(), program_path().parent_path());
}

}  // namespace
}  // namespace fulmar
#endif
