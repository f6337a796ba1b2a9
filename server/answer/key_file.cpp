// Reads and checks keys.
#include "answer/key_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "answer/body.h"
#include "base/fail.h"

namespace fulmar::api {
namespace {

using enum FieldType;

constexpr Field entry[] = {
    {"name", text, "required", "Whose key it is: letters, digits, `.`, `_` and `-`. His sessions are kept as `NAME/SESSION`.", 0, 64},
    {"key", text, "this or `sha256`", "What he sends: visible ASCII without spaces, 16 bytes at least.", 0, 256},
    {"sha256", text, "this or `key`", "Its SHA-256 in hexadecimal instead, of the key without an end of line (`printf %s KEY` into `sha256sum`), so that the file gives no key away.", 0, 64},
    {"models", list, "all", "The models that he may use, and their tuned states.", 0, 256},
    {"manage", boolean, "false", "Whether he may load and unload models, end the server, and set what holds for others."},
    {"requests_per_minute", integer, "any number", "More of those that do not only look: 429.", 1, 1'000'000},
    {"tokens_per_minute", integer, "any number", "Tokens of prompts and answers, counted when an answer ends; past them: 429.", 1, 1'000'000'000},
};

constexpr size_t kLeastBytes = 16;  // of a key

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kKeyFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) fail(ErrorKind::misuse, "cannot be read");
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kKeyFileBytes) fail(ErrorKind::misuse, "has more than {} bytes", kKeyFileBytes);
  return text;
}

void check_members(const json::object& object, const FieldTable& table) {
  for (const auto& member : object) {
    const std::string_view name(member.key().data(), member.key().size());
    if (!table.find(name)) fail(ErrorKind::misuse, "there is no field {:.64}", name);
  }
}

Sha256 digest_of(const Fields& fields) {
  const auto key = fields.text("key"), digest = fields.text("sha256");
  if (key.has_value() == digest.has_value()) fail(ErrorKind::misuse, "give key or sha256, and not both");
  if (digest) {
    const std::optional<Sha256> read = sha256_from_hex(*digest);
    if (!read) bad_field("sha256", "must be 64 digits of hexadecimal");
    return *read;
  }
  const auto unsent = [](unsigned char c) { return c <= ' ' || c > '~'; };
  if (std::any_of(key->begin(), key->end(), unsent)) bad_field("key", "has a character that no HTTP header carries");
  if (key->size() < kLeastBytes) bad_field("key", fmt::format("has fewer than {} bytes, which can be guessed", kLeastBytes));
  return sha256(*key);
}

http::Key key_of(const json::value& value) {
  if (!value.is_object()) fail(ErrorKind::misuse, "is no object");
  check_members(value.get_object(), key_fields);
  const Fields fields(value.get_object(), key_fields);
  http::Key key;
  key.name = fields.text("name").value_or("");
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  if (key.name.empty() || !std::all_of(key.name.begin(), key.name.end(), fits))
    bad_field("name", "must be letters, digits, '.', '_' and '-'");
  key.digest = digest_of(fields);
  key.manages = fields.boolean("manage").value_or(false);
  key.requests = static_cast<uint32_t>(fields.integer("requests_per_minute").value_or(0));
  key.tokens = static_cast<uint32_t>(fields.integer("tokens_per_minute").value_or(0));
  if (const json::array* models = fields.list("models"))
    for (const json::value& model : *models) key.models.push_back(string_of(model, "models"));
  else if (value.get_object().contains("models"))
    bad_field("models", "is empty; leave it out where all are meant");
  return key;
}

void check_others(const http::Key& key, const std::vector<http::Key>& before) {
  for (const http::Key& other : before) {
    if (other.digest == key.digest) fail(ErrorKind::misuse, "{} has the same key", other.name);
    if (other.name == key.name) fail(ErrorKind::misuse, "there is a {} already", key.name);
  }
}

constexpr Field top[] = {{"keys", list, "required", "The keys.", 0, kKeys}};
constexpr FieldTable file_fields{"the file of keys", top, {}};

}  // namespace

constexpr FieldTable key_fields{"keys", entry, {}};

std::vector<http::Key> read_key_file(const std::string& path) {
  std::vector<http::Key> keys;
  std::string where;
  try {
    const json::object object = parse_object(contents_of(path));
    check_members(object, file_fields);
    Fields(object, file_fields).list("keys");  // its length
    const json::value* const entries = object.if_contains("keys");
    if (!entries || !entries->is_array()) fail(ErrorKind::misuse, "has no list \"keys\"");
    for (const json::value& value : entries->get_array()) {
      where = fmt::format(" keys[{}]", keys.size());
      http::Key key = key_of(value);
      check_others(key, keys);
      keys.push_back(std::move(key));
    }
  } catch (const Error& error) {
    throw Error(ErrorKind::misuse, fmt::format("--api-key-file {}:{} {}", path, where, error.what()));
  }
  return keys;
}

}  // namespace fulmar::api
