// Damaged and hostile files, and the one way they must end: refused, with a message that says what is wrong.
#pragma once
#include <string>

#include "fulmar/error.h"

namespace fulmar::test {

struct Hostile {
  std::string name, bytes, message;
  ErrorKind kind = ErrorKind::bad_file;
};

// Opens the file and loads every tensor and the vocabulary, as a user would; checks the error's kind and
// text.
void expect_refused(const Hostile& file);

}  // namespace fulmar::test
