// The standard streams on POSIX and Windows; see terminal.h.
#include "base/terminal.h"

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#else
#include <unistd.h>
#endif

namespace fulmar {

#ifdef _WIN32

bool is_terminal(StandardStream stream) {
  return _isatty(static_cast<int>(stream)) != 0;
}

void use_binary_streams() {
  _setmode(0, _O_BINARY);
  _setmode(1, _O_BINARY);
}

#else

bool is_terminal(StandardStream stream) {
  return isatty(static_cast<int>(stream)) != 0;  // stdin, stdout and stderr are 0, 1 and 2
}

void use_binary_streams() {}

#endif

}  // namespace fulmar
