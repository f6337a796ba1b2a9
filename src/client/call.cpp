// The bodies of RWKV-Runner's and OpenAI's endpoints, and the HTTP around them.
#include "client/call.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/json_text.h"
#include "base/utf8.h"
#include "client/failed.h"
#include "client/json_reader.h"

namespace fulmar::client::impl {
namespace {

constexpr size_t most_body = 16 << 20;

[[noreturn]] void invalid(const std::string& message) {
  throw Failed{FULMAR_CLIENT_INVALID, message};
}

// As JSON has it whatever the program's locale is, which snprintf() and streams obey.
std::string number(const char* name, double value) {
  if (!std::isfinite(value)) invalid(std::string(name) + " is no number");
  char digits[40];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

void add(std::string& body, std::string_view name, std::string_view json) {
  body += body.size() > 1 ? ",\"" : "\"";
  body += name;
  body += "\":";
  body += json;
}

// The members of a JSON object, without its braces.
std::string_view members_of(std::string_view object) {
  JsonReader reader(object);
  bool any = false;
  if (!reader.object([&](std::string_view) { any = true; }) || !reader.whole())
    invalid("the settings' `more` must be a JSON object, as {\"seed\": 7}, and not " + shown(object));
  if (!any) return {};
  const size_t open = object.find('{') + 1;
  return object.substr(open, object.rfind('}') - open);
}

// What stands in a header field must not end it.
void check_field(std::string_view value, const char* name, size_t most) {
  if (value.size() > most) invalid(std::string(name) + " is longer than " + std::to_string(most) + " bytes");
  const auto is_plain = [](unsigned char c) { return c >= 0x20 && c != 0x7f; };
  if (!std::all_of(value.begin(), value.end(), is_plain)) invalid(std::string(name) + " has control characters");
}

struct Target {
  const char *method, *path;
};
Target target_of(Call::Kind kind) {
  switch (kind) {
    case Call::Kind::ask: return {"POST", "/v1/chat/completions"};
    case Call::Kind::switch_model: return {"POST", "/switch-model"};
    case Call::Kind::status: return {"GET", "/status"};
    case Call::Kind::health: return {"GET", "/health"};
    case Call::Kind::models: return {"GET", "/v1/models"};
    case Call::Kind::close: return {"POST", "/exit"};
  }
  return {"GET", "/"};
}

}  // namespace

Call ask_call(const fulmar_client_settings& settings) {
  if (settings.messages == nullptr || settings.message_count == 0) invalid("there are no messages to be answered");
  if (settings.n != 1) invalid("n must be 1, as an ask has one answer: ask several times, which the server answers together");
  std::string messages = "[";
  for (size_t i = 0; i < settings.message_count; ++i) {
    const fulmar_client_message& message = settings.messages[i];
    if (view(message.role).empty()) invalid("message " + std::to_string(i + 1) + " has no role");
    std::string one = "{";
    add(one, "role", json_quoted(view(message.role)));
    add(one, "content", json_quoted(view(message.content)));
    if (i > 0) messages += ',';
    messages += one += '}';
    if (messages.size() > most_body) throw Failed{FULMAR_CLIENT_TOO_LARGE, "the messages have more than 16 MiB"};
  }
  std::string body = "{";
  add(body, "model", json_quoted(view(settings.model)));
  add(body, "stream", "true");
  add(body, "temperature", number("temperature", settings.temperature));
  add(body, "top_p", number("top_p", settings.top_p));
  add(body, "presence_penalty", number("presence_penalty", settings.presence_penalty));
  add(body, "frequency_penalty", number("frequency_penalty", settings.frequency_penalty));
  add(body, "n", std::to_string(settings.n));
  add(body, "max_tokens", std::to_string(settings.max_tokens));
  if (!view(settings.session_id).empty()) add(body, "session_id", json_quoted(view(settings.session_id)));
  add(body, "messages", messages + ']');
  if (const std::string_view more = members_of(view(settings.more).empty() ? "{}" : view(settings.more)); !more.empty())
    (body += ',') += more;  // last: of a name that is there twice the last one counts
  if (body.size() > most_body) throw Failed{FULMAR_CLIENT_TOO_LARGE, "the settings have more than 16 MiB"};
  return {Call::Kind::ask, body += '}'};
}

Call switch_call(std::string_view model, std::string_view strategy, int32_t stored_layers) {
  if (stored_layers < 0) invalid("stored_layers must be 0 or more, and is " + std::to_string(stored_layers));
  if (std::max(model.size(), strategy.size()) > 64 << 10) invalid("a model's name and a strategy have up to 64 KiB");
  std::string whole(strategy);
  if (stored_layers > 0) {
    if (strategy.empty()) invalid("stored_layers needs a strategy, as \"cuda fp16\"");
    if (strategy.find('*') != strategy.npos)
      invalid("the strategy \"" + shown(strategy) + "\" says itself how many layers are stored: stored_layers must be 0");
    whole += " *" + std::to_string(stored_layers) + '+';
  }
  std::string body = "{";
  add(body, "model", json_quoted(model));
  add(body, "strategy", json_quoted(whole));
  return {Call::Kind::switch_model, body += '}'};
}

std::string request_text(const Server& server, const Call& call) {
  if (server.host.empty()) invalid("the host is empty");
  check_field(server.host, "the host", 255);
  check_field(server.password, "the password", 4096);
  if (server.host.find_first_of(" /?#@\\") != server.host.npos)
    invalid("the host must be a name or an address, as \"127.0.0.1\", and not \"" + shown(server.host) + "\"");
  unsigned port = 0;
  const char* end = server.port.data() + server.port.size();
  if (std::from_chars(server.port.data(), end, port).ptr != end || port == 0 || port > 65535)
    invalid("the port must be a number from 1 to 65535, and not \"" + shown(server.port) + "\"");

  const Target target = target_of(call.kind);
  const bool is_ipv6 = server.host.find(':') != server.host.npos;
  std::string text = std::string(target.method) + ' ' + target.path + " HTTP/1.1\r\nHost: ";
  text += is_ipv6 ? '[' + server.host + ']' : server.host;
  text += ':' + std::to_string(port) + "\r\nConnection: close\r\nUser-Agent: fulmar-client\r\nAccept: ";
  text += call.kind == Call::Kind::ask ? "text/event-stream, application/json\r\n" : "application/json\r\n";
  if (!server.password.empty()) text += "Authorization: Bearer " + server.password + "\r\n";
  if (*target.method == 'P') {
    if (!call.body.empty()) text += "Content-Type: application/json\r\n";
    text += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
  }
  return text + "\r\n" + call.body;
}

}  // namespace fulmar::client::impl
