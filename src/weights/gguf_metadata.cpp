// Reading typed values, and the vocabulary among them.
#include "weights/gguf_metadata.h"

#include <bit>

#include "base/utf8.h"
#include "weights/little_endian.h"

namespace fulmar {
namespace {

constexpr uint64_t max_tokens = 1 << 20, max_pairs = 1 << 16;
constexpr uint64_t max_token_bytes = uint64_t{128} << 20;  // of all tokens, escaped and with their lengths
constexpr uint64_t smallest_pair = 13;                     // a key's length, a type, one byte

// Bytes of a number of this type; 0 for texts and arrays.
uint64_t width(GgufType type) {
  constexpr uint8_t widths[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return widths[static_cast<uint32_t>(type)];
}

GgufType read_type(const FileErrors& errors, GgufCursor& cursor, std::string_view key) {
  const uint32_t type = cursor.u32();
  if (type > static_cast<uint32_t>(GgufType::f64))
    errors.bad("the metadata's {} is of type {}, which does not exist", replace_bad_utf8(key), type);
  return static_cast<GgufType>(type);
}

GgufValue read_value(const FileErrors& errors, GgufCursor& cursor, std::string_view key) {
  GgufValue value{read_type(errors, cursor, key)};
  if (value.type == GgufType::text) {
    value.text = cursor.text();
  } else if (value.type != GgufType::array) {
    value.bytes = cursor.take(width(value.type));
  } else {
    value.element = read_type(errors, cursor, key);
    value.count = cursor.u64();
    if (value.element == GgufType::array)
      errors.unsupported("the metadata's {} is an array of arrays", replace_bad_utf8(key));
    const uint64_t each = value.element == GgufType::text ? 8 : width(value.element);
    if (value.count > cursor.left() / each)
      errors.bad("the metadata's {} claims {} elements, but the file has only {} bytes more",
                 replace_bad_utf8(key), value.count, cursor.left());
    if (value.element == GgufType::text) {
      GgufCursor ahead = cursor;
      for (uint64_t i = 0; i < value.count; ++i) ahead.text();
      value.bytes = cursor.take(ahead.at() - cursor.at());
    } else {
      value.bytes = cursor.take(value.count * each);
    }
  }
  return value;
}

int64_t whole_of(GgufType type, const std::byte* at) {
  switch (type) {
    case GgufType::u8:
    case GgufType::boolean:
      return little_endian<uint8_t>(at);
    case GgufType::i8:
      return static_cast<int8_t>(little_endian<uint8_t>(at));
    case GgufType::u16:
      return little_endian<uint16_t>(at);
    case GgufType::i16:
      return static_cast<int16_t>(little_endian<uint16_t>(at));
    case GgufType::u32:
      return little_endian<uint32_t>(at);
    case GgufType::i32:
      return static_cast<int32_t>(little_endian<uint32_t>(at));
    default:  // past 2^63 nothing counts anything
      return static_cast<int64_t>(little_endian<uint64_t>(at));
  }
}

bool is_real(GgufType type) {
  return type == GgufType::f32 || type == GgufType::f64;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// \t \n \r, \xHH, and a backslash before any other character for that character.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
    }
  }
  return out;
}

}  // namespace

std::span<const std::byte> GgufCursor::take(uint64_t count) {
  if (count > left())
    errors_.bad("{} bytes are missing behind byte {}: is the file cut short?", count - left(), at_);
  at_ += count;
  return bytes_.subspan(at_ - count, count);
}

uint32_t GgufCursor::u32() {
  return little_endian<uint32_t>(take(4).data());
}

uint64_t GgufCursor::u64() {
  return little_endian<uint64_t>(take(8).data());
}

