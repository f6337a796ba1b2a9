// One HTTP response (RFC 9112) as its bytes come, however they are cut: its head, and its body without the framing.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace fulmar::client::impl {

class ResponseReader {
 public:
  using Body = std::function<void(std::string_view)>;

  // Gives what is of the body to `body`, once the head is there. Throws Failed.
  void take(std::string_view bytes, const Body& body);
  // The connection ended. Throws Failed where that is not where the response ends.
  void end();

  bool done() const { return where_ == Where::done; }
  bool has_head() const { return where_ > Where::head; }
  int status() const { return status_; }
  const std::string& content_type() const { return content_type_; }  // in lower case

 private:
  enum class Where { status, head, length, until_end, chunk_size, chunk, chunk_end, trailers, done };

  // What is in front of a line's end, without it; false: more bytes are needed. All lines of a response share a bound.
  bool take_line(std::string_view& bytes, std::string& line);
  void take_status(const std::string& line);
  void take_field(const std::string& line);
  void end_head();
  void take_chunk_size(const std::string& line);

  Where where_ = Where::status;
  std::string line_;
  size_t head_bytes_ = 0;
  int status_ = 0;
  std::string content_type_;
  bool chunked_ = false, has_length_ = false;
  uint64_t left_ = 0;  // of the body, or of the chunk
};

}  // namespace fulmar::client::impl
