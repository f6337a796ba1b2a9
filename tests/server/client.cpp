// The test client over Asio; a deadline on every wait turns a hang into a failure.
#include "server/client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <cstdlib>
#include <deque>
#include <utility>

#include "server/documented.h"

namespace fulmar::test {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct Client::Impl {
  asio::io_context io;
  tcp::socket socket{io};
  std::string unread;
  struct Asked {
    std::string method, target;
  };
  std::deque<Asked> asked;  // and not answered yet
  bool is_known = true;     // what they are is known, for none was sent as bytes

  // More bytes into `unread`; false at the end, on an error, or after ten seconds.
  bool read_some() {
    char bytes[65536];
    size_t got = 0;
    socket.async_read_some(asio::buffer(bytes), [&](error_code, size_t count) { got = count; });
    io.restart();
    io.run_for(std::chrono::seconds(10));
    if (!io.stopped()) {
      socket.cancel();
      io.run();
      timed_out = true;
    }
    unread.append(bytes, got);
    return got > 0;
  }
  bool fill(size_t count) {
    while (unread.size() < count)
      if (!read_some()) return false;
    return true;
  }
  // Up to and without the next CRLF.
  bool line(std::string& out) {
    size_t end;
    while ((end = unread.find("\r\n")) == std::string::npos)
      if (!read_some()) return false;
    out = unread.substr(0, end);
    unread.erase(0, end + 2);
    return true;
  }
  bool write(std::string_view bytes) {
    error_code error;  // the server may close early; the answer tells
    asio::write(socket, asio::buffer(bytes.data(), bytes.size()), error);
    return !error;
  }
  // Of what was asked first.
  void check(const Answer& answer) {
    if (asked.empty() || answer.status == 100) return;
    const Asked one = std::move(asked.front());
    asked.pop_front();
    if (!is_known || !answer.complete) return;
    const auto type = answer.headers.find("content-type");
    EXPECT_EQ("", undocumented(one.method, one.target, answer.status, type == answer.headers.end() ? "" : type->second, answer.body));
  }
  bool timed_out = false;
};

std::vector<std::string> Answer::events() const {
  std::vector<std::string> all;
  for (size_t at = 0; at < body.size();) {
    const size_t end = body.find("\n\n", at);
    if (body.compare(at, 7, "event: ") == 0) at = body.find('\n', at) + 1;  // its name stands in its data too
    if (end == std::string::npos || body.compare(at, 6, "data: ") != 0)
      return {"broken framing: " + body.substr(at)};
    all.push_back(body.substr(at + 6, end - at - 6));
    at = end + 2;
  }
  return all;
}

Client::Client(uint16_t port, bool is_described) : impl_(std::make_unique<Impl>()) {
  impl_->is_known = is_described;
  impl_->socket.connect({asio::ip::address_v4::loopback(), port});
}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;

bool Client::send(std::string_view bytes) {
  impl_->is_known = false;
  return impl_->write(bytes);
}

void Client::send(std::string_view method, std::string_view path, std::string_view body,
                  std::string_view more_headers) {
  std::string message = fmt::format("{} {} HTTP/1.1\r\nHost: test\r\n{}", method, path, more_headers);
  if (!body.empty())
    message += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  message += "\r\n";
  message += body;
  impl_->asked.push_back({std::string(method), std::string(path)});
  impl_->write(message);
}

Answer Client::receive(bool bodiless) {
  Answer answer;
  std::string line;
  if (!impl_->line(line) || line.size() < 12) return answer;
  answer.status = std::atoi(line.c_str() + 9);
  while (impl_->line(line) && !line.empty()) {
    const size_t colon = line.find(':');
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = line.substr(std::min(line.size(), colon + 2));
  }
  if (bodiless || answer.status == 204 || answer.status == 100) {
    answer.complete = true;
  } else if (answer.headers.contains("content-length")) {
    const size_t length = std::stoul(answer.headers["content-length"]);
    answer.complete = impl_->fill(length);
    answer.body = impl_->unread.substr(0, length);
    impl_->unread.erase(0, length);
  } else if (answer.headers.contains("transfer-encoding")) {
    while (impl_->line(line)) {
      const size_t length = std::stoul(line, nullptr, 16);
      if (!impl_->fill(length + 2)) break;
      answer.body += impl_->unread.substr(0, length);
      impl_->unread.erase(0, length + 2);
      if (length > 0) continue;
      answer.complete = true;
      break;
    }
  } else {
    while (impl_->read_some()) {
    }
    answer.body = std::exchange(impl_->unread, {});
    answer.complete = true;
  }
  if (!bodiless) impl_->check(answer);
  return answer;
}

void Client::receive_bytes(size_t count) {
  impl_->fill(count);
}

bool Client::closed_by_server() {
  while (impl_->read_some()) impl_->unread.clear();
  return !impl_->timed_out;
}

void Client::end_sending() {
  error_code ignored;
  impl_->socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void Client::close() {
  error_code ignored;
  impl_->socket.close(ignored);
}

void Client::shrink_receive_buffer() {
  impl_->socket.set_option(asio::socket_base::receive_buffer_size(4096));
}

Answer Client::get(std::string_view path) {
  send("GET", path);
  return receive();
}

Answer Client::post(std::string_view path, std::string_view body) {
  send("POST", path, body);
  return receive();
}

}  // namespace fulmar::test
