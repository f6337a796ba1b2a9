// What a request asks of the server, as the bytes that are sent.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "fulmar/client_c.h"

namespace fulmar::client::impl {

struct Server {
  std::string host = "127.0.0.1", port = "8000", password;
};

struct Call {
  enum class Kind { ask, switch_model, status, health, models, close };
  Kind kind = Kind::status;
  std::string body;  // JSON; empty for GET
};

// Each throws Failed, as invalid, with what is wrong about its arguments.
Call ask_call(const fulmar_client_settings& settings);
Call switch_call(std::string_view model, std::string_view strategy, int32_t stored_layers);
std::string request_text(const Server& server, const Call& call);

inline std::string_view view(fulmar_client_text text) {
  return text.data ? std::string_view(text.data, text.size) : std::string_view();
}

}  // namespace fulmar::client::impl
