// One reader for each kind; parts are put together as they are.
#include "text/constraint_input.h"

#include <vector>

#include "base/fail.h"
#include "text/gbnf.h"
#if __has_include("text/json_schema.h")
#include "text/json_schema.h"
#define HAS_SCHEMA
#endif
#include "text/regex.h"

namespace fulmar {
namespace {

using Kind = ConstraintInput::Kind;

class Maker {
 public:
  NodeId make(const ConstraintInput& input, int depth) {
    if (++count_ > max_constraint_parts) refuse(input, fmt::format("has more than {} parts", max_constraint_parts));
    if (depth > max_constraint_depth) refuse(input, fmt::format("nests deeper than {}", max_constraint_depth));
    switch (input.kind) {
      case Kind::json_object: return schema(R"({"type":"object"})", input.field);
      case Kind::json_schema: return schema(input.text, input.field);
      case Kind::literal: return builder_.literal(input.text);
      case Kind::regex: return named(input, [&] { return add_regex(builder_, input.text); });
      case Kind::grammar: return named(input, [&] { return builder_.include(parse_gbnf(input.text)); });
      case Kind::any_of:
      case Kind::sequence: break;
    }
    std::vector<NodeId> parts;
    for (const ConstraintInput& part : input.parts) parts.push_back(make(part, depth + 1));
    return input.kind == Kind::any_of ? builder_.choice(parts) : builder_.sequence(parts);
  }

  Grammar build(NodeId root) { return builder_.build(root, "root"); }

 private:
  [[noreturn]] static void refuse(const ConstraintInput& input, const std::string& what) {
    throw Error(ErrorKind::bad_request, fmt::format("{} {}", input.field, what), input.field);
  }

  NodeId schema(std::string_view text, const std::string& field) {
#ifndef HAS_SCHEMA
    static_cast<void>(text), throw Error(ErrorKind::unsupported, "no schemas yet", field);
#else
    JsonSchemaOptions options;
    if (!field.empty()) options.name = field;
    try {
      return builder_.include(compile_json_schema(text, options));
    } catch (const Error& error) {
      throw Error(error.kind(), error.what(), field);
    }
#endif
  }

  template <class Make>
  NodeId named(const ConstraintInput& input, const Make& make) {
    try {
      return make();
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("{}: {}", input.field, error.what()), input.field);
    }
  }

  GrammarBuilder builder_;
  std::size_t count_ = 0;
};

void append_key(const ConstraintInput& input, std::string& key) {
  key += static_cast<char>('a' + static_cast<int>(input.kind));
  key += fmt::format("{}:{}:", input.text.size(), input.parts.size());
  key += input.text;
  for (const ConstraintInput& part : input.parts) append_key(part, key);
}

}  // namespace

Grammar grammar_of(const ConstraintInput& input) {
  Maker maker;
  const NodeId root = maker.make(input, 0);
  return maker.build(root);
}

std::string key_of(const ConstraintInput& input) {
  std::string key;
  append_key(input, key);
  return key;
}

}  // namespace fulmar
