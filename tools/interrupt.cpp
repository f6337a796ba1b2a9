// Signals of the C library; see interrupt.h.
#include "interrupt.h"

namespace fulmar::tools {
namespace {

volatile std::sig_atomic_t noted = 0;

extern "C" void note_interrupt(int) {
  noted = 1;
}

}  // namespace

CatchInterrupt::CatchInterrupt(Signals signals) : signals_(signals) {
  noted = 0;
  previous_interrupt_ = std::signal(SIGINT, note_interrupt);
  if (signals_ == Signals::interrupt_and_terminate)
    previous_terminate_ = std::signal(SIGTERM, note_interrupt);
}

CatchInterrupt::~CatchInterrupt() {
  std::signal(SIGINT, previous_interrupt_);
  if (signals_ == Signals::interrupt_and_terminate) std::signal(SIGTERM, previous_terminate_);
}

bool CatchInterrupt::interrupted() const {
  return noted != 0;
}

}  // namespace fulmar::tools
