// Start, signals and shutdown. The calling thread only waits for signals and for the two helper threads'
// news.
#include "api/serve.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <thread>
#include <utility>

#include "answer/context.h"
#include "answer/key_file.h"
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

// As it was written: a name other than localhost may be anybody's.
bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  boost::system::error_code bad;
  const auto address = asio::ip::make_address(host, bad);
  return !bad && address.is_loopback();
}

// Reads the file of keys when it has changed, and at SIGHUP. What is wrong with it is logged, and the keys stay as they were.
class KeyWatch {
 public:
  KeyWatch(std::string file, http::Keys& keys, asio::io_context& on) : file_(std::move(file)), keys_(keys), timer_(on), hangups_(on) {
    if (file_.empty()) return;
    version_ = version();
    read();
    look_later();
#ifdef SIGHUP
    hangups_.add(SIGHUP);
    await_hangup();
#endif
  }

 private:
  static constexpr std::chrono::seconds kLook{1};
  using Version = std::pair<std::filesystem::file_time_type, std::uintmax_t>;

  Version version() const {
    std::error_code bad;
    const auto time = std::filesystem::last_write_time(file_, bad);
    return {time, std::filesystem::file_size(file_, bad)};
  }

  void read() {
    const std::vector<http::Key> keys = read_key_file(file_);
    keys_.set(keys);
    log_info("{} keys of {}", keys.size(), file_);
  }

  void read_again() {
    try {
      read();
    } catch (const Error& error) {
      log_error("the keys stay as they were: {}", error.what());
    }
  }

  void look_later() {
    timer_.expires_after(kLook);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      if (const Version now = version(); now != version_) {
        version_ = now;
        read_again();
      }
      look_later();
    });
  }

  void await_hangup() {
    hangups_.async_wait([this](boost::system::error_code error, int) {
      if (error) return;
      read_again();
      await_hangup();
    });
  }

  const std::string file_;
  http::Keys& keys_;
  asio::steady_timer timer_;
  asio::signal_set hangups_;
  Version version_;
};

[[noreturn]] void end_now(int code) {
  flush_log();
  std::_Exit(code);
}

}  // namespace

int run_server(ServeOptions options) {
  const LogThread log_thread;  // who reads the log slowly, or not at all, holds up nobody
  // Destroyed last to first: the HTTP threads end before the host whose engines they call, the engines before the
  // context.
  Context context;
  context.profiles = options.profiles;
  context.build = options.build;
  context.password = options.http.password;
  const auto keys = std::make_shared<http::Keys>(options.http.password);
  context.keys = options.http.keys = keys;
  context.max_tokens = options.max_tokens;
  context.state_newline = options.state_newline;
  context.mrss_max = options.mrss_max;
  std::ranges::copy(options.admin_keys, context.admin_keys);
  host::Host host(std::move(options.host));
  context.host = &host;
  asio::io_context news;
  const KeyWatch key_watch(options.key_file, *keys, news);
  auto keep = asio::make_work_guard(news);
  std::function<void()> stop;  // on the calling thread
  context.stop = [&news, &stop] { asio::post(news, [&stop] { stop(); }); };
  context.own_machine_only = is_loopback(options.http.host);
  http::Server server(options.http, make_router(context));
  server.start();

  asio::signal_set signals(news, SIGINT, SIGTERM);
  std::exception_ptr failure;
  std::jthread drainer;
  bool begun = false;  // requests are taken

  const auto begin = [&] {
    begun = true;
    announce(options.http.host, server.port());
  };
  const ModelSpec& first = host.options().engine.model;
  if (first.file.empty()) {
    asio::post(news, begin);
  } else {
    host.load(first, 0, [&](std::exception_ptr thrown) {
      asio::post(news, [&, thrown] {
        failure = thrown;
        if (failure) return news.stop();
        log_profile(profile_in_use(options.profiles, context.ready()->engine->model()));
        begin();
      });
    });
  }

  stop = [&] {
    // Nothing can interrupt a load, and there is nothing to lose.
    if (!begun) end_now(0);
    if (context.draining.exchange(true)) return;
    log_info("stopping: requests under way have {} seconds", options.drain_seconds);
    drainer = std::jthread([&] {
      const auto start = Clock::now();
      host.drain(options.drain_seconds);  // who asks meanwhile is told 503, as /health tells a load balancer
      // The last bytes of the answers still travel.
      server.drain(std::max(1.0, options.drain_seconds - seconds_since(start)));
      asio::post(news, [&] { news.stop(); });
    });
  };
  signals.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    stop();
    signals.async_wait([](boost::system::error_code again, int) {
      if (again) return;
      log_warning("a second signal: stopped with requests under way");
      end_now(1);
    });
  });

  news.run();
  if (drainer.joinable()) drainer.join();
  server.stop();
  if (host.is_loading()) end_now(0);  // nothing can interrupt that; what ended is in the file of sessions
  if (failure) std::rethrow_exception(failure);
  host.end();
  if (!flush_log()) std::_Exit(0);
  return 0;
}

}  // namespace fulmar::api
