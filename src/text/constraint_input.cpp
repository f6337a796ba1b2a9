// One reader for each kind; parts are put together as they are.
#include "text/constraint_input.h"

#include <map>
#include <vector>

#include "base/fail.h"
#include "text/gbnf.h"
#include "text/json_schema.h"
#include "text/regex.h"
#include "text/schema_bounds.h"
#include "text/text_automaton.h"

namespace fulmar {
namespace {

using InputKind = ConstraintInput::Kind;

constexpr std::string_view any_object = R"({"type":"object"})";

// Any text up to the mark, and then `rest`: a rule for each beginning of the mark that the text may end in.
NodeId text_before(GrammarBuilder& grammar, std::string_view mark, NodeId rest) {
  std::vector<RuleId> rules;
  for (std::size_t i = 0; i < mark.size(); ++i) rules.push_back(grammar.rule(fmt::format("text-{}", i)));
  for (std::size_t read = 0; read < mark.size(); ++read) {
    std::map<std::size_t, ByteSet> leads_to;
    for (unsigned byte = 0; byte < 256; ++byte) {
      // The longest beginning of the mark that ends with this byte.
      const std::string seen = std::string(mark.substr(0, read)) + static_cast<char>(byte);
      std::size_t length = seen.size();
      while (length > 0 && !mark.starts_with(std::string_view(seen).substr(seen.size() - length))) --length;
      leads_to[length].add(static_cast<unsigned char>(byte));
    }
    std::vector<NodeId> options = {grammar.empty()};
    for (const auto& [length, set] : leads_to) {
      const NodeId next = length == mark.size() ? rest : grammar.reference(rules[length]);
      options.push_back(grammar.sequence({grammar.bytes(set), next}));
    }
    grammar.define(rules[read], grammar.choice(options));
  }
  return grammar.reference(rules.front());
}

class Maker {
 public:
  NodeId make(const ConstraintInput& input, int depth) {
    if (++count_ > max_constraint_parts) refuse(input, fmt::format("has more than {} parts", max_constraint_parts));
    if (depth > max_constraint_depth) refuse(input, fmt::format("nests deeper than {}", max_constraint_depth));
    switch (input.kind) {
      case InputKind::json_object:
      case InputKind::json_schema: return schema(input);
      case InputKind::literal: return builder_.literal(input.text);
      case InputKind::regex: return named(input, [&] { return add_regex(builder_, input.text); });
      case InputKind::grammar: return named(input, [&] { return builder_.include(parse_gbnf(input.text)); });
      case InputKind::repeated: return repeated(input, depth);
      case InputKind::text_before: return text_before(builder_, input.text, part_of(input, depth));
      case InputKind::any_of:
      case InputKind::sequence: break;
    }
    std::vector<NodeId> parts;
    for (const ConstraintInput& part : input.parts) parts.push_back(make(part, depth + 1));
    return input.kind == InputKind::any_of ? builder_.choice(parts) : builder_.sequence(parts);
  }

  Grammar build(NodeId root) { return builder_.build(root, "root"); }

 private:
  [[noreturn]] static void refuse(const ConstraintInput& input, const std::string& what) {
    throw Error(ErrorKind::bad_request, fmt::format("{} {}", input.field, what), input.field);
  }

  static Grammar compiled(std::string_view text, const ConstraintInput& input) {
    const std::string& field = input.field;
    JsonSchemaOptions options;
    if (!field.empty()) options.name = field;
    options.any_order = !input.in_order;
    options.closed = true;
    options.objects = input.kind == InputKind::json_object;
    try {
      return compile_json_schema(text, options);
    } catch (const Error& error) {
      throw Error(error.kind(), error.what(), field);
    }
  }

  static Grammar compiled_or_any(const ConstraintInput& input) {
    try {
      return compiled(input.text, input);
    } catch (const Error&) {
      return compiled(any_object, input);
    }
  }

  // What is too large together with what comes before it is no fault of this one's field.
  NodeId schema(const ConstraintInput& input) {
    if (input.kind == InputKind::json_object && input.text.empty()) return builder_.include(compiled(any_object, input));
    return builder_.include(input.lenient ? compiled_or_any(input) : compiled(input.text, input));
  }

  NodeId part_of(const ConstraintInput& input, int depth) {
    require(input.parts.size() == 1, "{} parts where there is one", input.parts.size());
    return make(input.parts[0], depth + 1);
  }

  NodeId repeated(const ConstraintInput& input, int depth) {
    const RuleId part = builder_.rule("part");
    builder_.define(part, part_of(input, depth));
    const NodeId another = builder_.sequence({builder_.literal(input.text), builder_.reference(part)});
    return builder_.sequence({builder_.reference(part), builder_.repeat(another, 0, input.most - 1)});
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
  key += fmt::format("{}:{}:{}:{}{}:", input.text.size(), input.parts.size(), input.most, input.lenient ? "l" : "", input.in_order ? "o" : "");
  key += input.text;
  for (const ConstraintInput& part : input.parts) append_key(part, key);
}

}  // namespace

Grammar grammar_of(const ConstraintInput& input) {
  const StepBudget budget(max_form_steps);
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
