// HTTP messages as text: heads, chunks, targets.
#include "http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace fulmar::http {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Payload Too Large";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return status < 500 ? "Error" : "Internal Server Error";
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Percent decoding; a '%' that starts no escape stays as it is.
std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const Header& field : headers)
    if (same_name(field.name, name)) return field.value;
  return {};
}

std::string head_of(const Response& response, Body body, bool keep_alive) {
  std::string head;
  auto out = std::back_inserter(head);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
  if (response.status != 204) fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
  if (body == Body::chunked) head += "Transfer-Encoding: chunked\r\n";
  if (body == Body::sized && response.status != 204)
    fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
  fmt::format_to(out, "Connection: {}\r\n", keep_alive ? "keep-alive" : "close");
  head +=
      "Access-Control-Allow-Origin: *\r\n"
      "Access-Control-Allow-Methods: GET, POST, PUT, DELETE, OPTIONS\r\n"
      "Access-Control-Allow-Headers: Content-Type, Authorization\r\n";
  for (const Header& field : response.headers) fmt::format_to(out, "{}: {}\r\n", field.name, field.value);
  head += "\r\n";
  return head;
}

std::string chunk_of(std::string_view bytes) {
  return bytes.empty() ? "0\r\n\r\n" : fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

void split_target(std::string_view target, Request& request) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const size_t slash = target.find('/', scheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
    break;
  }
  target = target.substr(0, target.find('#'));
  const size_t question = target.find('?');
  request.path = decode(target.substr(0, question));
  request.query = question == std::string_view::npos ? "" : std::string(target.substr(question + 1));
}

}  // namespace fulmar::http
