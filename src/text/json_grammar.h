// The parts of JSON that every grammar of it has: white space, strings with their escapes, numbers.
#pragma once
#include <optional>

#include "text/schema_bounds.h"
#include "text/text_automaton.h"

namespace fulmar {

class JsonGrammar {
 public:
  JsonGrammar(GrammarBuilder& builder, bool spaces) : builder_(builder), spaces_(spaces) {}

  NodeId space();       // where a line may be broken: nothing, a blank, or a break and an indentation
  NodeId blank();       // at most one
  NodeId any_string();  // with its quotes
  NodeId string_of(uint32_t min, uint32_t max);  // of so many characters
  NodeId string_of(const TextAutomaton& texts, const std::string& name);
  NodeId any_number();  // with an exponent too
  NodeId whole_number();
  NodeId number_of(const TextAutomaton& spellings, const std::string& name);

  // A character of the set as it stands in a string: escaped only where it has to be, but where all are meant
  // in any way.
  NodeId character(const CodePointSet& set);

 private:
  NodeId graph(const TextAutomaton& texts, bool escaped, NodeId end, const std::string& name);
  // A rule that is made when it is first asked for.
  template <typename Make>
  NodeId once(std::optional<RuleId>& rule, const char* name, Make make);

  GrammarBuilder& builder_;
  bool spaces_;
  std::optional<RuleId> space_, character_, control_, string_, number_, whole_number_;
};

}  // namespace fulmar
