// The POSIX half of child_process.h.
#ifndef _WIN32
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "base/child_process.h"

extern char** environ;

namespace fulmar {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t most_output = size_t{64} << 10;

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
}

// Both ends are closed in programs that are started.
bool make_pipe(int (&ends)[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC) == 0;
#else
  if (pipe(ends) != 0) return false;
  for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
  return true;
#endif
}

// Answers the error, or 0.
int start(const std::filesystem::path& program, const std::vector<std::string>& arguments, int output,
          pid_t& child) {
  std::vector<char*> words{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#if defined(__APPLE__)
  flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
  posix_spawn_file_actions_addinherit_np(&actions, 2);
#elif defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 34)
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);  // a server's sockets among them
#endif
#endif
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&usual, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, flags);
  const int error = posix_spawn(&child, program.c_str(), &actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// Until the other end is closed; false when the time is up.
bool read_all(int from, std::string& output, Clock::time_point end) {
  for (;;) {
    pollfd wanted{from, POLLIN, 0};
    const int ready = poll(&wanted, 1, milliseconds_until(end));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    char part[4096];
    const ssize_t count = read(from, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    output.append(part,
                  std::min(static_cast<size_t>(count), most_output - std::min(most_output, output.size())));
  }
}

// False when it has not ended in time.
bool wait_until_ended(pid_t child, int& status, Clock::time_point end) {
  for (;;) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return true;
    if (ended < 0 && errno != EINTR) {  // somebody else heard of its end
      status = SIGKILL;
      return true;
    }
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

bool is_fault(int number) {
  for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS})
    if (number == fault) return true;
  return false;
}

}  // namespace

ChildEnd run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                   double seconds) {
  ChildEnd end;
  const auto cannot = [&](int error) {
    end.why = std::system_category().message(error);
    return end;
  };
  signal(SIGCHLD, SIG_DFL);  // whoever started this process may have had such ends ignored, and they be lost
  int ends[2];
  if (!make_pipe(ends)) return cannot(errno);
  pid_t child = -1;
  const int error = start(program, arguments, ends[1], child);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return cannot(error);
  }
  const auto limit = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(std::min(seconds, 86400.0)));
  int status = 0;
  const bool in_time = read_all(ends[0], end.output, limit) && wait_until_ended(child, status, limit);
  close(ends[0]);
  if (!in_time) {
    kill(child, SIGKILL);
    wait_until_ended(child, status, Clock::now() + std::chrono::seconds(2));
    end.how = ChildEnd::How::timed_out;
  } else if (WIFEXITED(status)) {
    end.how = ChildEnd::How::exited;
    end.code = WEXITSTATUS(status);
  } else {
    end.code = WTERMSIG(status);
    end.how = is_fault(end.code) ? ChildEnd::How::crashed : ChildEnd::How::stopped;
  }
  return end;
}

}  // namespace fulmar
#endif
