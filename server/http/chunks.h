// The chunked transfer coding (RFC 9112 section 7.1), taken apart as it comes.
#pragma once
#include <cstdint>
#include <string_view>

#include "http/syntax.h"

namespace fulmar::http {

class Chunks {
 public:
  // Extensions and trailers are read and forgotten, up to so many bytes of them in one body.
  explicit Chunks(size_t most_overhead) : most_overhead_(most_overhead) {}

  // Takes framing off the front of `bytes`, and with it the body bytes that follow, which it returns. Empty:
  // the body is done(), or more bytes are needed. Throws a Refusal.
  std::string_view next(std::string_view& bytes);
  bool done() const { return where_ == Where::done; }

 private:
  enum class Where { size, data, data_end, trailers, done };

  void take_size(std::string_view line);
  void take_trailer(std::string_view line);
  void spend(size_t bytes, size_t waiting);

  const size_t most_overhead_;
  size_t spent_ = 0;
  Lines lines_;
  Where where_ = Where::size;
  uint64_t left_ = 0;  // of the chunk
};

}  // namespace fulmar::http
