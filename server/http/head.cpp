// The request line, the fields, and what they say about host, body and connection.
#include "http/head.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "http/refusal.h"

namespace fulmar::http {
namespace {

constexpr size_t kMethod = 32;  // the longest registered one has 17 characters

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Fields of which a second one makes the message mean two things.
constexpr std::string_view kOnlyOnce[] = {"Host",         "Content-Length", "Transfer-Encoding",
                                          "Content-Type", "Authorization",  "Origin"};

// Names that some servers in between turn into the framing fields.
bool looks_like_framing(std::string_view name) {
  std::string dashed(name);
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  return dashed != name && (same_word(dashed, "Content-Length") || same_word(dashed, "Transfer-Encoding"));
}

}  // namespace

std::optional<std::string_view> host_of(std::string_view authority) {
  const bool bracket = authority.starts_with('[');
  const size_t end = bracket ? authority.find(']') : authority.find(':');
  if (bracket && end == std::string_view::npos) return std::nullopt;
  const std::string_view host = authority.substr(0, bracket ? end + 1 : end);
  std::string_view port = authority.substr(host.size());
  const auto allowed = [&](char c) {
    if (bracket) return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
                        std::string_view("[]:.").find(c) != std::string_view::npos;
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._~%!$&'()*+;=").find(c) != std::string_view::npos;
  };
  if (host.empty() || !std::all_of(host.begin(), host.end(), allowed)) return std::nullopt;
  if (port.empty()) return host;
  port.remove_prefix(1);
  if (authority[host.size()] != ':' || port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit))
    return std::nullopt;
  return host;
}

void HeadParser::put(std::string_view& bytes) {
  while (!done_) {
    const size_t before = bytes.size();
    const auto line = lines_.next(bytes);
    if (line) taken_ += before - bytes.size();
    // A method or target can be refused before the rest of it has come.
    if (!line && !has_line_ && bytes.substr(0, bytes.find(' ')).size() > kMethod)
      malformed("the request begins with no method");
    if (taken_ + (line ? 0 : bytes.size()) > limits_.header_bytes) {
      if (has_line_) throw Refusal(431, "the request's header is too large", "header_too_large");
      throw Refusal(414, "the request's target is too long", "target_too_long");
    }
    if (!line) return;
    take_line(*line);
  }
}

void HeadParser::take_line(std::string_view line) {
  if (!has_line_) {
    if (line.empty()) return;  // RFC 9112 section 2.2: empty lines before a request are passed over
    has_line_ = true;
    return take_request_line(line);
  }
  if (!line.empty()) return take_field(line);
  finish();
  done_ = true;
}

void HeadParser::take_request_line(std::string_view line) {
  for (const char c : line)
    if (static_cast<unsigned char>(c) >= 0x80 || c == '\t')
      malformed("the request line has bytes that must be percent-encoded");
  const size_t first = line.find(' ');
  const std::string_view method = line.substr(0, first);
  if (!is_token(method) || method.size() > kMethod) malformed("the request begins with no method");
  if (first == std::string_view::npos) malformed("the request line has no target");
  line.remove_prefix(first + 1);
  const size_t second = line.find(' ');
  if (second == std::string_view::npos) malformed("the request line names no version of HTTP");
  const std::string_view version = line.substr(second + 1);
  const bool worded = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                      version[6] == '.' && is_digit(version[7]);
  if (!worded) malformed("the request line does not end with a version of HTTP");
  if (version[5] != '1') throw Refusal(505, "only HTTP/1.0 and HTTP/1.1 are spoken here", "bad_version");
  head_.method = method;
  head_.old = version[7] == '0';  // a later minor version is read as 1.1
  take_target(line.substr(0, second));
}

