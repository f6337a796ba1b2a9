// Which JSON values a term of schemas allows, and whether there are any.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "text/schema_bounds.h"
#include "text/schema_document.h"
#include "text/schema_machine.h"
#include "text/schema_sets.h"

namespace fulmar {

class SchemaValues {
 public:
  SchemaValues(SchemaDocument& document, bool any_order, bool closed)
      : document_(document), sets_(terms_), any_order_(any_order), closed_(closed) {}

  Term root() { return term_of(document_.root()); }
  // Throws Error(bad_request), "PATH: ...", where a keyword is not supported or not as it should be.
  const ValueSet& of(Term term);
  // Whether a value of the term exists that can be written down.
  bool inhabited(Term term);
  // Without what leads to no end.
  ShapeMachine machine(const ArrayShape& shape);
  ShapeMachine machine(const ObjectShape& shape);
  // The same of an array whose items are not counted by what they are: items that can be there, and how many.
  ArrayShape usable(const ArrayShape& shape);
  // Where the term is from, for the names of rules.
  std::string name_of(Term term) const;

 private:
  enum class Answer : uint8_t { no, yes, unknown };
  struct Search {  // for a value
    std::vector<Term> open;
    std::size_t hung = SIZE_MAX;  // the outermost open term on which an answer hung
  };

  // schema_keywords.cpp
  Term term_of(SchemaPlace place);
  Term value_term(SchemaPlace place);  // of just this value
  Term leaf(SchemaPlace place, bool is_value);
  ValueSet read(SchemaPlace place);
  void read_type(SchemaPlace at, ValueSet& values);
  void read_numbers(SchemaPlace at, ValueSet& values);
  void read_texts(SchemaPlace at, ValueSet& values);
  void read_arrays(SchemaPlace at, ValueSet& values);
  void read_contains(SchemaPlace at, ArrayShape& shape);
  void read_objects(SchemaPlace at, ValueSet& values);
  std::vector<ObjectShape::KeyClass> read_classes(SchemaPlace at, std::vector<char>& matched);
  void read_dependencies(SchemaPlace at, ValueSet& values);
  void read_branches(SchemaPlace at, ValueSet& values);
  ValueSet one_of(const std::vector<Term>& branches);
  std::vector<Term> branches_of(SchemaPlace at, std::string_view key);
  // schema_literals.cpp
  ValueSet literal(SchemaPlace place);
  ValueSet literals(SchemaPlace list);

  Answer search(Term term, Search& searched);
  Answer search_in(Term term, Search& searched);  // with the term's path in what it throws
  Answer search(const ValueSet& values, Search& searched);
  Answer overlap(const ValueSet& a, const ValueSet& b);
  ObjectShape closed(const ObjectShape& shape) const;

  SchemaDocument& document_;
  SchemaTerms terms_;
  SchemaSets sets_;
  bool any_order_, closed_;  // of JsonSchemaOptions
  int depth_ = 0;
  std::map<Term, std::optional<ValueSet>> values_;  // nothing while they are being made
  std::map<Term, bool> inhabited_;
  std::vector<std::pair<SchemaPlace, bool>> leaves_;  // and whether the place is a value, not a schema
  std::map<std::pair<SchemaPlace, bool>, uint32_t> leaf_of_;
};

}  // namespace fulmar
