// How each kind of server is asked, and what its answers say.
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dataset.h"

namespace fulmar::load {

enum class Body : uint8_t {
  completion,  // "prompt"
  chat,        // "messages"
  contents     // rwkv_lightning's batches, of one
};

struct RequestForm {
  std::string_view name;  // --backend
  Body body;
  std::string_view path;
  uint16_t port;      // where such a server listens by default
  bool tells_usage;   // it knows stream_options.include_usage
};

// The first is the default.
std::span<const RequestForm> request_forms();
// Throws Error(misuse) with the list.
const RequestForm& request_form(const std::string& name);

struct FormOptions {
  std::string model, password;
  bool stream = true, ignore_eos = true;
  boost::json::object extra;  // set last, over all else
};

// The body of one request, as JSON.
std::string body_of(const RequestForm& form, const Prompt& prompt, const FormOptions& options);

// What one event of a stream, or a whole answer, says; all of its choices together.
struct Piece {
  std::string text;                     // thoughts too
  std::optional<uint32_t> completion;   // tokens, where it has a usage
  std::optional<std::string> error;     // where it is one
};
// nullopt: it is no JSON object.
std::optional<Piece> read_piece(std::string_view json);
// [DONE], also in the list of one that RWKV-Infer sent at first.
bool is_end_mark(std::string_view data);

// The id of the first model in what GET /v1/models answers: {"data": [{"id": ...}]}, or the bare list; empty where there
// is none.
std::string first_model(std::string_view json);

}  // namespace fulmar::load
