// How ai00 words chats and completions.
#pragma once
#include <memory>
#include <string_view>

#include "answer/common_fields.h"
#include "answer/dialect.h"

namespace fulmar::api::ai00 {

std::unique_ptr<Dialect> chat_words(const Delivery& delivery, std::string_view model);
std::unique_ptr<Dialect> completion_words(const Delivery& delivery, std::string_view model);

}  // namespace fulmar::api::ai00
