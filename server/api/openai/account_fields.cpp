// Fields that OpenAI has for accounts and stored answers, which mean nothing here; see account_fields.h.
#include "api/openai/account_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "answer/common_fields.h"
#include "answer/forms.h"
#include "answer/tools.h"

namespace fulmar::api::openai {
namespace {

using enum FieldType;

constexpr size_t key_bytes = 64, value_bytes = 512;  // of metadata, as the table says
constexpr std::string_view tiers[] = {"auto", "default", "flex", "scale", "priority"};

constexpr Field rows[] = {
    {"user", text, "none", "Who asks. Changes nothing.", 0, 1024},
    {"safety_identifier", text, "none", "Likewise.", 0, 1024},
    {"prompt_cache_key", text, "none", "Changes nothing: [what was read of any prompt](sessions.md) is found.", 0, 1024},
    {"metadata", map, "none", "Texts of up to 512 bytes by names of up to 64. Changes nothing.", 0, 16},
    {"store", boolean, "false", "Changes nothing: chats and completions are not kept."},
    {"timings_per_token", boolean, "false", "[llama.cpp's](llama.md#post-completion) `timings` in an answer, and in each piece of a stream."},
    {"return_progress", boolean, "false", "In a stream, pieces with its `prompt_progress` while the prompt is read."},
    {"service_tier", text, "`auto`", "`auto`, `default`, `flex`, `scale` or `priority`. A chat's answer says `default`.", 0, 16},
};

}  // namespace

constexpr FieldTable account_fields{"OpenAI's both", rows, {}, &form_fields};
constexpr FieldTable response_account_fields{"OpenAI's responses", rows, {}, &common_fields};
constexpr FieldTable chat_account_fields{"OpenAI's chats", rows, {}, &tool_use_fields};

void read_llama_fields(const Fields& fields, Asked& asked, Request& request) {
  asked.delivery.timings = fields.boolean("timings_per_token").value_or(false);
  asked.tells_progress = request.report.progress = asked.delivery.stream && fields.boolean("return_progress").value_or(false);
}

void check_account_fields(const Fields& fields) {
  for (const std::string_view field : {"user", "safety_identifier", "prompt_cache_key"}) fields.text(field);
  fields.boolean("store");
  const auto tier = fields.text("service_tier");
  if (tier && std::ranges::find(tiers, *tier) == std::end(tiers)) bad_field("service_tier", "must be auto, default, flex, scale or priority");
  const json::object* const metadata = fields.map("metadata");
  if (!metadata) return;
  for (const auto& [key, value] : *metadata) {
    if (key.size() > key_bytes) bad_field("metadata", fmt::format("has a name of more than {} bytes", key_bytes));
    if (string_of(value, "metadata").size() > value_bytes) bad_field("metadata", fmt::format("has a text of more than {} bytes", value_bytes));
  }
}

}  // namespace fulmar::api::openai
