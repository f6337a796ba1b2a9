// docs/http-api.md and the pages of families print the field tables that requests are read by: neither may say what the
// other does not.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "answer/body.h"
#include "answer/common_fields.h"
#include "answer/forms.h"
#include "answer/key_file.h"
#include "answer/tools.h"
#include "api/ai00/ai00.h"
#include "api/anthropic/anthropic.h"
#include "api/infer/infer.h"
#include "api/lightning/lightning.h"
#include "api/llama/llama.h"
#include "api/ollama/ollama.h"
#include "api/openai/account_fields.h"
#include "api/openai/openai.h"
#include "api/openai/runner_form.h"
#include "api/runner/runner.h"
#include "api/states/states.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

std::string document() {
  std::string all;
  for (const auto& page : std::filesystem::directory_iterator(FULMAR_SOURCE_DIR "/docs")) {
    std::ifstream file(page.path());
    all.append(std::istreambuf_iterator<char>(file), {});
  }
  return all;
}

// "integer, 1 to 128"
std::string type_of(const api::Field& field) {
  using enum api::FieldType;
  const auto up_to = [&](std::string_view word, std::string_view unit) {
    return field.most == 0 ? std::string(word) : fmt::format("{}, up to {}{}", word, field.most, unit);
  };
  switch (field.type) {
    case boolean:
      return "true or false";
    case integer:
      if (field.most == std::numeric_limits<int64_t>::max()) return "integer of 64 bits";
      return fmt::format("integer, {} to {}{}", field.least, field.most,
                         field.above == api::Above::clamped ? "; more is that" : "");
    case number:
      return fmt::format("number, {} to {}", field.least, field.most);
    case number_or_text:
      return fmt::format("number or text of one, {} to {}", field.least, field.most);
    case text:
      return up_to("text", " bytes");
    case list:
      return up_to("list", " entries");
    case map:
      return up_to("map", " entries");
    case text_or_map:
      return "text or map";
    case map_or_list:
      return up_to("map or list", " entries");
    case text_or_list:
      break;
  }
  return up_to("text or list", " entries");
}

std::string table_of(std::span<const api::Field> fields) {
  std::string out = "| field | type | default | meaning |\n|---|---|---|---|\n";
  for (const api::Field& field : fields)
    out += fmt::format("| `{}` | {} | {} | {} |\n", field.name, type_of(field), field.absent, field.help);
  return out;
}

std::string table_of(std::span<const api::Refused> fields) {
  std::string out = "| field | taken when it is | else |\n|---|---|---|\n";
  for (const api::Refused& field : fields) {
    std::string harmless = field.empty_asks ? "" : "empty";
    const json::value values = json::parse(json::string_view(field.harmless.data(), field.harmless.size()));
    for (const json::value& value : values.as_array())
      harmless += (harmless.empty() ? "`" : ", `") + json::serialize(value) + '`';
    out += fmt::format("| `{}` | {} | {} |\n", field.name, harmless, field.problem);
  }
  return out;
}

