// Tools that a request offers to the model, and how the answer may call them; and turns with calls in a history.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "answer/fields.h"
#include "base/json_source.h"
#include "fulmar/request.h"

namespace fulmar::api {

// Each of these is in docs/http-api.md too.
constexpr size_t kTools = 128;                       // of one request
constexpr size_t kToolName = 128;                    // bytes
constexpr size_t kToolBytes = size_t{1} << 20;       // names, descriptions and schemas of one request together

// OpenAI's tools, and their `function`, which has the members of `functions` of old: tools.cpp.
extern const FieldTable tool_fields, tool_function_fields;
// `tools`, `tool_choice`, `parallel_tool_calls`, `functions` and `function_call`, on common_fields: the base of a chat's table.
extern const FieldTable tool_use_fields;

// A list of tools as it is read, for the families that spell it in their own way.
class ToolList {
 public:
  // `field`: what the tool is called in messages ("tools[0].function."). `schema`: of the arguments, an object or nothing.
  // Throws Error(bad_request) naming the field: a name that is none or is there already, and past the bounds.
  void add(Tool tool, const JsonSource& schema, const std::string& field, std::string_view schema_field = "parameters");
  std::vector<Tool> take() { return std::move(tools_); }

 private:
  std::vector<Tool> tools_;
  size_t bytes_ = 0;
};

// OpenAI's `tools`, which Ollama has too: [{"type": "function", "function": {...}}]. `source`: the list in the request's text.
std::vector<Tool> read_tools(const json::array& list, const JsonSource& source, const std::string& name);

// What OpenAI's fields say of tools, `functions` and `function_call` among them, into the options: all of tools, must_call,
// called_tool and parallel_calls. `fields`' table has the rows of tool_use_fields; `body` is the request's text.
void read_tool_use(const Fields& fields, std::string_view body, TemplateOptions& options);
// What `tool_choice` says of the tools that are in the options, in the words of chats or of responses.
void choose_tools(const json::value& choice, const std::string& field, TemplateOptions& options);
// That tool alone, which must be called. Throws Error(bad_request) naming the field where there is none of the name.
void call_only(const std::string& name, const std::string& field, TemplateOptions& options);

// Arguments of an earlier call: a JSON object, as it is or as text. Its numbers stay as the client spells them.
std::string read_call_arguments(const json::value* value, const JsonSource& source, const std::string& name);

// The ids that a message of the history has, beside it.
struct TurnIds {
  std::vector<std::string> calls;  // of each of ChatMessage::tool_calls
  std::string output;              // of the call that a tool's output answers
};
// Outputs that follow a turn with several calls come into the order of these: the model knows no ids. Where one has the id of
// no call, or of one that has an output already, all stay as they are. `ids`: one a message.
void order_outputs(std::vector<ChatMessage>& messages, std::vector<TurnIds>& ids);

// A call's name for the client: "call_" and 24 letters and digits that nobody can guess.
std::string call_id(std::string_view prefix = "call_");

// Whether all of a call's arguments came: where an answer ends within them, they are no JSON object. None are a whole.
bool is_whole(const ToolCall& call);

}  // namespace fulmar::api
