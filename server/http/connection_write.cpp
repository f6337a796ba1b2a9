// What goes out: answers and refusals, in pieces that the client must take in time.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/platform.h"
#include "http/connection.h"
#include "http/syntax.h"

namespace fulmar::http {

using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;

// OpenAI's clients look for X-Request-Id, Anthropic's for Request-Id. An answer that has a name of its own keeps it.
std::string Connection::lines_of(const Response& response) {
  constexpr std::string_view name = "X-Request-Id";
  const auto named = std::ranges::find_if(response.headers, [&](const Header& header) { return same_word(header.name, name); });
  if (named != response.headers.end()) id_ = named->value;
  std::string lines = fmt::format("{}Request-Id: {}\r\n", cors_, id_);
  if (named == response.headers.end()) lines += fmt::format("{}: {}\r\n", name, id_);
  return lines;
}

asio::awaitable<void> Connection::refuse(Response response) {
  status_ = response.status;
  std::string bytes = head_of(response, Body::sized, false, lines_of(response));
  if (!head_only_) bytes += response.body;
  whole_ = co_await send(bytes);
  if (started_ != std::chrono::steady_clock::time_point()) log_request();
}

// One part of the answer is here, however slowly the client takes it; the rest stays where it is made.
asio::awaitable<void> Connection::send_reply(Reply& reply) {
  bool begun = false;
  while (!closing_ && !gone_) {
    Reply::Part part = reply.take();
    std::string out;
    if (part.head) {
      const Body body = !part.streamed ? Body::sized : old_version_ ? Body::until_close : Body::chunked;
      keep_alive_ = keep_alive_ && body != Body::until_close && !shared_->draining;
      status_ = part.head->status;
      out = head_of(*part.head, body, keep_alive_, lines_of(*part.head));
      if (!part.streamed && !head_only_) out += part.head->body;
      std::string().swap(part.head->body);  // an assignment would keep its memory
      begun = true;
    }
    if (begun && part.streamed && !head_only_) {
      if (old_version_) {
        out += part.bytes;
      } else {
        if (!part.bytes.empty()) out += chunk_of(part.bytes);
        if (part.done) out += chunk_of({});
      }
    }
    std::string().swap(part.bytes);
    if (!co_await send(out)) break;
    if (part.done) {
      whole_ = begun;
      co_return;
    }
    // A wake-up during send() found nobody waiting, so only an empty take() may be followed by a wait.
    if (!out.empty()) continue;
    watch();
    wake_.expires_after(kLook);
    error_code ignored;
    co_await wake_.async_wait(redirect_error(use_awaitable, ignored));
    // A client whose next requests fill the buffer is not read from, so that its leaving shows nowhere else.
    if (!watching_ && !closing_ && peer_has_ended(static_cast<std::intptr_t>(socket_.native_handle()))) gone_ = true;
  }
}

asio::awaitable<bool> Connection::send(std::string_view bytes) {
  const Limits& limits = shared_->options.limits;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, limits.piece_bytes);
    bytes.remove_prefix(piece.size());
    arm(limits.write_time);
    while (!piece.empty()) {
      if (over() || closing_ || gone_) co_return false;
      error_code error;
      piece.remove_prefix(co_await socket_.async_write_some(asio::buffer(piece.data(), piece.size()),
                                                            redirect_error(use_awaitable, error)));
      if (error) co_return false;
    }
  }
  disarm();
  co_return true;
}

}  // namespace fulmar::http
