// The three standard streams: whether a person is watching, and bytes unchanged.
#pragma once

namespace fulmar {

enum class StandardStream { in, out, error };

bool is_terminal(StandardStream stream);

// Where the system translates line ends on stdin and stdout (Windows), it stops to; call before the first
// use.
void use_binary_streams();

}  // namespace fulmar