std::string_view GgufCursor::text() {
  const auto bytes = take(u64());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

GgufMetadata::GgufMetadata(const FileErrors& errors, GgufCursor& cursor, uint64_t count) {
  if (count > cursor.left() / smallest_pair)
    errors.bad("the metadata claims {} values, but the file has only {} bytes more", count, cursor.left());
  if (count > max_pairs)
    errors.bad("the metadata claims {} values; at most {} are possible", count, max_pairs);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view key = cursor.text();
    if (!values_.emplace(key, read_value(errors, cursor, key)).second)
      errors.bad("the metadata has {} twice", replace_bad_utf8(key));
  }
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

std::optional<std::string_view> GgufMetadata::text(std::string_view key) const {
  const GgufValue* value = find(key);
  return value && value->type == GgufType::text ? std::optional(value->text) : std::nullopt;
}

std::optional<uint64_t> GgufMetadata::whole(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value || value->type == GgufType::text || value->type == GgufType::array || is_real(value->type))
    return std::nullopt;
  const int64_t number = whole_of(value->type, value->bytes.data());
  return number < 0 ? std::nullopt : std::optional(static_cast<uint64_t>(number));
}

std::optional<double> GgufMetadata::real(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value || value->type == GgufType::text || value->type == GgufType::array) return std::nullopt;
  const std::byte* at = value->bytes.data();
  if (value->type == GgufType::f32) return double{std::bit_cast<float>(little_endian<uint32_t>(at))};
  if (value->type == GgufType::f64) return std::bit_cast<double>(little_endian<uint64_t>(at));
  return static_cast<double>(whole_of(value->type, at));
}

std::optional<std::string> GgufMetadata::printed(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value || value->type == GgufType::array) return std::nullopt;
  if (value->type == GgufType::text) return std::string(value->text);
  if (value->type == GgufType::f32) return fmt::format("{:.9g}", *real(key));
  if (value->type == GgufType::f64) return fmt::format("{:.17g}", *real(key));
  return std::to_string(whole_of(value->type, value->bytes.data()));
}

std::optional<EmbeddedVocabulary> gguf_vocabulary(const FileErrors& errors, const GgufMetadata& metadata) {
  if (metadata.text("tokenizer.ggml.model") != "rwkv") return std::nullopt;
  const GgufValue* tokens = metadata.find("tokenizer.ggml.tokens");
  if (!tokens || tokens->type != GgufType::array || tokens->element != GgufType::text) return std::nullopt;
  if (tokens->count > max_tokens)
    errors.bad("the vocabulary claims {} tokens; at most {} are possible", tokens->count, max_tokens);
  if (tokens->bytes.size() > max_token_bytes)
    errors.bad("the vocabulary's tokens take more than {} MiB", max_token_bytes >> 20);
  const GgufValue* kinds = metadata.find("tokenizer.ggml.token_type");
  const bool typed = kinds && kinds->type == GgufType::array && kinds->element == GgufType::i32 &&
                     kinds->count == tokens->count;
  EmbeddedVocabulary out;
  GgufCursor cursor(errors, tokens->bytes);
  for (uint64_t id = 0; id < tokens->count; ++id) {
    constexpr uint32_t normal = 1, user_defined = 4, byte = 6;
    const std::string_view text = cursor.text();
    const uint32_t kind = typed ? little_endian<uint32_t>(kinds->bytes.data() + id * 4) : normal;
    const bool is_text = kind == normal || kind == user_defined || kind == byte;
    // Where kinds are not told apart, id 0 stands for no text, as in World.
    out.tokens.push_back(is_text && (typed || id > 0) ? unescaped(text) : std::string());
  }
  const auto special = [&](std::string_view key) -> std::optional<uint32_t> {
    const auto id = metadata.whole(key);
    return id && *id < tokens->count ? std::optional(static_cast<uint32_t>(*id)) : std::nullopt;
  };
  // Files name all kinds of tokens as the end: 2 from converters' habit, or the empty line that ends a turn.
  // RWKV was trained with 0; and a token that has a text never loses it.
  out.end_of_text = special("tokenizer.ggml.eos_token_id");
  if (!out.tokens.empty() && out.tokens[0].empty()) out.end_of_text = 0;
  if (out.end_of_text.value_or(0) != 0 && !out.tokens[*out.end_of_text].empty()) out.end_of_text.reset();
  out.end_of_turn = special("tokenizer.ggml.eot_token_id");
  return out;
}

}  // namespace fulmar
