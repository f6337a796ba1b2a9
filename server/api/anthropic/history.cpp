// Messages made of blocks, as turns of a chat: a tool's result is a turn of its own, and earlier thoughts are left out.
#include "api/anthropic/history.h"

#include <fmt/format.h>

#include "answer/tools.h"
#include "api/anthropic/anthropic.h"

namespace fulmar::api::anthropic {
namespace {

[[noreturn]] void refuse_block(const std::string& name, std::string_view type, std::string_view taken) {
  if (type == "image") unsupported(name, "is an image: the model reads text only");
  if (type == "document") unsupported(name, "is a document: the model reads text only; send it as a block of type text");
  const std::string shown = type.empty() ? "without a type" : fmt::format("of type {}", type);
  unsupported(name, fmt::format("is a block {}; taken are {}", shown, taken));
}

std::string text_of(const Fields& block, const std::string& name) {
  const json::value* text = block.find("text");
  if (!text) bad_field(name, "is a block of type text without a text");
  return string_of(*text, block.name("text"));
}

// A text, or blocks of text with a line end between two.
std::string read_texts(const Fields& fields, std::string_view field) {
  const json::value* value = fields.find(field);
  const std::string name = fields.name(field);
  if (value && value->is_string()) return string_of(*value, name);
  std::string out;
  const json::array* blocks = fields.list(field);
  for (size_t i = 0; blocks && i < blocks->size(); ++i) {
    const std::string at = fmt::format("{}[{}]", name, i);
    const json::object* object = (*blocks)[i].if_object();
    if (!object) bad_field(at, "must be an object");
    const Fields block(*object, block_fields, at + ".");
    const std::string type = block.text("type").value_or("");
    if (type != "text") refuse_block(at, type, "blocks of type text");
    if (i > 0) out += '\n';
    out += text_of(block, at);
  }
  return out;
}

// One message as the turns that it is made of.
class Turns {
 public:
  Turns(std::string role, std::vector<ChatMessage>& all, std::vector<TurnIds>& ids) : role_(std::move(role)), all_(all), ids_(ids) {}

  // What the user wrote into several blocks stands in lines of its own; the assistant's were one text.
  void add_text(std::string_view text) {
    ChatMessage& turn = current();
    if (role_ != "assistant" && !turn.content.empty()) turn.content += '\n';
    turn.content += text;
  }
  void add_call(ToolCall call, std::string id) {
    current().tool_calls.push_back(std::move(call));
    ids_.back().calls.push_back(std::move(id));
  }
  void add_result(std::string text, std::string id) {
    all_.push_back({"tool", std::move(text)});
    ids_.push_back({{}, std::move(id)});
    begun_ = false;
  }

 private:
  ChatMessage& current() {
    if (!std::exchange(begun_, true)) {
      all_.push_back({role_, {}});
      ids_.emplace_back();
    }
    return all_.back();
  }

