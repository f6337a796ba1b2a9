// TCP connections that never block, waiting for many of them, and finding addresses: POSIX and Winsock behind one face.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace fulmar::client::impl {

// A socket address as the system has it.
struct Address {
  alignas(8) std::array<unsigned char, 128> bytes{};
  unsigned size = 0;
};

struct FoundAddresses {
  std::vector<Address> addresses;
  std::string error;  // where there are none
};
// Blocks where `numbers_only` is not set and the system asks others for a name.
FoundAddresses find_addresses(const std::string& host, const std::string& port, bool numbers_only);

class Socket {
 public:
  using Handle = std::intptr_t;
  enum class Outcome { done, wait, ended, failed };
  struct Moved {
    Outcome outcome;
    size_t bytes = 0;
  };

  Socket() = default;
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  // Begins to connect; afterwards, when it is writable, connected() says what became of it.
  Outcome connect(const Address& address);
  Outcome connected();
  Moved send(const char* bytes, size_t count);
  Moved receive(char* bytes, size_t count);

  void close();
  bool is_open() const { return handle_ != none; }
  const std::string& error() const { return error_; }  // the system's words for the last failure

 private:
  friend class Waiter;
  static constexpr Handle none = -1;
  Outcome fail(int code);

  Handle handle_ = none;
  std::string error_;
};

// Waits for sockets, and can be woken from any thread.
class Waiter {
 public:
  Waiter();  // throws Failed where the system has no socket left
  ~Waiter();
  Waiter(const Waiter&) = delete;

  struct Wish {
    const Socket* socket;
    bool to_read, to_write;
    bool ready = false;  // or broken, which the next call to the socket tells
  };
  // Until a wish is ready, wake() is called, or so many milliseconds are over.
  void wait(std::vector<Wish>& wishes, int milliseconds);
  void wake() noexcept;

 private:
  Socket::Handle bell_;  // a datagram socket connected to itself
};

// Signals are for the program's own threads.
void block_signals();

}  // namespace fulmar::client::impl
