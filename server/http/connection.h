// One connection: reads requests, asks the route table, writes answers, and notices when the client goes
// away.
//
// connection.cpp is the connection's life and the order of things, connection_read.cpp what comes in,
// connection_write.cpp what goes out.
#pragma once
#include <algorithm>
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
#include <string_view>
#include <unordered_map>

#include "http/access.h"
#include "http/blocks.h"
#include "http/head.h"
#include "http/refusal.h"
#include "http/server.h"
#include "http/turns.h"
#include "http/workers.h"

namespace fulmar::http {

namespace asio = boost::asio;
class Connection;

// What the connections of a server share.
struct Shared {
  Shared(ServerOptions given, Router table)
      : options(std::move(given)),
        keys(options.keys ? options.keys : std::make_shared<Keys>(options.password)),
        router(std::move(table)),
        workers(options.limits.waiting),
        large_reads(std::max(2u, options.threads) - 1) {}
  const ServerOptions options;
  const std::shared_ptr<const Keys> keys;
  const Router router;
  Workers workers;
  Turns large_reads;  // one thread less than there are: it is there for whoever else comes
  std::optional<Access> access;  // before the first connection
  std::atomic<bool> draining{false};
  std::atomic<size_t> body_bytes{0};  // of all bodies, as Limits::bodies_bytes counts
  std::mutex mutex;                   // for `open`
  std::unordered_map<Connection*, std::weak_ptr<Connection>> open;
};

// All members run on the socket's executor, a strand, unless said otherwise.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static void start(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared, bool refuse);
  Connection(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);
  ~Connection();

  // From any thread. Ends the connection if it waits between two requests.
  void drain();
  // From any thread. Ends the connection whatever it does.
  void close();

 private:
  struct Incoming;  // the request, and the memory its body takes
  struct Pace;      // at which a body comes

  asio::awaitable<void> run(bool full);
  asio::awaitable<bool> exchange();  // one request and its answer; false: end the connection
  void handle(std::shared_ptr<Incoming> in);
  static void answer(Incoming& in, const std::shared_ptr<Reply>& reply) noexcept;
  void log_request() const;

  // Reading.
  asio::awaitable<bool> await_first_byte();
  asio::awaitable<bool> read_head(Incoming& in);
  std::optional<Response> answer_to_head(Incoming& in);
  std::optional<Failure> check_access(const Incoming& in);
  std::optional<Failure> check_route(Incoming& in);
  Response answer_to_options(const Incoming& in);
  std::optional<Response> set_most_body(Incoming& in);
  asio::awaitable<bool> read_body(Incoming& in);
  void keep(Incoming& in, std::string_view piece);
  asio::awaitable<bool> read_more();       // for what is incomplete; throws a Refusal when it never comes
  void keep_pace(const Incoming& in, Pace& pace);
  asio::awaitable<size_t> read(size_t most);  // into the buffer; 0: failed, ended, or the time is over
  asio::awaitable<size_t> read_in_turn();     // the same for connections that send much
  asio::awaitable<void> linger();
  void watch();
  asio::awaitable<void> stop_watching();
  std::string_view unread() const;

  // Writing.
  asio::awaitable<void> refuse(Response response);  // with which the connection ends
  asio::awaitable<void> send_reply(Reply& reply);
  asio::awaitable<bool> send(std::string_view bytes);
  std::string lines_of(const Response& response);  // of its head, that every answer has

  // The time for what is waited for; when it is over, that is cancelled.
  void arm(std::chrono::milliseconds time);
  void arm_until(std::chrono::steady_clock::time_point until);
  void disarm();
  // Looks at the clock: a read that was complete when its time ran out could not be cancelled any more.
  bool over() const { return std::chrono::steady_clock::now() >= until_; }

  std::shared_ptr<Shared> shared_;
  asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;  // read and not yet parsed
  asio::steady_timer wake_;           // cancelled when something happened elsewhere
  asio::steady_timer deadline_;
  std::chrono::steady_clock::time_point until_ = std::chrono::steady_clock::time_point::max();
  bool idle_ = false;      // waits between two requests
  bool first_ = true;      // no request has come yet
  bool closing_ = false;   // by the server
  bool ended_ = false;     // the client sends no more
  bool watching_ = false;  // a read is under way while the answer is made
  bool gone_ = false;      // it found that the client has left

  // Of the request being answered.
  std::shared_ptr<Reply> reply_;
  std::string method_, path_;  // for the log
  std::string id_;             // the request's name
  HolderPtr who_;              // whose key or password it came with; null: nobody's
  std::chrono::steady_clock::time_point started_;
  std::string cors_;           // lines for the answer's head
  Wording wording_;            // of errors
  Traffic* traffic_ = nullptr;  // of the route, where that is counted
  int status_ = 0;             // 0: no answer was begun
  bool head_only_ = false, keep_alive_ = false, old_version_ = false;
  bool whole_ = false;         // the answer was given to the system, every byte
};

// What the parts of a connection share with each other and nobody else.
constexpr size_t kRead = 64 << 10;  // bytes asked of the socket at once
constexpr size_t kFirst = 4 << 10;  // the same where only little is expected: most connections are idle
// How often what is waited for is looked after: its wake-up is lost where memory runs out.
constexpr std::chrono::seconds kLook{1};

struct Connection::Incoming {
  explicit Incoming(std::shared_ptr<Shared> with)
      : shared(std::move(with)), body(shared->options.limits, shared->body_bytes) {}

  std::shared_ptr<Shared> shared;
  Head head;
  Request request;  // its body is put together where it is handled
  Match match;
  size_t most_body = 0;  // bytes that it may have
  Blocks body;
};

}  // namespace fulmar::http
