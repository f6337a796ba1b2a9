// Berkeley sockets and Winsock, which differ in names and in how they spell "not yet".
#include "client/socket.h"

#ifdef _WIN32
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#endif

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/utf8.h"
#include "client/failed.h"

namespace fulmar::client::impl {
namespace {

#ifdef _WIN32
using Native = SOCKET;
using Length = int;
using PollEntry = WSAPOLLFD;
constexpr int sending = 0;

int last_error() { return WSAGetLastError(); }
bool is_not_yet(int code) { return code == WSAEWOULDBLOCK || code == WSAEINPROGRESS; }
bool is_interrupted(int) { return false; }
void close_native(Native native) { closesocket(native); }
bool prepare(Native native) {
  u_long on = 1;
  return ioctlsocket(native, FIONBIO, &on) == 0;
}
void poll_native(std::vector<PollEntry>& entries, int milliseconds) {
  WSAPoll(entries.data(), static_cast<ULONG>(entries.size()), milliseconds);
}
struct Winsock {
  Winsock() { WSAStartup(MAKEWORD(2, 2), &data); }
  WSADATA data;
};
void start_sockets() { static const Winsock winsock; }  // for the process's life
std::string address_error(int code) { return std::system_category().message(code); }
#else
using Native = int;
using Length = socklen_t;
using PollEntry = pollfd;
#ifdef MSG_NOSIGNAL
constexpr int sending = MSG_NOSIGNAL;
#else
constexpr int sending = 0;
#endif

int last_error() { return errno; }
bool is_not_yet(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINPROGRESS; }
bool is_interrupted(int code) { return code == EINTR; }
void close_native(Native native) { ::close(native); }
bool prepare(Native native) {
#ifdef SO_NOSIGPIPE
  const int on = 1;
  setsockopt(native, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return fcntl(native, F_SETFD, FD_CLOEXEC) == 0 && fcntl(native, F_SETFL, O_NONBLOCK) == 0;
}
void poll_native(std::vector<PollEntry>& entries, int milliseconds) {
  poll(entries.data(), static_cast<nfds_t>(entries.size()), milliseconds);
}
void start_sockets() {}
std::string address_error(int code) {
  return code == EAI_SYSTEM ? std::system_category().message(errno) : gai_strerror(code);
}
#endif

Native native(Socket::Handle handle) {
  return static_cast<Native>(handle);
}

// Open, not blocking, and not handed down to child processes; -1 with last_error() set.
Socket::Handle open_native(int family, int type) {
  start_sockets();
  const Native made = ::socket(family, type, 0);
  const auto handle = static_cast<Socket::Handle>(made);
  if (handle == -1 || prepare(made)) return handle;
  close_native(made);
  return -1;
}

const sockaddr* as_sockaddr(const Address& address) {
  return reinterpret_cast<const sockaddr*>(address.bytes.data());
}

}  // namespace

FoundAddresses find_addresses(const std::string& host, const std::string& port, bool numbers_only) {
  start_sockets();
  addrinfo hints{}, *list = nullptr;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numbers_only ? AI_NUMERICHOST : 0);
  const int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  FoundAddresses found;
  if (code != 0) {
    found.error = replace_bad_utf8(address_error(code));
    return found;
  }
  for (const addrinfo* entry = list; entry != nullptr && found.addresses.size() < 8; entry = entry->ai_next) {
    Address address;
    if (entry->ai_addrlen > address.bytes.size()) continue;
    std::memcpy(address.bytes.data(), entry->ai_addr, entry->ai_addrlen);
    address.size = static_cast<unsigned>(entry->ai_addrlen);
    found.addresses.push_back(address);
  }
  freeaddrinfo(list);
  if (found.addresses.empty()) found.error = "it has no address";
  return found;
}

Socket::~Socket() {
  close();
}

Socket::Socket(Socket&& other) noexcept
    : handle_(std::exchange(other.handle_, none)), error_(std::move(other.error_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(error_, other.error_);
  return *this;
}

void Socket::close() {
  if (is_open()) close_native(native(std::exchange(handle_, none)));
}

Socket::Outcome Socket::fail(int code) {
  if (is_not_yet(code)) return Outcome::wait;
  error_ = replace_bad_utf8(std::system_category().message(code));
  return Outcome::failed;
}

Socket::Outcome Socket::connect(const Address& address) {
  close();
  handle_ = open_native(as_sockaddr(address)->sa_family, SOCK_STREAM);
  if (!is_open()) return fail(last_error());
  const int on = 1;
  setsockopt(native(handle_), IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&on), sizeof on);
  if (::connect(native(handle_), as_sockaddr(address), static_cast<Length>(address.size)) == 0) return Outcome::done;
  const int code = last_error();
  return is_interrupted(code) ? Outcome::wait : fail(code);
}

Socket::Outcome Socket::connected() {
  int code = 0;
  Length size = sizeof code;
  if (getsockopt(native(handle_), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&code), &size) != 0) return fail(last_error());
  return code == 0 ? Outcome::done : fail(code);
}

Socket::Moved Socket::send(const char* bytes, size_t count) {
  for (;;) {
    const auto moved = ::send(native(handle_), bytes, static_cast<Length>(std::min<size_t>(count, 1 << 20)), sending);
    if (moved >= 0) return {Outcome::done, static_cast<size_t>(moved)};
    if (const int code = last_error(); !is_interrupted(code)) return {fail(code)};
  }
}

Socket::Moved Socket::receive(char* bytes, size_t count) {
  for (;;) {
    const auto moved = ::recv(native(handle_), bytes, static_cast<Length>(count), 0);
    if (moved > 0) return {Outcome::done, static_cast<size_t>(moved)};
    if (moved == 0) return {Outcome::ended};
    if (const int code = last_error(); !is_interrupted(code)) return {fail(code)};
  }
}

Waiter::Waiter() : bell_(open_native(AF_INET, SOCK_DGRAM)) {
  sockaddr_in self{};
  self.sin_family = AF_INET;
  self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Length size = sizeof self;
  auto* address = reinterpret_cast<sockaddr*>(&self);
  if (bell_ != -1 && ::bind(native(bell_), address, size) == 0 && ::getsockname(native(bell_), address, &size) == 0 &&
      ::connect(native(bell_), address, size) == 0) {
    return;
  }
  if (bell_ != -1) close_native(native(bell_));
  throw Failed{FULMAR_CLIENT_TOO_LARGE, "the system has no socket left"};
}

Waiter::~Waiter() {
  close_native(native(bell_));
}

void Waiter::wake() noexcept {
  ::send(native(bell_), "", 1, sending);  // where the bell is full it has been rung
}

void Waiter::wait(std::vector<Wish>& wishes, int milliseconds) {
  std::vector<PollEntry> entries(wishes.size() + 1);
  entries[0].fd = native(bell_);
  entries[0].events = POLLIN;
  for (size_t i = 0; i < wishes.size(); ++i) {
    entries[i + 1].fd = native(wishes[i].socket->handle_);
    entries[i + 1].events =
        static_cast<short>((wishes[i].to_read ? POLLIN : 0) | (wishes[i].to_write ? POLLOUT : 0));
  }
  poll_native(entries, milliseconds);
  if (entries[0].revents != 0) {
    char rung[16];
    while (::recv(native(bell_), rung, sizeof rung, 0) > 0) {
    }
  }
  for (size_t i = 0; i < wishes.size(); ++i) wishes[i].ready = entries[i + 1].revents != 0;
}

void block_signals() {
#ifndef _WIN32
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
#endif
}

}  // namespace fulmar::client::impl
