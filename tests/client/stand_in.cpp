// Blocking sockets, which the end of a test shuts down.
#include "client/stand_in.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <mutex>
#include <thread>
#include <vector>

namespace fulmar::test {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

class Connection : public Peer {
 public:
  explicit Connection(tcp::socket socket) : socket_(std::move(socket)) {}

  std::string request() override {
    while (unread_.find("\r\n\r\n") == std::string::npos)
      if (!read_some()) return {};
    const size_t head = unread_.find("\r\n\r\n") + 4;
    const size_t field = unread_.find("Content-Length: ");
    const size_t body = field < head ? std::strtoul(unread_.c_str() + field + 16, nullptr, 10) : 0;
    while (unread_.size() < head + body)
      if (!read_some()) return {};
    std::string whole = unread_.substr(0, head + body);
    unread_.erase(0, head + body);
    return whole;
  }
  bool send(std::string_view bytes) override {
    error_code failed;
    asio::write(socket_, asio::buffer(bytes), failed);
    return !failed;
  }
  void wait_until_gone() override {
    while (read_some()) unread_.clear();
  }
  void reset() override {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);  // it is closed when the script returns
  }
  void shut_down() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
  }
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  bool read_some() {
    char bytes[4096];
    error_code failed;
    const size_t count = socket_.read_some(asio::buffer(bytes), failed);
    unread_.append(bytes, count);
    return count > 0;
  }

  tcp::socket socket_;
  std::string unread_;
};

}  // namespace

struct StandIn::Impl {
  asio::io_context io;
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  uint16_t port = acceptor.local_endpoint().port();
  Script script;
  std::mutex mutex;  // of what follows
  bool ends = false;
  std::vector<std::shared_ptr<Connection>> connections;
  std::vector<std::thread> threads;
  std::thread listener;

  void listen() {
    for (;;) {
      error_code failed;
      tcp::socket socket = acceptor.accept(failed);
      const std::lock_guard lock(mutex);
      if (failed || ends) return;
      const auto connection = std::make_shared<Connection>(std::move(socket));
      connections.push_back(connection);
      threads.emplace_back([this, connection] {
        script(*connection);
        const std::lock_guard guard(mutex);  // against shut_down() of a closed one
        connection->close();
      });
    }
  }
};

StandIn::StandIn(Script script) : impl_(std::make_unique<Impl>()) {
  impl_->script = std::move(script);
  impl_->listener = std::thread([impl = impl_.get()] { impl->listen(); });
}

StandIn::~StandIn() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ends = true;
    for (const auto& connection : impl_->connections) connection->shut_down();
  }
  error_code ignored;
  tcp::socket(impl_->io).connect({asio::ip::address_v4::loopback(), impl_->port}, ignored);  // ends accept()
  impl_->listener.join();
  for (std::thread& thread : impl_->threads) thread.join();
}

std::string StandIn::port() const {
  return std::to_string(impl_->port);
}

std::string json_response(int status, std::string_view body) {
  return fmt::format("HTTP/1.1 {} Word\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

std::string stream_head(bool chunked) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n{}\r\n",
                     chunked ? "Transfer-Encoding: chunked\r\n" : "");
}

std::string delta(std::string_view json_text) {
  return fmt::format("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}},\"index\":0,\"finish_reason\":null}}]}}\n\n", json_text);
}

std::string chunk(std::string_view bytes) {
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

}  // namespace fulmar::test