TEST(DocumentedFields, TheDocumentPrintsTheTables) {
  const std::string text = document();
  const api::FieldTable model_config_fields{"RWKV-Runner's values", api::model_config, {}};
  for (const api::FieldTable* table :
       {&api::openai::completion_fields, &api::openai::chat_fields, &api::openai::embedding_fields, &api::openai::tokenize_fields, &api::openai::message_fields, &api::openai::part_fields, &api::openai::call_fields,
        &api::openai::function_fields, &api::openai::template_option_fields, &api::openai::response_fields, &api::openai::item_fields, &api::openai::item_part_fields,
        &api::openai::response_tool_fields, &api::openai::text_fields, &api::openai::text_format_fields, &api::openai::reasoning_fields, &api::openai::response_query, &api::openai::input_item_query, &api::common_fields, &api::form_fields, &api::response_format_fields, &api::structured_output_fields, &api::key_fields, &api::tool_use_fields, &api::tool_fields, &api::tool_function_fields,
        &api::infer::load_fields, &api::infer::state_fields, &api::infer::mixture_fields, &api::infer::gate_fields,
        &api::infer::kill_fields, &api::states::fork_fields, &api::states::mix_fields, &api::llama::slot_fields, &api::llama::model_fields,
        &api::lightning::native_fields, &api::lightning::state_fields, &api::lightning::multi_state_fields,
        &api::lightning::status_fields, &api::lightning::load_fields, &api::lightning::delete_fields, &api::lightning::padded_fields,
        &api::lightning::fast_fields, &api::lightning::big_batch_fields, &api::lightning::templated_fields,
        &api::lightning::message_fields, &api::lightning::middle_fields, &api::lightning::translation_fields,
        &api::lightning::count_fields, &api::lightning::named_fields, &api::lightning::resume_fields,
        &api::openai::lightning_chat_fields, &model_config_fields, &api::runner::switch_fields,
        &api::openai::runner_message_fields, &api::openai::tokenize_fields, &api::openai::account_fields, &api::llama::completion_fields, &api::llama::infill_fields,
        &api::llama::prompt_object_fields, &api::llama::extra_fields, &api::llama::tokenize_fields, &api::llama::detokenize_fields,
        &api::llama::embedding_fields, &api::llama::adapter_fields, &api::llama::rerank_fields, &api::llama::document_fields, &api::ai00::completion_fields, api::ai00::completion_fields.base,
        &api::ai00::chat_fields, &api::ai00::record_fields, &api::ai00::template_fields, &api::ai00::nucleus_fields,
        &api::ai00::state_fields, &api::ai00::embed_fields, &api::ai00::load_fields, &api::ai00::lora_fields,
        &api::ai00::loaded_state_fields,
        &api::anthropic::request_fields, &api::anthropic::turn_fields,
        &api::anthropic::block_fields, &api::anthropic::tool_fields, &api::anthropic::choice_fields, &api::anthropic::thinking_fields, &api::anthropic::output_fields, &api::anthropic::format_fields, &api::anthropic::list_query, &api::ollama::chat_fields,
        &api::ollama::generate_fields, &api::ollama::option_fields, &api::ollama::message_fields, &api::ollama::call_fields,
        &api::ollama::function_fields, &api::ollama::embed_fields, &api::ollama::old_embed_fields, &api::ollama::show_fields}) {
    const std::string printed = table_of(table->fields);
    EXPECT_NE(text.find("\n" + printed + "\n"), text.npos)
        << "a page of docs must have this table (" << table->title << "):\n"
        << printed;
    if (table->refused.empty()) continue;
    const std::string refused = table_of(table->refused);
    EXPECT_NE(text.find("\n" + refused + "\n"), text.npos)
        << "a page of docs must have this table of refused fields (" << table->title << "):\n"
        << refused;
  }
}

TEST(DocumentedFields, TheBoundsOfBodiesAreNumbersInTheDocument) {
  const std::string sentence =
      fmt::format("nested {} levels deep and have {} values", api::kBodyDepth, api::kBodyValues);
  EXPECT_NE(document().find(sentence), std::string::npos) << sentence;
  const std::string members = fmt::format("An object may have {} members", api::kBodyMembers);
  EXPECT_NE(document().find(members), std::string::npos) << members;
}

// Asking for a field that no table has must not go unseen, or it would be in no document.
TEST(DocumentedFields, AFieldOutsideOfItsTableCannotBeRead) {
  const json::object object = {{"temperature", 1}};
  EXPECT_EQ(api::Fields(object, api::openai::chat_fields).number("temperature"), 1.0f);
  const api::Fields wrong(object, api::openai::message_fields);
  EXPECT_THROW(wrong.number("temperature"), Error);
  EXPECT_THROW(wrong.find("temperature"), Error);
}

}  // namespace
}  // namespace fulmar::test
