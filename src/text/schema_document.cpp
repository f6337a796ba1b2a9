// Finds the named parts of a schema, and resolves references by URI, JSON pointer and anchor.
#include "text/schema_document.h"

#include <algorithm>
#include <charconv>

#include "base/fail.h"
#include "base/utf8.h"

namespace fulmar {
namespace {

using Words = std::vector<std::string_view>;

bool among(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

const Words& with_schema() {
  static const Words words = {"additionalProperties",
                              "additionalItems",
                              "items",
                              "contains",
                              "not",
                              "if",
                              "then",
                              "else",
                              "propertyNames",
                              "unevaluatedItems",
                              "unevaluatedProperties"};
  return words;
}
const Words& with_list() {
  static const Words words = {"allOf", "anyOf", "oneOf", "prefixItems", "items"};
  return words;
}
const Words& with_names() {
  static const Words words = {"properties",  "patternProperties", "$defs",
                              "definitions", "dependentSchemas",  "dependencies"};
  return words;
}

std::string_view text_of(const JsonNode& node, std::string_view key) {
  const JsonNode* found = node.find(key);
  return found != nullptr && found->is(JsonNode::Kind::string) ? std::string_view(found->text)
                                                               : std::string_view();
}

bool has_scheme(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  return colon != uri.npos && colon != 0 && uri.find_first_of("/?#") > colon;
}

// RFC 3986, section 5.2, without queries.
std::string resolved(std::string_view base, std::string_view reference) {
  if (has_scheme(reference) || base.empty()) return std::string(reference);
  if (reference.empty()) return std::string(base);
  const std::size_t colon = base.find(':');
  std::size_t path = colon == base.npos ? 0 : colon + 1;
  if (base.substr(path).starts_with("//")) path = std::min(base.find('/', path + 2), base.size());
  if (reference.starts_with("//")) return std::string(base.substr(0, colon + 1)) + std::string(reference);
  std::string joined(reference);
  if (!reference.starts_with('/')) {
    const std::string_view folder =
        base.substr(path, base.rfind('/') + 1 - std::min(path, base.rfind('/') + 1));
    joined = folder.empty() ? "/" + joined : std::string(folder) + joined;
  }
  std::vector<std::string> parts;
  for (std::size_t at = 1; at <= joined.size();) {
    const std::size_t end = std::min(joined.find('/', at), joined.size());
    const std::string part = joined.substr(at, end - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  std::string whole(base.substr(0, path));
  for (const std::string& part : parts) whole.append(1, '/').append(part);
  return whole;
}

int hex(char c) {
  int value = -1;
  std::from_chars(&c, &c + 1, value, 16);
  return value;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      decoded += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string pointer_decoded(std::string token) {
  for (const auto& [coded, plain] : {std::pair{"~1", '/'}, std::pair{"~0", '~'}})
    for (std::size_t at = 0; (at = token.find(coded, at)) != token.npos; ++at) token.replace(at, 2, 1, plain);
  return token;
}

std::string inside(const std::string& path, std::string_view key) {
  return fmt::format("{}.{}", path, shown(key, 60));
}

}  // namespace

void fail_at(const std::string& path, std::string_view sentence) {
  throw Error(ErrorKind::bad_request, fmt::format("{}: {}", path, sentence), path);
}

void rethrow_at(const std::string& path) {
  try {
    throw;
  } catch (const Error& error) {
    if (!error.param().empty() || error.kind() != ErrorKind::bad_request) throw;
    fail_at(path, error.what());
  }
}

SchemaDocument::SchemaDocument(std::string_view text, std::string_view name)
    : name_(name), tree_(read_json_tree(text, {max_schema_bytes, max_schema_depth, max_schema_nodes}, name)) {
  const std::string_view dialect = text_of(tree_, "$schema");
  for (const std::string_view old : {"draft-03", "draft-04", "draft-06", "draft-07"})
    old_references_ |= dialect.find(old) != dialect.npos;
  resources_.push_back({"", name_, &tree_, {}});
  walk(tree_, name_, 0);
}

void SchemaDocument::walk(const JsonNode& node, const std::string& path, uint32_t resource) {
  if (!node.is(JsonNode::Kind::object)) return;
  if (!only_reference(node)) {
    const std::string_view id = text_of(node, "$id");
    const std::size_t hash = std::min(id.find('#'), id.size());
    const std::string_view uri = id.substr(0, hash);
    if (!uri.empty()) {
      const std::string whole = resolved(resources_[resource].uri, uri);
      if (&node == &tree_) {
        resources_[0].uri = whole;
      } else {
        resource = static_cast<uint32_t>(resources_.size());
        resources_.push_back({whole, path, &node, {}});
      }
    }
    std::string_view anchor = hash < id.size() ? id.substr(hash + 1) : std::string_view();
    for (const std::string_view key : {"$anchor", "$dynamicAnchor"}) {
      if (!anchor.empty()) resources_[resource].anchors.emplace(anchor, std::pair{&node, path});
      anchor = text_of(node, key);
    }
    if (!anchor.empty()) resources_[resource].anchors.emplace(anchor, std::pair{&node, path});
  }
  resource_of_[&node] = resource;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const std::string& key = node.keys[i];
    const JsonNode& value = node.items[i];
    const std::string at = inside(path, key);
    if (value.is(JsonNode::Kind::object) && among(with_schema(), key)) walk(value, at, resource);
    if (value.is(JsonNode::Kind::array) && among(with_list(), key))
      for (std::size_t j = 0; j < value.items.size(); ++j)
        walk(value.items[j], fmt::format("{}[{}]", at, j), resource);
    if (value.is(JsonNode::Kind::object) && among(with_names(), key))
      for (std::size_t j = 0; j < value.items.size(); ++j)
        walk(value.items[j], inside(at, value.keys[j]), resource);
  }
}

SchemaPlace SchemaDocument::place(const JsonNode* node, std::string path, uint32_t resource) {
  const auto [found, is_new] = known_.try_emplace(node, static_cast<SchemaPlace>(places_.size()));
  if (is_new) {
    const auto walked = resource_of_.find(node);
    places_.push_back({node, std::move(path), walked == resource_of_.end() ? resource : walked->second});
  }
  return found->second;
}

SchemaPlace SchemaDocument::member(SchemaPlace parent, std::string_view key) {
  return place(node(parent).find(key), inside(path(parent), key), places_[parent].resource);
}

SchemaPlace SchemaDocument::item(SchemaPlace parent, std::size_t index) {
  const JsonNode& list = node(parent);
  std::string at = list.is(JsonNode::Kind::object) ? inside(path(parent), list.keys[index])
                                                   : fmt::format("{}[{}]", path(parent), index);
  return place(&list.items[index], std::move(at), places_[parent].resource);
}

SchemaPlace SchemaDocument::target(SchemaPlace from, std::string_view reference) {
  const std::string said_at = inside(path(from), "$ref");
  const std::size_t hash = std::min(reference.find('#'), reference.size());
  uint32_t resource = places_[from].resource;
  if (hash != 0) {
    const std::string uri = resolved(resources_[resource].uri, reference.substr(0, hash));
    const auto found = std::find_if(resources_.begin(), resources_.end(),
                                    [&](const Resource& one) { return one.uri == uri; });
    if (found == resources_.end())
      fail_at(said_at,
              fmt::format("\"{}\" is not in this schema; put it under $defs", shown(reference, 120)));
    resource = static_cast<uint32_t>(found - resources_.begin());
  }
  const std::string fragment = percent_decoded(hash < reference.size() ? reference.substr(hash + 1) : "");
  if (fragment.empty() || fragment.starts_with('/')) return follow(resource, fragment, said_at);
  const auto& anchors = resources_[resource].anchors;
  const auto found = anchors.find(fragment);
  if (found == anchors.end())
    fail_at(said_at, fmt::format("there is no $anchor \"{}\" in this schema", shown(fragment, 120)));
  return place(found->second.first, found->second.second, resource);
}

SchemaPlace SchemaDocument::follow(uint32_t resource, std::string_view pointer, const std::string& said_at) {
  const JsonNode* at = resources_[resource].root;
  std::string path = resources_[resource].path;
  while (!pointer.empty()) {
    const std::size_t end = std::min(pointer.find('/', 1), pointer.size());
    const std::string token = pointer_decoded(std::string(pointer.substr(1, end - 1)));
    pointer.remove_prefix(end);
    const JsonNode* next = nullptr;
    if (at->is(JsonNode::Kind::object)) {
      next = at->find(token);
      path = inside(path, token);
    } else if (at->is(JsonNode::Kind::array)) {
      std::size_t index = 0;
      const auto [last, error] = std::from_chars(token.data(), token.data() + token.size(), index);
      if (error == std::errc{} && last == token.data() + token.size() && index < at->items.size())
        next = &at->items[index];
      path = fmt::format("{}[{}]", path, index);
    }
    if (next == nullptr)
      fail_at(said_at, fmt::format("there is nothing at \"{}\" of what it points to", shown(token, 120)));
    at = next;
    const auto walked = resource_of_.find(at);
    if (walked != resource_of_.end()) resource = walked->second;
  }
  return place(at, std::move(path), resource);
}

}  // namespace fulmar
