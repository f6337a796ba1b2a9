// A call as JSON.
#include "api/openai/call_words.h"

#include <fmt/format.h>

#include "answer/tools.h"
#include "base/json_text.h"

namespace fulmar::api::openai {
namespace {

std::string function_of(std::string_view name, std::string_view arguments) {
  return fmt::format(R"({{"name":{},"arguments":{}}})", json_quoted(name), json_quoted(arguments));
}

}  // namespace

std::string calls_of_message(CallWords form, std::span<const ToolCall> calls) {
  if (calls.empty()) return {};
  if (form == CallWords::function)
    return fmt::format(R"(,"function_call":{})", function_of(calls[0].name, calls[0].arguments));
  std::string list;
  for (const ToolCall& call : calls)
    list += fmt::format(R"({}{{"id":"{}","type":"function","function":{}}})", list.empty() ? "" : ",", call_id(),
                        function_of(call.name, call.arguments));
  return fmt::format(R"(,"tool_calls":[{}])", list);
}

// A call's first piece names it; what follows are arguments alone.
std::string call_of_delta(CallWords form, const CallPiece& piece) {
  const std::string function = piece.name.empty() ? fmt::format(R"({{"arguments":{}}})", json_quoted(piece.arguments))
                                                  : function_of(piece.name, piece.arguments);
  if (form == CallWords::function) return fmt::format(R"("function_call":{})", function);
  const std::string begin = piece.name.empty() ? std::string() : fmt::format(R"("id":"{}","type":"function",)", call_id());
  return fmt::format(R"("tool_calls":[{{"index":{},{}"function":{}}}])", piece.call, begin, function);
}

}  // namespace fulmar::api::openai
