// Writes the rules of a schema's values: a rule for each term that is met, from the root on.
#include "text/json_schema.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/json_text.h"
#include "text/json_grammar.h"
#include "text/node_graph.h"
#include "text/schema_numbers.h"
#include "text/schema_values.h"

namespace fulmar {
namespace {

class SchemaRules {
 public:
  SchemaRules(SchemaDocument& document, const JsonSchemaOptions& options)
      : values_(document, options.any_order, options.closed), json_(builder_, options.spaces), name_(options.name), objects_(options.objects) {}

  Grammar run() {
    const Term root = values_.root();
    if (!values_.inhabited(root)) fail_at(name_, "allows no value at all, or none that can be written");
    const NodeId start = objects_ ? object(root) : value(root);
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      const Term term = terms_[i];
      try {
        builder_.define(rules_[term], body(values_.of(term), values_.name_of(term)));
      } catch (const Error&) {
        rethrow_at(values_.name_of(term));
      }
    }
    return builder_.build(start, name_);
  }

 private:
  NodeId object(Term root) {
    ValueSet only;
    only.objects = values_.of(root).objects;
    if (only.objects.empty()) fail_at(name_, "allows no object, which it has to be");
    return body(only, values_.name_of(root));
  }

  NodeId value(Term term) {
    const auto [found, is_new] = rules_.try_emplace(term);
    if (is_new) {
      found->second = builder_.rule(values_.name_of(term));
      terms_.push_back(term);
    }
    return builder_.reference(found->second);
  }

  NodeId body(const ValueSet& values, const std::string& name) {
    std::vector<NodeId> options;
    if (values.null) options.push_back(builder_.literal("null"));
    if (values.yes) options.push_back(builder_.literal("true"));
    if (values.no) options.push_back(builder_.literal("false"));
    if (values.numbers.among == nullptr) {
      options.push_back(json_.any_number());
    } else if (!values.numbers.among->empty()) {
      static const TextAutomaton whole = whole_numbers();
      if (*values.numbers.among == whole)
        options.push_back(json_.whole_number());
      else if (const TextAutomaton offered = offered_numbers(*values.numbers.among, values.numbers.digits);
               !offered.empty())
        options.push_back(json_.number_of(offered, name));
    }
    if (!values.texts.is_none()) options.push_back(text(values.texts, name));
    for (const ArrayShape& shape : values.arrays) add_array(options, shape, name);
    for (const ObjectShape& shape : values.objects) add_object(options, shape, name);
    return builder_.choice(options);
  }

  NodeId text(const TextSet& texts, const std::string& name) {
    if (texts.is_all()) return json_.any_string();
    if (texts.among == nullptr) return json_.string_of(texts.min, texts.max);
    return json_.string_of(texts.automaton(), name);
  }

  NodeId comma() {
    if (!comma_) comma_ = builder_.sequence({builder_.literal(","), json_.space()});
    return *comma_;
  }
  // [ and ], or { and }: nothing in between where `empty`, or what `inside` says, with the closing one at its
  // end.
  void add_between(std::vector<NodeId>& options, const char* open, const char* close, bool empty,
                   const std::vector<NodeId>& inside) {
    std::vector<NodeId> ways = inside;
    if (empty) ways.push_back(builder_.literal(close));
    if (!ways.empty())
      options.push_back(builder_.sequence({builder_.literal(open), json_.space(), builder_.choice(ways)}));
  }
  NodeId closing(const char* close) { return builder_.sequence({json_.space(), builder_.literal(close)}); }

