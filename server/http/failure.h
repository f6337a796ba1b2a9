// What went wrong, before anybody has put it into words: the status is decided here, the shape of the body by
// the family of clients that was asked.
#pragma once
#include <cstdint>
#include <string>

#include "http/message.h"

namespace fulmar::http {

struct Failure {
  int status;
  std::string message;  // a sentence for people
  std::string code;     // a word for programs; empty: none
  std::string param;    // the field of the request that is meant; empty: none
  uint32_t retry_after = 0;  // seconds; 0: as the status has it

  Failure(int status, std::string message, std::string code = {});
  explicit Failure(const Error& error);
};

// Makes an error's body in a family's own shape. The status and the advice of headers are not its affair.
using Wording = Response (*)(const Failure& failure);

// The whole answer: worded, and with the headers that tell a client of this status what to do next.
Response worded(Wording wording, const Failure& failure);

// For a server without families: the sentence alone.
Response plain_words(const Failure& failure);

}  // namespace fulmar::http
