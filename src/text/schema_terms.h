// Schemas joined by and, or and not, each combination once: what a place in a JSON value is held to.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "text/schema_bounds.h"

namespace fulmar {

using Term = uint32_t;  // index into SchemaTerms

// Negations stand before single schemas only; lists are sorted, without lists of their own kind inside, so
// most terms that mean the same are the same.
class SchemaTerms {
 public:
  static constexpr Term anything = 0, nothing = 1;

  SchemaTerms();
  Term schema(uint32_t leaf);
  Term all_of(std::vector<Term> parts);
  Term any_of(std::vector<Term> parts);
  Term not_of(Term term);

  enum class Kind : uint8_t { schema, not_schema, all, any };
  struct Entry {
    Kind kind;
    std::vector<uint32_t> parts;  // terms; of a schema its leaf
  };
  const Entry& operator[](Term term) const { return entries_[term]; }

 private:
  Term intern(Kind kind, std::vector<uint32_t> parts);
  Term combine(Kind kind, std::vector<Term> parts);

  std::vector<Entry> entries_;
  std::map<std::pair<Kind, std::vector<uint32_t>>, Term> known_;
};

}  // namespace fulmar
