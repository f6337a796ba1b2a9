// Start, signals and shutdown. The calling thread only waits for signals and for the two helper threads'
// news.
#include "api/serve.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>

#include "answer/context.h"
#include "api/routes.h"
#include "base/log.h"
#include "base/log_thread.h"

namespace fulmar::api {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// An address with colons is written in brackets.
void announce(const std::string& host, uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  const std::string line = fmt::format("listening on http://{}{}{}:{}\n", v6 ? "[" : "", host, v6 ? "]" : "", port);
  if (std::fputs(line.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    log_warning("nobody reads stdout: {}", line.substr(0, line.size() - 1));
    std::clearerr(stdout);  // it was for whoever started the server, and serving goes on without
  }
}

[[noreturn]] void end_now(int code) {
  flush_log();
  std::_Exit(code);
}

}  // namespace

int run_server(const ServeOptions& options, const std::function<std::unique_ptr<Engine>()>& make_engine) {
  const LogThread log_thread;  // who reads the log slowly, or not at all, holds up nobody
  // Destroyed last to first: the HTTP threads end before the engine that they call, the engine before the
  // context.
  Context context;
  context.profiles = options.profiles;
  context.build = options.build;
  context.password = options.http.password;
  context.state_newline = options.state_newline;
  std::unique_ptr<Engine> engine;
  http::Server server(options.http, make_router(context));
  server.start();

  asio::io_context news;
  auto keep = asio::make_work_guard(news);
  asio::signal_set signals(news, SIGINT, SIGTERM);
  std::exception_ptr failure;
  std::jthread drainer;

  std::jthread loader([&] {
    std::unique_ptr<Engine> loaded;
    std::exception_ptr thrown;
    try {
      loaded = make_engine();
    } catch (...) {
      thrown = std::current_exception();
    }
    asio::post(news, [&, thrown, made = std::move(loaded)]() mutable {
      failure = thrown;
      if (failure) return news.stop();
      engine = std::move(made);
      context.engine.store(engine.get(), std::memory_order_release);
      log_profile(profile_in_use(options.profiles, engine->model()));
      announce(options.http.host, server.port());
    });
  });

  signals.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    // Nothing can interrupt a load, and there is nothing to lose.
    if (!engine) end_now(0);
    log_info("stopping: requests under way have {} seconds", options.drain_seconds);
    context.draining = true;
    drainer = std::jthread([&] {
      const auto start = Clock::now();
      engine->drain(options.drain_seconds);  // who asks meanwhile is told 503, as /health tells a load balancer
      // The last bytes of the answers still travel.
      server.drain(std::max(1.0, options.drain_seconds - seconds_since(start)));
      asio::post(news, [&] { news.stop(); });
    });
    signals.async_wait([](boost::system::error_code again, int) {
      if (again) return;
      log_warning("a second signal: stopped with requests under way");
      end_now(1);
    });
  });

  news.run();
  loader.join();
  if (drainer.joinable()) drainer.join();
  server.stop();
  if (failure) std::rethrow_exception(failure);
  engine.reset();
  if (!flush_log()) std::_Exit(0);
  return 0;
}

}  // namespace fulmar::api
