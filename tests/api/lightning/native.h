// What rwkv_lightning's clients send, and where they look in the answer.
#pragma once
#include "api/service.h"

namespace fulmar::test {

// One text, drawn by a seed; no stop but token 0, which the model of these tests never draws.
inline json::object native(const std::string& text, int tokens = 6) {
  return {{"contents", json::array{text}}, {"max_tokens", tokens}, {"seed", 3},          {"top_k", 0},
          {"top_p", 1},                    {"stop_tokens", json::array{}}};
}

inline std::string said(const json::object& answer) {
  return std::string(answer.at("choices").at(0).at("message").at("content").as_string());
}

inline std::string state_turn(const Service& service, const json::object& body) {
  return said(service.ask("/state/chat/completions", body));
}

// As if nobody kept anything.
inline std::string whole(const std::string& text, int tokens = 6) {
  return state_turn(Service(), native(text, tokens));
}

}  // namespace fulmar::test
