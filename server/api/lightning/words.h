// How rwkv_lightning words answers: the texts, who they belong to by number, and nothing else.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "answer/dialect.h"

namespace fulmar::api::lightning {

struct NativeHead {
  std::string id, model;
  std::string session{};              // of a tree
  std::optional<uint32_t> dialogue{};  // the tree's new node, which is told at the end
};

std::unique_ptr<Dialect> native_words(NativeHead head);

// {"error": "sentence"}
http::Response error_words(const http::Failure& failure);

}  // namespace fulmar::api::lightning
