// One connection: reads requests, asks the route table, writes answers, and notices when the client goes
// away.
#pragma once
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "http/server.h"

namespace fulmar::http {

namespace asio = boost::asio;
class Session;

// What the sessions of a server share.
struct Shared {
  Shared(ServerOptions given, Router table) : options(std::move(given)), router(std::move(table)) {}
  const ServerOptions options;
  const Router router;
  std::atomic<bool> draining{false};
  std::mutex mutex;  // for `open`
  std::unordered_map<Session*, std::weak_ptr<Session>> open;
};

// All members run on the socket's executor, a strand, unless said otherwise.
class Session : public std::enable_shared_from_this<Session> {
 public:
  static void start(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared, bool refuse);
  Session(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);
  ~Session();

  // From any thread. Ends the connection if it waits between two requests.
  void drain();
  // From any thread. Ends the connection whatever it does.
  void close();

 private:
  struct Incoming;  // the parser and what was read off its head
  struct Refusal;   // an error answer after which the connection ends

  asio::awaitable<void> run();
  asio::awaitable<void> refuse(Refusal refusal);
  asio::awaitable<bool> exchange();  // one request and its answer; false: end the connection
  asio::awaitable<bool> await_first_byte();
  asio::awaitable<bool> feed(Incoming& incoming, bool whole);
  void take_head(Incoming& in);
  std::optional<Response> answer_to_head(Incoming& in);
  asio::awaitable<bool> read_body(Incoming& in);
  void handle(Incoming& in);
  asio::awaitable<void> send_reply(Reply& reply);
  asio::awaitable<void> watch(Reply& reply);
  asio::awaitable<bool> send(std::string_view bytes);
  asio::awaitable<void> linger();

  void arm(std::chrono::milliseconds time);
  void disarm();

  std::shared_ptr<Shared> shared_;
  asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;  // read and not yet parsed
  asio::steady_timer wake_;           // never expires; cancelled when the Reply has something
  asio::steady_timer deadline_;
  uint64_t armed_ = 0;  // tells a deadline that fired late from the present one
  bool timed_out_ = false, idle_ = false, closing_ = false, first_ = true;

  // Of the request being answered.
  std::shared_ptr<Reply> reply_;
  bool head_only_ = false, keep_alive_ = false, old_version_ = false, sent_ = false;
};

}  // namespace fulmar::http