// A path, "*", or an address with scheme and host (RFC 9112 section 3.2).
void HeadParser::take_target(std::string_view target) {
  if (head_.method == "CONNECT")
    throw Refusal(501, "CONNECT is for proxies, and this server is none", "not_a_proxy");
  if (target.find_first_of("#\\") != std::string_view::npos)
    malformed("the target has a character that must be percent-encoded");
  if (target == "*" && head_.method == "OPTIONS") {
    head_.target += target;
    return;
  }
  const size_t colon = target.find("://");
  if (!target.starts_with('/') && colon != std::string_view::npos) {
    const std::string_view scheme = target.substr(0, colon);
    if (!same_word(scheme, "http") && !same_word(scheme, "https")) malformed("the target's scheme is not http");
    target.remove_prefix(colon + 3);
    const size_t end = std::min(target.find_first_of("/?"), target.size());
    head_.authority = target.substr(0, end);
    const auto host = host_of(head_.authority);
    if (!host) malformed("the target names no host, or more than a host");
    head_.host = *host;
    target.remove_prefix(end);
    if (!target.starts_with('/')) head_.target += '/';
    head_.target += target;
    return;
  }
  if (!target.starts_with('/')) malformed("the target is no path");
  head_.target += target;
}

void HeadParser::take_field(std::string_view line) {
  const FieldView field = split_field(line);
  if (head_.headers.size() >= limits_.header_fields)
    throw Refusal(431, fmt::format("the request has more than {} header fields", limits_.header_fields),
                  "header_too_large");
  if (looks_like_framing(field.name)) malformed("a header field's name has an underscore for a hyphen");
  for (const std::string_view name : kOnlyOnce) {
    if (!same_word(name, field.name)) continue;
    for (const Header& earlier : head_.headers)
      if (same_word(earlier.name, name)) malformed(fmt::format("{} is given twice", name));
  }
  head_.headers.push_back({std::string(field.name), std::string(field.value)});
}

void HeadParser::finish() {
  find_host();
  find_framing();
  head_.keep_alive = !head_.old;
  for (const Header& field : head_.headers)
    if (same_word(field.name, "Connection") && lists(field.value, "keep-alive")) head_.keep_alive = true;
  for (const Header& field : head_.headers)
    if (same_word(field.name, "Connection") && lists(field.value, "close")) head_.keep_alive = false;
}

void HeadParser::find_host() {
  const auto field = std::find_if(head_.headers.begin(), head_.headers.end(),
                                  [](const Header& header) { return same_word(header.name, "Host"); });
  if (field == head_.headers.end()) {
    if (!head_.old) malformed("Host is missing");
    return;
  }
  const auto host = host_of(field->value);
  if (!host) malformed("Host must name one host, with or without a port");
  if (!head_.authority.empty()) return;  // the target's own host goes before it, section 3.2.2
  head_.host = *host;
  head_.authority = field->value;
}

// How long the body is (RFC 9112 section 6). What could be read in two ways is refused.
void HeadParser::find_framing() {
  const std::string* length = nullptr;
  const std::string* encoding = nullptr;
  for (const Header& field : head_.headers) {
    if (same_word(field.name, "Content-Length")) length = &field.value;
    if (same_word(field.name, "Transfer-Encoding")) encoding = &field.value;
  }
  if (length) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), value);
    const bool number = !length->empty() && std::all_of(length->begin(), length->end(), is_digit);
    if (!number || error != std::errc() || end != length->data() + length->size())
      malformed("Content-Length is no number");
    if (length->size() > 1 && length->front() == '0') malformed("Content-Length begins with a zero");
    head_.length = value;
  }
  if (!encoding) return;
  if (length) malformed("Transfer-Encoding beside Content-Length");
  if (head_.old) malformed("Transfer-Encoding in HTTP/1.0");
  if (same_word(*encoding, "chunked")) {
    head_.chunked = true;
    return;
  }
  const auto codings = members(*encoding);
  for (size_t i = 0; i < codings.size(); ++i) {
    const std::string_view name = trim(codings[i].substr(0, codings[i].find(';')));
    if (!is_token(name)) malformed("Transfer-Encoding names no coding");
    if (same_word(name, "chunked") && (codings.size() == 1 || i + 1 < codings.size()))
      malformed("Transfer-Encoding: chunked must come last, alone and without parameters");
  }
  throw Refusal(501, "of transfer encodings only chunked is known", "bad_transfer_encoding");
}

}  // namespace fulmar::http
