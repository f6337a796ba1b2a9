// A set of characters as the byte sequences of their UTF-8.
#pragma once
#include <vector>

#include "text/grammar.h"

namespace fulmar {

struct Utf8Ranges {
  // One of these bytes, then one of the tails first, ..., first + count - 1; none: the character ends.
  struct Lead {
    ByteSet bytes;
    uint32_t first = 0, count = 0;  // in tails
  };

  explicit Utf8Ranges(const CodePointSet& set);

  ByteSet ascii;
  std::vector<Lead> leads, tails;
};

}  // namespace fulmar
