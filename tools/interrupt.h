// Ctrl-C as something to ask about, where ending the program at once would leave work behind.
#pragma once
#include <csignal>

namespace fulmar::tools {

// While it lives, Ctrl-C is noted instead of ending the program; so is, if asked for, a request to end.
class CatchInterrupt {
 public:
  enum class Signals { interrupt, interrupt_and_terminate };
  explicit CatchInterrupt(Signals signals);
  ~CatchInterrupt();
  CatchInterrupt(const CatchInterrupt&) = delete;
  CatchInterrupt& operator=(const CatchInterrupt&) = delete;
  bool interrupted() const;

 private:
  void (*previous_interrupt_)(int);
  void (*previous_terminate_)(int) = nullptr;
  Signals signals_;
};

}  // namespace fulmar::tools
