// The one error type: a kind (what the caller can do about it) and a sentence that names the thing and the
// cure.
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace fulmar {

enum class ErrorKind {
  misuse,         // the command line or the API was called wrongly: exit code 2
  bad_file,       // a model, vocabulary or state file is damaged or not what it should be
  bad_request,    // HTTP 400
  unauthorized,   // HTTP 401
  not_found,      // HTTP 404
  bad_method,     // HTTP 405
  timed_out,      // HTTP 408
  conflict,       // HTTP 409: what it goes on from was changed by somebody else meanwhile
  too_large,      // HTTP 413
  busy,           // HTTP 429: the queue is full, try again later
  unavailable,    // HTTP 503: loading, draining, or the device is gone
  unsupported,    // understood, but this program or this device cannot do it
  out_of_memory,  // host or device memory did not suffice
  device_lost,    // the GPU driver reset the device
  internal        // a broken promise inside the program
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string param = {})
      : std::runtime_error(message), kind_(kind), param_(std::move(param)) {}
  ErrorKind kind() const noexcept { return kind_; }
  // The request field at fault, empty where there is none.
  const std::string& param() const noexcept { return param_; }

 private:
  ErrorKind kind_;
  std::string param_;
};

}  // namespace fulmar
