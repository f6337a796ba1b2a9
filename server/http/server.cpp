// The listener: accepts, counts, and shuts down in two stages.
#include "http/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/log.h"
#include "base/platform.h"
#include "http/connection.h"

namespace fulmar::http {

using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kPause{50};
constexpr std::chrono::seconds kStuck{10};
constexpr double kLongest = 1e9;  // seconds, thirty years: what a duration of nanoseconds holds tenfold

std::vector<std::shared_ptr<Connection>> connections_of(Shared& shared) {
  std::vector<std::shared_ptr<Connection>> all;
  const std::lock_guard lock(shared.mutex);
  for (const auto& [address, weak] : shared.open)
    if (auto connection = weak.lock()) all.push_back(std::move(connection));
  return all;
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions options, Router router)
      : shared(std::make_shared<Shared>(std::move(options), std::move(router))) {}

  void listen();
  void start_threads();
  template <typename Some>
  void run(Some some);
  void keep_accepting();
  asio::awaitable<void> accept(std::shared_ptr<void> until_destroyed);
  void admit(tcp::socket socket);
  void warn(std::string_view problem);
  void close_acceptor();

  std::shared_ptr<Shared> shared;
  bool accepting = false;  // accept() lives; of the listener's thread
  // The listener's own, run by one thread. A strand would not do: where memory runs out while one is put to work it
  // stays locked for ever.
  asio::io_context listening{1};
  asio::io_context io;
  // Until stop() the threads stay, for what is posted to a connection in the moment it ends.
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::executor_work_guard<asio::io_context::executor_type> listening_work{listening.get_executor()};
  tcp::acceptor acceptor{listening};
  asio::steady_timer pause{listening};
  std::chrono::steady_clock::time_point warned{};
  size_t most = 0;  // connections
  uint16_t port = 0;
  std::vector<std::thread> threads;
};

// Starts accept() unless it lives. Asio destroys a coroutine where memory runs out between two of its steps.
void Server::Impl::keep_accepting() {
  if (shared->draining || std::exchange(accepting, true)) return;
  std::shared_ptr<void> lives(nullptr, [this](void*) { accepting = false; });
  asio::co_spawn(listening, accept(std::move(lives)), asio::detached);
}

// Whatever one connection throws, the next is waited for.
asio::awaitable<void> Server::Impl::accept(std::shared_ptr<void>) {
  while (!shared->draining) {
    try {
      error_code error;
      tcp::socket socket = co_await acceptor.async_accept(asio::make_strand(io),
                                                          asio::redirect_error(asio::use_awaitable, error));
      if (shared->draining) break;
      if (!error) {
        admit(std::move(socket));
        continue;
      }
      warn(error.message());  // out of file descriptors, or the client was gone at once
    } catch (const std::exception& error) {
      warn(error.what());
    }
    try {
      error_code ignored;
      pause.expires_after(kPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    } catch (const std::exception&) {
      std::this_thread::sleep_for(kPause);
    }
  }
}

void Server::Impl::admit(tcp::socket socket) {
  size_t open = 0;
  {
    const std::lock_guard lock(shared->mutex);
    open = shared->open.size();
  }
  if (open < most + shared->options.limits.refused) Connection::start(std::move(socket), shared, open >= most);
}

// At most once a second: a client must not fill the log.
void Server::Impl::warn(std::string_view problem) {
  const auto now = std::chrono::steady_clock::now();
  if (now - warned < std::chrono::seconds(1)) return;
  warned = now;
  log_warning("a connection could not be accepted: {}", problem);
}

void Server::Impl::close_acceptor() {
  shared->draining = true;
  asio::post(listening, [this] {
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
  });
}

Server::Server(ServerOptions options, Router router)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(router))) {}

Server::~Server() {
  stop();
}

void Server::Impl::listen() {
  const ServerOptions& options = shared->options;
  tcp::endpoint endpoint;
  try {
    tcp::resolver resolver(io);
    const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive);
    endpoint = *found.begin();
    acceptor.open(endpoint.protocol());
#ifndef _WIN32  // there it would let two servers share a port
    acceptor.set_option(tcp::acceptor::reuse_address(true));
#endif
    acceptor.bind(endpoint);
    acceptor.listen();
    port = acceptor.local_endpoint().port();
  } catch (const boost::system::system_error& error) {
    fail(ErrorKind::unavailable, "cannot listen on {}:{}: {}", options.host, options.port,
         error.code().message());
  }
  // Without a password, and where only this machine can ask, a page that borrows a name is the one stranger.
  AccessOptions access = options.access;
  access.hosts.push_back(options.host);
  const bool asks = shared->keys->asks();
  if (!endpoint.address().is_loopback() && !asks)
    log_warning("no password is set: whoever reaches {} may use the server; give it --password or --api-key-file",
                endpoint.address().to_string());
  shared->access.emplace(std::move(access), endpoint.address().is_loopback() && !asks);

  const uint64_t spare = options.limits.refused + options.limits.other_descriptors;
  const uint64_t descriptors = raise_descriptor_limit(options.limits.connections + spare);
  most = static_cast<size_t>(std::min<uint64_t>(
      options.limits.connections, descriptors > 2 * spare ? descriptors - spare : descriptors / 2));
  if (most < options.limits.connections)
    log_warning("{} connections at most: the system allows this program {} open files (ulimit -n)", most,
                descriptors);
}

void Server::Impl::start_threads() {
  const ServerOptions& options = shared->options;
  shared->workers.start(std::max(1u, options.workers));
  threads.emplace_back([this] {
    // A coroutine that an exception ends is destroyed by a message of its own, so each may be the last of accept().
    run([this] {
      keep_accepting();
      return listening.run_one();
    });
  });
  for (unsigned i = 0; i < std::max(1u, options.threads); ++i)
    threads.emplace_back([this] { run([this] { return io.run(); }); });
}

// Until `some`, which does some work, has none.
template <typename Some>
void Server::Impl::run(Some some) {
  for (;;) {
    try {
      if (some() == 0) return;
    } catch (const std::exception& error) {  // memory ran out between two steps of a connection
      log_error("a connection was dropped: {}", error.what());
    }
  }
}

void Server::start() {
  impl_->listen();
  try {
    impl_->start_threads();
  } catch (const std::system_error& error) {
    stop();
    fail(ErrorKind::unavailable, "the server's threads cannot be started: {}", error.what());
  }
}

uint16_t Server::port() const {
  return impl_->port;
}

size_t Server::connections() const {
  const std::lock_guard lock(impl_->shared->mutex);
  return impl_->shared->open.size();
}

bool Server::drain(double seconds) {
  using Clock = std::chrono::steady_clock;
  const std::chrono::duration<double> time(std::clamp(seconds, 0.0, kLongest));
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
  impl_->close_acceptor();
  for (const auto& connection : connections_of(*impl_->shared)) connection->drain();
  while (connections() > 0) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void Server::stop() {
  impl_->close_acceptor();
  // Every coroutine waits for its socket or its wake-up; both end now, so the threads run out of work. A
  // connection accepted in the same moment is caught by the next round. One whose strand stayed locked, where memory
  // ran out, hears of nothing any more.
  const auto end = std::chrono::steady_clock::now() + kStuck;
  while (!impl_->threads.empty() && connections() > 0 && std::chrono::steady_clock::now() < end) {
    for (const auto& connection : connections_of(*impl_->shared)) connection->close();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (connections() > 0) impl_->io.stop();
  impl_->shared->workers.stop();
  impl_->listening_work.reset();
  impl_->work.reset();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

}  // namespace fulmar::http
