// JSON Schema as a grammar: the texts of the JSON values that a schema allows.
#pragma once
#include <string>
#include <string_view>

#include "text/grammar.h"

namespace fulmar {

struct JsonSchemaOptions {
  std::string name = "schema";  // what errors call it: the request's field
  // Objects with few named members take them in any order; otherwise they stand in the order of the schema.
  bool any_order = true;
  // Objects with named members have no others unless the schema itself says additionalProperties, be it true.
  bool closed = false;
  bool spaces = true;  // white space between values, bounded
  bool objects = false;  // of what the schema allows only objects
};

// Throws Error(bad_request), "schema.properties.a.not: is not supported; ...", for what the grammar would not
// hold to, for what is no schema, for one that no value satisfies, and past the bounds in text/schema_*.h.
// docs/structured.md says which keywords there are and which spellings of a value the grammar has.
Grammar compile_json_schema(std::string_view schema, const JsonSchemaOptions& options = {});

}  // namespace fulmar
