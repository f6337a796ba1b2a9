// Work in a process of its own, for what may crash or hang the process it runs in, as graphics drivers do.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace fulmar {

struct ChildEnd {
  enum class How {
    exited,       // by itself
    crashed,      // by a fault of its own: a wrong access, an abort
    timed_out,    // it was ended for taking too long
    stopped,      // somebody else ended it: Ctrl-C, the system short of memory
    not_started,  // see `why`
  };
  How how = How::not_started;
  int code = 0;        // exited: the exit code; crashed: the signal, on Windows the exception
  std::string output;  // what it wrote to stdout, 64 KiB at most
  std::string why;
};

// Runs a program with nothing on stdin and this process's stderr, and returns when it has ended, or soon
// after `seconds`: a process that a driver holds fast in the kernel is left behind.
ChildEnd run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                   double seconds);

// What to start for such work, before the words that say which; no program where nobody named one. main()
// names its own, since only it knows what its words mean.
struct HelperCommand {
  std::filesystem::path program;
  std::vector<std::string> words;
};
void set_helper_command(HelperCommand command);
const HelperCommand& helper_command();

// For such a process: a crash leaves no core file and opens no window, and it ends after `seconds` by itself,
// whatever became of the one that started it.
void behave_as_helper(double seconds);

}  // namespace fulmar