  void add_array(std::vector<NodeId>& options, const ArrayShape& given, const std::string& name) {
    if (!given.counts.empty()) {
      add_machine(options, values_.machine(given), "[", "]", name);
      return;
    }
    const ArrayShape shape = values_.usable(given);
    if (shape.min > shape.max) return;
    std::vector<NodeId> inside;
    const auto prefix = static_cast<uint32_t>(shape.prefix.size());
    if (prefix == 0 && shape.max > 0) {
      const NodeId item = value(shape.rest), more = builder_.sequence({comma(), item});
      const uint32_t most = shape.max == unbounded ? unbounded : shape.max - 1;
      inside.push_back(
          builder_.sequence({item, builder_.repeat(more, std::max(shape.min, 1U) - 1, most), closing("]")}));
    } else if (prefix > 0) {
      // States 1 to `prefix` have so many items; those of the rest follow the last one.
      NodeGraph graph;
      graph.states.resize(prefix + 2);
      for (uint32_t i = 0; i < prefix; ++i) {
        const NodeId item = value(shape.prefix[i]);
        graph.states[i].accepts = i > 0 && i >= shape.min;
        graph.states[i].edges.push_back({i == 0 ? item : builder_.sequence({comma(), item}), i + 1});
      }
      if (shape.max > prefix) {
        const NodeId more = builder_.sequence({comma(), value(shape.rest)});
        graph.states[prefix].edges.push_back(
            {builder_.repeat(more, std::max(shape.min, prefix) - prefix,
                             shape.max == unbounded ? unbounded : shape.max - prefix),
             prefix + 1});
        graph.states[prefix + 1].accepts = true;
      } else {
        graph.states[prefix].accepts = true;
      }
      inside.push_back(add_graph(builder_, graph, closing("]"), name));
    }
    add_between(options, "[", "]", shape.min == 0, inside);
  }

  void add_object(std::vector<NodeId>& options, const ObjectShape& shape, const std::string& name) {
    add_machine(options, values_.machine(shape), "{", "}", name);
  }

  // Each of the machine's states twice: where a member or an item comes next, and behind one, where a comma or the end
  // does. A label that many edges have is a rule: in any order six members stand in 192 places.
  void add_machine(std::vector<NodeId>& options, const ShapeMachine& machine, const char* open,
                   const char* close, const std::string& name) {
    std::vector<NodeId> keys;
    for (const ShapeMachine::Key& key : machine.keys) {
      const NodeId written = key.named ? builder_.literal(json_quoted(key.name) + ":")
                                       : builder_.sequence({text(key.others, name), builder_.literal(":")});
      keys.push_back(builder_.sequence({written, json_.blank()}));
    }
    std::map<std::pair<uint32_t, Term>, std::size_t> uses;
    for (const ShapeMachine::State& state : machine.states)
      for (const ShapeMachine::Edge& edge : state.edges) ++uses[{edge.key, edge.value}];
    std::map<std::pair<uint32_t, Term>, NodeId> labels;
    for (const auto& [label, count] : uses) {
      const auto& [key, term] = label;
      if (key == ShapeMachine::skip) {
        labels[label] = builder_.empty();
        continue;
      }
      NodeId made = value(term);
      if (!keys.empty()) made = builder_.sequence({keys[key], made});
      labels[label] = count > 1 && !keys.empty() ? builder_.ruled(name, made) : made;
    }
    const auto size = static_cast<uint32_t>(machine.states.size());
    NodeGraph graph;
    graph.states.resize(2 * std::size_t{size});
    for (uint32_t at = 0; at < size; ++at) {
      NodeGraph::State &next = graph.states[at], &behind = graph.states[size + at];
      for (const ShapeMachine::Edge& edge : machine.states[at].edges)
        next.edges.push_back({labels[{edge.key, edge.value}], edge.key == ShapeMachine::skip ? edge.to : size + edge.to});
      behind.accepts = may_close(machine, at);
      behind.edges.push_back({comma(), at});
    }
    add_between(options, open, close, may_close(machine, 0), {add_graph(builder_, graph, closing(close), name)});
  }

  // With nothing more but members that are left out.
  static bool may_close(const ShapeMachine& machine, uint32_t at) {
    while (true) {
      if (machine.states[at].accepts) return true;
      const auto& edges = machine.states[at].edges;
      const auto skip = std::ranges::find(edges, ShapeMachine::skip, &ShapeMachine::Edge::key);
      if (skip == edges.end()) return false;
      at = skip->to;
    }
  }

  GrammarBuilder builder_;
  SchemaValues values_;
  JsonGrammar json_;
  std::string name_;
  const bool objects_;
  std::map<Term, RuleId> rules_;
  std::vector<Term> terms_;  // in the order of their rules
  std::optional<NodeId> comma_;
};

}  // namespace

Grammar compile_json_schema(std::string_view schema, const JsonSchemaOptions& options) {
  const StepBudget budget(max_schema_steps);
  SchemaDocument document(schema, options.name);
  return SchemaRules(document, options).run();
}

}  // namespace fulmar