  const std::string role_;
  std::vector<ChatMessage>& all_;
  std::vector<TurnIds>& ids_;
  bool begun_ = false;
};

// Of an assistant's block that calls a tool. `source` is the block's.
ToolCall read_call(const Fields& block, const std::string& name, const JsonSource& source) {
  const auto called = block.text("name");
  if (!called) bad_field(name, "is a block of type tool_use without a name");
  return {*called, read_call_arguments(block.find("input"), source.member("input"), block.name("input"))};
}

std::string read_result(const Fields& block) {
  std::string text = read_texts(block, "content");
  return block.boolean("is_error").value_or(false) ? "Error: " + text : text;
}

// `source` is the message's.
void read_blocks(const json::array& blocks, const std::string& name, const std::string& role, const JsonSource& source, Turns& turns) {
  std::vector<JsonSource> sources;  // once there is a call
  for (size_t i = 0; i < blocks.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", name, i);
    const json::object* object = blocks[i].if_object();
    if (!object) bad_field(at, "must be an object");
    const Fields block(*object, block_fields, at + ".");
    const std::string type = block.text("type").value_or("");
    const bool is_assistant = role == "assistant";
    if (type == "text") {
      turns.add_text(text_of(block, at));
    } else if (type == "tool_use" && is_assistant) {
      if (sources.empty()) sources = source.member("content").entries();
      turns.add_call(read_call(block, at, sources.at(i)), block.text("id").value_or(""));
    } else if (type == "tool_result" && role == "user") {
      turns.add_result(read_result(block), block.text("tool_use_id").value_or(""));
    } else if (!is_assistant || (type != "thinking" && type != "redacted_thinking")) {
      refuse_block(at, type, is_assistant ? "text, thinking and tool_use from the assistant" : "text and tool_result from the user");
    }
  }
}

void read_messages(const Fields& fields, std::string_view body, std::vector<ChatMessage>& out, std::vector<TurnIds>& ids) {
  const json::array* array = fields.list("messages");
  if (!array) bad_field("messages", "must have at least one message");
  std::vector<JsonSource> sources;  // once there are blocks
  for (size_t i = 0; i < array->size(); ++i) {
    const std::string name = fmt::format("messages[{}]", i);
    const json::object* object = (*array)[i].if_object();
    if (!object) bad_field(name, "must be an object");
    const Fields message(*object, turn_fields, name + ".");
    const std::string role = message.text("role").value_or("");
    if (role != "user" && role != "assistant" && role != "system") bad_field(name + ".role", "must be user or assistant; the field system takes what is said before them");
    const json::value* content = message.find("content");
    if (!content) bad_field(name + ".content", "is missing");
    if (content->is_string()) {
      out.push_back({role, string_of(*content, name + ".content")});
      ids.emplace_back();
      continue;
    }
    const json::array* blocks = message.list("content");
    if (!blocks) {
      if (role != "assistant") bad_field(name + ".content", "is empty");
      out.push_back({role, {}});
      ids.emplace_back();
      continue;
    }
    if (sources.empty()) sources = JsonSource(body).member("messages").entries();
    Turns turns(role, out, ids);
    read_blocks(*blocks, name + ".content", role, sources.at(i), turns);
    if (role == "assistant") turns.add_text({});  // where there are thoughts alone
  }
}

ThinkWord word_of(const std::string& effort) {
  if (effort.empty()) return ThinkWord::none;
  if (effort == "low") return ThinkWord::a_bit;
  if (effort == "medium") return ThinkWord::think;
  if (effort == "high" || effort == "xhigh" || effort == "max") return ThinkWord::a_lot;
  bad_field("output_config.effort", "must be low, medium, high, xhigh or max");
}

// Clients that do not ask for a thought do not look for one: then none is begun, whatever the template does by itself.
void read_thinking(const Fields& fields, TemplateOptions& options) {
  std::string effort;
  if (const json::object* object = fields.map("output_config")) {
    const Fields output(*object, output_fields, "output_config.");
    output.refuse_unsupported();
    effort = output.text("effort").value_or("");
  }
  const ThinkWord word = word_of(effort);
  const json::object* object = fields.map("thinking");
  options.thinking_budget = 0;
  if (!object) return;
  const Fields thinking(*object, thinking_fields, "thinking.");
  const std::string type = thinking.text("type").value_or("");
  const auto budget = thinking.integer("budget_tokens");
  if (const std::string display = thinking.text("display").value_or("summarized"); display != "summarized" && display != "omitted")
    bad_field("thinking.display", "must be summarized or omitted");
  if (type == "disabled") return;
  if (type != "enabled" && type != "adaptive") bad_field("thinking.type", "must be enabled, adaptive or disabled");
  options.think = Think::open;
  options.word = word;
  options.word_if_trained = true;
  options.thinking_budget.reset();
  if (budget) options.thinking_budget = static_cast<uint32_t>(*budget);
}

// Of the client's own; none run here.
void read_tools(const Fields& fields, std::string_view body, TemplateOptions& options) {
  if (const json::array* list = fields.list("tools")) {
    ToolList tools;
    const std::vector<JsonSource> sources = JsonSource(body).member("tools").entries();
    for (size_t i = 0; i < list->size(); ++i) {
      const std::string at = fmt::format("tools[{}]", i);
      const json::object* object = (*list)[i].if_object();
      if (!object) bad_field(at, "must be an object");
      const Fields tool(*object, tool_fields, at + ".");
      if (const std::string type = tool.text("type").value_or("custom"); type != "custom")
        unsupported(tool.name("type"), fmt::format("is {}: no tools run here; taken are those of type custom, which the client runs", type));
      Tool one;
      one.name = tool.text("name").value_or("");
      one.description = tool.text("description").value_or("");
      one.strict = tool.boolean("strict").value_or(false);
      const bool has_schema = tool.map("input_schema") != nullptr;
      tools.add(std::move(one), has_schema ? sources.at(i).member("input_schema") : JsonSource(), at + ".", "input_schema");
    }
    options.tools = tools.take();
  }
  const json::object* object = fields.map("tool_choice");
  if (!object) return;
  const Fields choice(*object, choice_fields, "tool_choice.");
  const std::string type = choice.text("type").value_or("");
  options.parallel_calls = !choice.boolean("disable_parallel_tool_use").value_or(false);
  if (type == "none") return options.tools.clear();
  if (type == "tool") return call_only(choice.text("name").value_or(""), "tool_choice.name", options);
  if (type != "any" && type != "auto") bad_field("tool_choice.type", "must be auto, any, tool or none");
  if (type == "any" && options.tools.empty()) bad_field("tool_choice", "is any, but there are no tools");
  options.must_call = type == "any";
}

}  // namespace

bool omits_thought(const Fields& fields) {
  const json::object* object = fields.map("thinking");
  return object && Fields(*object, thinking_fields, "thinking.").text("display").value_or("") == "omitted";
}

PromptInput read_prompt(const Fields& fields, std::string_view body) {
  PromptInput input;
  std::vector<TurnIds> ids;  // one a message
  if (std::string system = read_texts(fields, "system"); !system.empty()) {
    input.messages.push_back({"system", std::move(system)});
    ids.emplace_back();
  }
  read_messages(fields, body, input.messages, ids);
  order_outputs(input.messages, ids);
  read_tools(fields, body, input.chat);
  read_thinking(fields, input.chat);
  return input;
}

}  // namespace fulmar::api::anthropic
