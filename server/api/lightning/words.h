// How rwkv_lightning words answers: the texts, who they belong to by number, and nothing else.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "answer/dialect.h"

namespace fulmar::api::lightning {

struct NativeHead {
  std::string id, model;
  std::string object = "chat.completion";
  std::string request_id{};           // for the header X-Request-Id
  std::vector<uint32_t> indices{};    // of the texts, where they are not 0, 1, ...
  std::string session{};              // of a tree
  std::optional<uint32_t> dialogue{};  // the tree's new node, which is told at the end
};

std::unique_ptr<Dialect> native_words(NativeHead head);
// A translation's texts, never streamed; `language` is what they were in.
std::unique_ptr<Dialect> translation_words(NativeHead head, std::string language);

// {"error": "sentence"}
http::Response error_words(const http::Failure& failure);
// The same, with "translations": [] before it where the server is at fault.
http::Response translation_error_words(const http::Failure& failure);

}  // namespace fulmar::api::lightning
