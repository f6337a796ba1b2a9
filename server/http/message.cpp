// HTTP messages as text: heads, dates, chunks, targets.
#include "http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "http/syntax.h"

namespace fulmar::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Percent decoding; a '%' that starts no escape stays as it is. `slash`: where the first one that was escaped stands, npos
// for none.
std::string decode(std::string_view text, size_t* slash = nullptr) {
  std::string out;
  if (slash) *slash = out.npos;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
    } else {
      if (slash && high * 16 + low == '/') *slash = std::min(*slash, out.size());
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", in English whatever the locale.
std::string http_date(std::chrono::system_clock::time_point now) {
  static const char* const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char* const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - day).count();
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), seconds / 3600, seconds / 60 % 60, seconds % 60);
}

}  // namespace

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
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

std::string_view Request::header(std::string_view name) const {
  for (const Header& field : headers)
    if (same_word(field.name, name)) return field.value;
  return {};
}

std::optional<std::string> Request::asked(std::string_view name) const {
  for (std::string_view rest = query; !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const size_t equals = std::min(pair.find('='), pair.size());
    std::string value(pair.substr(std::min(pair.size(), equals + 1)));
    std::replace(value.begin(), value.end(), '+', ' ');
    if (decode(pair.substr(0, equals)) == name) return decode(value);
  }
  return std::nullopt;
}

std::string head_of(const Response& response, Body body, bool keep_alive, std::string_view more) {
  std::string head;
  auto out = std::back_inserter(head);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason_of(response.status),
                 http_date(std::chrono::system_clock::now()));
  if (response.status != 204) fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
  if (body == Body::chunked) head += "Transfer-Encoding: chunked\r\n";
  if (body == Body::sized && response.status != 204)
    fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
  fmt::format_to(out, "Connection: {}\r\n{}", keep_alive ? "keep-alive" : "close", more);
  for (const Header& field : response.headers) fmt::format_to(out, "{}: {}\r\n", field.name, field.value);
  head += "\r\n";
  return head;
}

std::string chunk_of(std::string_view bytes) {
  return bytes.empty() ? "0\r\n\r\n" : fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

bool read_path(std::string_view target, std::string& path, size_t& slash) {
  std::string folded;
  for (const char c : target.substr(0, target.find('?')))
    if (c != '/' || !folded.ends_with('/')) folded += c;
  if (folded.size() > 1 && folded.ends_with('/')) folded.pop_back();
  path = decode(folded, &slash);
  return std::none_of(path.begin(), path.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string_view query_of(std::string_view target) {
  const size_t mark = target.find('?');
  return mark == target.npos ? std::string_view() : target.substr(mark + 1);
}

std::string printable(std::string_view text, size_t most) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= most) return out += "...";
    if (c > 0x20 && c < 0x7f && c != '\\') {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace fulmar::http
