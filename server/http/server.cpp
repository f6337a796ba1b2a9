// The listener: accepts, counts, and shuts down in two stages.
#include "http/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/log.h"
#include "http/session.h"

namespace fulmar::http {

using asio::ip::tcp;
using boost::system::error_code;

namespace {

// Connections past the limit that are told so; those past these are closed without a word.
constexpr size_t kRefused = 64;

std::vector<std::shared_ptr<Session>> sessions(Shared& shared) {
  std::vector<std::shared_ptr<Session>> all;
  const std::lock_guard lock(shared.mutex);
  for (const auto& [address, weak] : shared.open)
    if (auto session = weak.lock()) all.push_back(std::move(session));
  return all;
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions options, Router router)
      : shared(std::make_shared<Shared>(std::move(options), std::move(router))) {}

  asio::awaitable<void> accept();
  void close_acceptor();

  std::shared_ptr<Shared> shared;
  asio::io_context io;
  // Until stop() the threads stay, for what is posted to a connection in the moment it ends.
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::strand<asio::io_context::executor_type> strand{io.get_executor()};  // the acceptor's
  tcp::acceptor acceptor{strand};
  asio::steady_timer pause{strand};
  uint16_t port = 0;
  std::vector<std::thread> threads;
};

asio::awaitable<void> Server::Impl::accept() {
  while (!shared->draining) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::make_strand(io),
                                                        asio::redirect_error(asio::use_awaitable, error));
    if (shared->draining) break;
    if (error) {  // out of file descriptors, or the client was gone at once
      log_warning("accept: {}", error.message());
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    size_t open = 0;
    {
      const std::lock_guard lock(shared->mutex);
      open = shared->open.size();
    }
    const size_t most = shared->options.limits.connections;
    if (open < most + kRefused) Session::start(std::move(socket), shared, open >= most);
  }
}

void Server::Impl::close_acceptor() {
  shared->draining = true;
  asio::post(strand, [this] {
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

void Server::start() {
  const ServerOptions& options = impl_->shared->options;
  try {
    tcp::resolver resolver(impl_->io);
    const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive);
    const tcp::endpoint endpoint = *found.begin();
    impl_->acceptor.open(endpoint.protocol());
#ifndef _WIN32  // there it would let two servers share a port
    impl_->acceptor.set_option(tcp::acceptor::reuse_address(true));
#endif
    impl_->acceptor.bind(endpoint);
    impl_->acceptor.listen();
    impl_->port = impl_->acceptor.local_endpoint().port();
  } catch (const boost::system::system_error& error) {
    fail(ErrorKind::unavailable, "cannot listen on {}:{}: {}", options.host, options.port,
         error.code().message());
  }
  asio::co_spawn(impl_->strand, impl_->accept(), [](std::exception_ptr failure) {
    if (failure) log_error("the listener ended: no further connection is accepted");
  });
  for (unsigned i = 0; i < std::max(1u, options.threads); ++i)
    impl_->threads.emplace_back([io = &impl_->io] { io->run(); });
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
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  impl_->close_acceptor();
  for (const auto& session : sessions(*impl_->shared)) session->drain();
  while (connections() > 0) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void Server::stop() {
  impl_->close_acceptor();
  // Every coroutine waits for its socket or its wake-up; both end now, so the threads run out of work. A
  // connection accepted in the same moment is caught by the next round.
  while (!impl_->threads.empty() && connections() > 0) {
    for (const auto& session : sessions(*impl_->shared)) session->close();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  impl_->work.reset();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

}  // namespace fulmar::http
