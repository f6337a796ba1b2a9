// A schema's grammar has the texts of its values and no others, and what it cannot hold to is refused by its
// path.
#include "text/json_schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fulmar/error.h"
#include "text/grammar_helpers.h"
#include "text/grammar_walker.h"

namespace fulmar {
namespace {

struct Case {
  const char* schema;
  std::vector<std::string> accepted, rejected;
};

void check(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    SCOPED_TRACE(one.schema);
    Grammar grammar;
    ASSERT_NO_THROW(grammar = compile_json_schema(one.schema));
    GrammarReader matcher(grammar);
    for (const std::string& text : one.accepted) EXPECT_TRUE(matcher.matches(text)) << text;
    for (const std::string& text : one.rejected) EXPECT_FALSE(matcher.matches(text)) << text;
  }
}

std::string refusal(std::string_view schema) {
  try {
    compile_json_schema(schema);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    return error.what();
  }
  return "taken";
}

TEST(JsonSchema, TypesAreWhatTheySay) {
  check({
      {R"({"type": "null"})", {"null"}, {"true", "", "nul", "\"null\""}},
      {R"({"type": "boolean"})", {"true", "false"}, {"null", "0"}},
      {R"({"type": "integer"})",
       {"0", "-7", "18446744073709551615"},
       {"1.0", "1e3", "-", "01", "-0", "+1", "1."}},
      {R"({"type": "number"})",
       {"0", "-0.5", "1.50", "1e10", "2E-7", "0.1e+99", "3e250"},
       {".5", "1.", "1e", "1e999", "0x1"}},
      {R"({"type": "string"})",
       {R"("")", R"("a b")", R"("\"\\\/\b\f\n\r\t")", R"("\u00e9\uD83D\uDE00")",
        "\"\xC3\xA9\xF0\x9F\x98\x80\""},
       {"a", R"("a)", R"("a"b")", "\"\n\"", R"("\x")", R"("\ud800")", R"("\ud800\u0041")", "\"\xC3\"",
        "\"\xED\xA0\x80\""}},
      {R"({"type": ["integer", "null"]})", {"1", "null"}, {"1.5", "\"\""}},
      {R"({"type": "string", "nullable": true})", {"null", "\"\""}, {"1"}},
      {"true", {"{}", "[1, {\"a\": null}]", "1"}, {"{", "[1,]", "{a:1}", "nul"}},
      {"{}", {"{\"a\": [[], {}]}"}, {"{\"a\"}"}},
  });
}

TEST(JsonSchema, NumbersAreHeldToTheirRange) {
  check({
      {R"({"type": "integer", "minimum": 3, "maximum": 120})",
       {"3", "9", "10", "99", "120"},
       {"2", "121", "-5", "1000", "3.0", "03"}},
      {R"({"type": "integer", "exclusiveMinimum": -10, "exclusiveMaximum": 10})",
       {"-9", "0", "9"},
       {"-10", "10", "-11", "100"}},
      {R"({"type": "number", "minimum": -1.5, "maximum": 2.25})",
       {"-1.5", "-1.50", "-1.49", "0", "2.25", "2.2", "2.250", "1.999"},
       {"-1.51", "-2", "2.251", "2.26", "3", "10", "1e0"}},
      {R"({"type": "number", "exclusiveMinimum": 0})", {"0.001", "1", "12.5"}, {"0", "0.0", "-1"}},
      {R"({"type": "integer", "minimum": 5, "exclusiveMinimum": true})", {"6"}, {"5"}},
      {R"({"type": "integer", "multipleOf": 7})", {"0", "7", "-14", "700"}, {"1", "13", "7.0"}},
      {R"({"type": "number", "multipleOf": 0.01})", {"0.01", "1", "2.5", "3.990"}, {"0.001", "1.999"}},
      {R"({"type": "integer", "multipleOf": 60000})", {"0", "60000", "-1200000"}, {"6000", "66000", "100000"}},
      {R"({"type": "number", "multipleOf": 0.123456789})", {"0", "0.123456789", "-12.3456789"}, {"0.123456788", "1"}},
      {R"({"type": "number", "multipleOf": 1.5})", {"1.5", "3", "4.50"}, {"1", "2.5"}},
      {R"({"type": "integer", "minimum": 1e2, "maximum": 1.5e2})", {"100", "150"}, {"99", "151"}},
      {R"({"type": "integer", "minimum": 123456789012345678901234567890})",
       {"123456789012345678901234567890"},
       {"123456789012345678901234567889", "5"}},
      {R"({"minimum": 5})", {"5", "\"a\"", "null"}, {"4"}},
  });
}

TEST(JsonSchema, StringsAreHeldToLengthsPatternsAndFormats) {
  check({
      {R"({"type": "string", "minLength": 2, "maxLength": 3})",
       {R"("ab")", R"("\u00e9bc")", "\"\xF0\x9F\x98\x80x\""},
       {R"("a")", R"("abcd")"}},
      {R"({"type": "string", "pattern": "^[a-c]+$"})",
       {R"("a")", R"("abc")"},
       {R"("")", R"("d")", R"("abcd")"}},
      {R"({"type": "string", "pattern": "b+"})", {R"("b")", R"("abba")"}, {R"("")", R"("ac")"}},
      {R"({"type": "string", "pattern": "^a", "maxLength": 2})",
       {R"("a")", R"("ab")"},
       {R"("b")", R"("abc")"}},
      {R"({"type": "string", "pattern": "^[\"\\\\\n]$"})",
       {R"("\"")", R"("\\")", R"("\n")"},
       {R"(""")", R"("n")"}},
      {R"({"type": "string", "format": "date"})",
       {R"("2024-02-29")", R"("1999-12-31")"},
       {R"("2023-02-29")", R"("1999-13-01")", R"("1999-1-01")", R"("1900-02-29")"}},
      {R"({"type": "string", "format": "date-time"})",
       {R"("2024-02-29T23:59:59Z")", R"("2024-02-29T00:00:00.123+01:00")"},
       {R"("2024-02-29")", R"("2024-02-29T24:00:00Z")", R"("2024-02-29T00:00:00")"}},
      {R"({"type": "string", "format": "time"})", {R"("08:30:06Z")"}, {R"("8:30:06Z")", R"("08:30:06")"}},
      {R"({"type": "string", "format": "duration"})",
       {R"("P4DT12H30M5S")", R"("P2W")", R"("PT36H")"},
       {R"("P")", R"("PT")", R"("P1Y2W")", R"("4D")"}},
      {R"({"type": "string", "format": "uuid"})",
       {R"("2eb8aa08-aa98-11ea-b4aa-73b441d16380")"},
       {R"("2eb8aa08aa9811eab4aa73b441d16380")"}},
      {R"({"type": "string", "format": "ipv4"})",
       {R"("192.168.0.1")"},
       {R"("256.0.0.1")", R"("1.2.3")", R"("01.2.3.4")"}},
      {R"({"type": "string", "format": "ipv6"})",
       {R"("::1")", R"("2001:db8::ff00:42:8329")", R"("::ffff:1.2.3.4")", R"("1:2:3:4:5:6:7:8")", R"("1::")",
        R"("1:2:3:4:5:6:7::")"},
       {R"("1:2:3:4:5:6:7")", R"("::1::")", R"("12345::")", R"("1:2:3:4:5:6:7:8::")"}},
      {R"({"type": "string", "format": "email"})",
       {R"("joe.bloggs@example.com")"},
       {R"("@example.com")", R"("a..b@c.d")", R"("joe")"}},
      {R"({"type": "string", "format": "hostname"})",
       {R"("www.example.com")"},
       {R"("-bad.com")", R"("a..b")"}},
      {R"({"type": "string", "format": "color"})", {R"("anything")"}, {"1"}},
      {R"({"enum": ["a", "b\n", 1, null, [1, {"x": true}]]})",
       {R"("a")", R"("b\n")", "1", "null", R"([1, {"x": true}])"},
       {R"("b")", "2", "[1]", R"("ab")"}},
      {R"({"const": 2.50})", {"2.5", "2.500"}, {"2", "2.51"}},
  });
}

TEST(JsonSchema, ArraysAreHeldToTheirItems) {
  check({
      {R"({"type": "array", "items": {"type": "integer"}})",
       {"[]", "[1]", "[1, 2,3]", "[\n  1,\n  2\n]"},
       {"[1,]", "[\"a\"]", "[,1]", "[1 2]"}},
      {R"({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3})",
       {"[1,2]", "[1,2,3]"},
       {"[]", "[1]", "[1,2,3,4]"}},
      {R"({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "items": {"const": 3}})",
       {"[]", "[1]", "[1,2]", "[1,2,3,3]"},
       {"[2]", "[1,3]", "[1,2,2]"}},
      {R"({"type": "array", "items": [{"const": 1}, {"const": 2}], "additionalItems": false, "minItems": 1})",
       {"[1]", "[1,2]"},
       {"[]", "[1,2,3]"}},
      {R"({"type": "array", "prefixItems": [{"const": 1}], "items": {"const": 3}, "minItems": 2, "maxItems": 3})",
       {"[1,3]", "[1,3,3]"},
       {"[1]", "[1,3,3,3]"}},
      {R"({"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 5}})",
       {"[5]", "[1,6]", "[6,1]"},
       {"[]", "[1]"}},
      {R"({"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 5}, "minContains": 2, "maxContains": 2})",
       {"[5,5]", "[5,1,6,2]"},
       {"[5]", "[5,6,7]"}},
      {R"({"type": "array", "items": false})", {"[]"}, {"[1]"}},
      {R"({"type": "array", "uniqueItems": true, "maxItems": 1, "items": {"const": 1}})",
       {"[]", "[1]"},
       {"[1,1]"}},
  });
}

TEST(JsonSchema, ObjectsAreHeldToTheirMembers) {
  check({
      {R"({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["a"], "additionalProperties": false})",
       {R"({"a": 1})", R"({"a":1,"b":2})", R"({"b": 2, "a": 1})", "{\n  \"a\": 1,\n  \"b\": 2\n}"},
       {"{}", R"({"b": 2})", R"({"a":1,"a":1})", R"({"a":1,"c":3})", R"({"a":1,})", R"({,"a":1})"}},
      {R"({"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": {"type": "boolean"}})",
       {"{}", R"({"a": 1, "b": true})", R"({"ab": true, "": false})", R"({"b": true, "a": 1})"},
       {R"({"a": true})", R"({"b": 1})", R"({"\u0061": true})"}},
      {R"({"type": "object", "patternProperties": {"^x": {"const": 1}, "y$": {"type": "integer"}}, "additionalProperties": false, "properties": {"xa": {"type": "number"}}})",
       {R"({"xa": 1})", R"({"xy": 1, "by": 7})"},
       {R"({"xa": 2})", R"({"xy": 2})", R"({"z": 1})"}},
      {R"({"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}, "properties": {"B": true}})",
       {R"({"abc": 1})"},
       {R"({"A": 1})", R"({"B": 1})", R"({"": 1})"}},
      {R"({"type": "object", "minProperties": 1, "maxProperties": 2})",
       {R"({"a": 1})", R"({"a": 1, "b": 2})"},
       {"{}", R"({"a":1,"b":2,"c":3})"}},
      {R"({"type": "object", "minProperties": 2})",
       {R"({"a": 1, "b": 2})", R"({"": 1, "b": 2, "c": 3})"},
       {"{}", R"({"a": 1})", R"({"a": 1, "a": 2})"}},
      {R"({"type": "object", "properties": {"a": true, "b": true}, "minProperties": 2, "additionalProperties": false})",
       {R"({"a":1,"b":1})"},
       {R"({"a":1})"}},
      {R"({"type": "object", "dependentRequired": {"a": ["b"]}, "additionalProperties": {"const": 1}})",
       {"{}", R"({"b":1})", R"({"a":1,"b":1})"},
       {R"({"a":1})"}},
      {R"({"type": "object", "dependentSchemas": {"a": {"properties": {"b": {"const": 2}}, "required": ["b"]}}})",
       {"{}", R"({"b":1})", R"({"a":1,"b":2})"},
       {R"({"a":1})", R"({"a":1,"b":1})"}},
      {R"({"type": "object", "properties": {"a": {"const": 1}}, "unevaluatedProperties": false})",
       {"{}", R"({"a":1})"},
       {R"({"b":1})"}},
      {R"({"type": "object", "properties": {"q\"\n": {"const": 1}}, "required": ["q\"\n"]})",
       {R"({"q\"\n": 1})"},
       {R"({"q": 1})"}},
  });
}

TEST(JsonSchema, ManyMembersStandInTheSchemasOrder) {
  check({
      {R"({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 1}, "c": {"const": 1}, "d": {"const": 1}, "e": {"const": 1}, "f": {"const": 1}, "g": {"const": 1}}, "required": ["b"], "additionalProperties": {"const": 2}})",
       {R"({"b":1})", R"({"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1})", R"({"x":2,"b":1,"y":2,"g":1,"z":2})"},
       {R"({"a":1})", R"({"b":1,"a":1})", R"({"b":1,"b":1})", R"({"b":1,"a":2})"}},
  });
  JsonSchemaOptions in_order;
  in_order.any_order = false;
  const Grammar grammar = compile_json_schema(
      R"({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 1}}, "additionalProperties": false})",
      in_order);
  GrammarReader matcher(grammar);
  EXPECT_TRUE(matcher.matches(R"({"a":1,"b":1})"));
  EXPECT_TRUE(matcher.matches(R"({"b":1})"));
  EXPECT_FALSE(matcher.matches(R"({"b":1,"a":1})"));
}

TEST(JsonSchema, ClosedObjectsHaveTheMembersThatTheSchemaSpeaksOf) {
  JsonSchemaOptions options;
  options.closed = true;
  const struct {
    const char* schema;
    std::vector<const char*> good, bad;
  } rows[] = {
      {R"({"properties": {"a": {}}})", {"{}", R"({"a":1})", "7"}, {R"({"b":1})", R"({"a":1,"b":1})"}},
      {R"({"properties": {"a": {}}, "additionalProperties": true})", {R"({"a":1,"b":1})"}, {}},
      {R"({"properties": {"a": {}}, "additionalProperties": {"const": 1}})", {R"({"b":1})"}, {R"({"b":2})"}},
      {R"({"properties": {"a": {}}, "patternProperties": {"^x": {}}})", {R"({"xy":1})", R"({"b":1})"}, {}},
      {R"({"properties": {"a": {}}, "required": ["b"]})", {R"({"b":1})", R"({"a":1,"b":2})"}, {"{}", R"({"b":1,"c":1})"}},
      {R"({"properties": {"a": {}}, "minProperties": 2})", {R"({"a":1,"b":2})"}, {R"({"a":1})"}},
      {R"({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]})", {R"({"a":1,"b":2})"}, {R"({"c":1})"}},
      {R"({"properties": {"a": {"properties": {"b": {}}}}})", {R"({"a":{"b":1}})"}, {R"({"a":{"c":1}})"}},
      {R"({"type": "object"})", {R"({"a":1})"}, {}},
      {R"({"type": "object", "not": {"required": ["a"]}})", {R"({"b":1})"}, {R"({"a":1})"}},
  };
  for (const auto& row : rows) {
    const Grammar grammar = compile_json_schema(row.schema, options);
    GrammarReader matcher(grammar);
    for (const char* text : row.good) EXPECT_TRUE(matcher.matches(text)) << row.schema << " " << text;
    for (const char* text : row.bad) EXPECT_FALSE(matcher.matches(text)) << row.schema << " " << text;
  }
}

// Objects in objects, each of six members in any order: more would be copied into each of 192 places than a grammar may have.
TEST(JsonSchema, ObjectsInAnyOrderMayBeDeep) {
  std::string schema = R"({"type": "null"})", text = "null";
  for (int depth = 0; depth < 12; ++depth) {
    std::string members, required;
    for (int i = 0; i < 6; ++i) {
      const std::string name = fmt::format("a_rather_long_name_{}_{}", depth, i);
      members += fmt::format(R"({}"{}": {})", i == 0 ? "" : ", ", name, i == 3 ? schema : R"({"type": "string"})");
      required += fmt::format(R"({}"{}")", i == 0 ? "" : ", ", name);
    }
    schema = fmt::format(R"({{"type": "object", "properties": {{{}}}, "required": [{}], "additionalProperties": false}})", members, required);
    std::string value;
    for (const int i : {3, 5, 0, 1, 4, 2})
      value += fmt::format(R"({}"a_rather_long_name_{}_{}":{})", value.empty() ? "" : ",", depth, i, i == 3 ? text : R"("x")");
    text = fmt::format("{{{}}}", value);
  }
  GrammarReader reader(compile_json_schema(schema));
  EXPECT_TRUE(reader.matches(text));
  EXPECT_FALSE(reader.matches(text.substr(0, text.size() - 1) + R"(,"a_rather_long_name_11_2":"x"})"));
}

TEST(JsonSchema, CombinationsAreExact) {
  check({
      {R"({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]})",
       {"1", R"("a")"},
       {R"("ab")", "1.5", "null"}},
      {R"({"oneOf": [{"type": "integer"}, {"minimum": 2}]})", {"1", "2.5", "\"a\""}, {"3", "1.5"}},
      {R"({"type": "integer", "oneOf": [{"multipleOf": 3}, {"multipleOf": 5}]})", {"3", "5"}, {"15", "1"}},
      {R"({"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 5}]})", {"3", "5"}, {"2", "6", "\"a\""}},
      {R"({"allOf": [{"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"b": {"const": 2}}, "required": ["b"]}]})",
       {R"({"a":1,"b":2})", R"({"b":2,"a":1,"c":3})"},
       {R"({"a":1})", R"({"a":2,"b":2})"}},
      {R"({"type": "string", "not": {"pattern": "^a"}})",
       {R"("b")", R"("")", R"("ba")"},
       {R"("a")", R"("ab")"}},
      {R"({"not": {"type": ["integer", "object"]}})", {"1.5", "null", "[]"}, {"1", "{}"}},
      {R"({"type": "object", "not": {"required": ["a"]}})", {"{}", R"({"b":1})"}, {R"({"a":1})"}},
      {R"({"type": "object", "not": {"additionalProperties": {"type": "integer"}}})",
       {R"({"a":"x"})", R"({"a":1,"b":"x"})"},
       {"{}", R"({"a":1})"}},
      {R"({"type": "array", "not": {"items": {"type": "integer"}}})",
       {"[null]", "[1,null,1]"},
       {"[]", "[1]"}},
      {R"({"type": "object", "properties": {"kind": {"enum": ["a", "b"]}, "n": {"type": "integer"}}, "required": ["kind"], "additionalProperties": false,
           "if": {"properties": {"kind": {"const": "a"}}}, "then": {"required": ["n"]}})",
       {R"({"kind":"a","n":1})", R"({"kind":"b"})", R"({"kind":"b","n":2})"},
       {R"({"kind":"a"})"}},
      {R"({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}, {"required": ["c"]}, {"required": ["d"]}, {"required": ["e"]},
           {"required": ["f"]}, {"required": ["g"]}, {"required": ["h"]}, {"required": ["i"]}, {"required": ["j"]}]})",
       {R"({"a":1})", R"({"x":1,"j":2})"},
       {"{}", R"({"a":1,"b":1})", R"({"a":1,"x":2,"j":1})"}},
      {R"({"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind", "x"], "additionalProperties": false},
                     {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"], "additionalProperties": false}]})",
       {R"({"kind":"a","x":1})", R"({"kind":"b"})"},
       {R"({"kind":"a"})", R"({"kind":"b","x":1})"}},
  });
}

TEST(JsonSchema, ReferencesLeadWhereTheyPoint) {
  check({
      {R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "additionalProperties": false}}})",
       {"{}", R"({"next": {"next": {}}})"},
       {R"({"next": 1})", R"({"next": {"nex": {}}})"}},
      {R"({"definitions": {"a/b": {"const": 1}, "c%d": {"const": 2}}, "prefixItems": [{"$ref": "#/definitions/a~1b"}, {"$ref": "#/definitions/c%25d"}], "type": "array"})",
       {"[1,2]"},
       {"[2]", "[1,1]"}},
      {R"({"type": "array", "items": {"$ref": "#item"}, "$defs": {"x": {"$anchor": "item", "const": 1}}})",
       {"[1]"},
       {"[2]"}},
      {R"({"$id": "http://example.com/root.json", "type": "array", "items": {"$ref": "part.json#/$defs/y"}, "$defs": {"x": {"$id": "part.json", "$defs": {"y": {"const": 1}}}}})",
       {"[1]"},
       {"[2]"}},
      {R"({"$defs": {"a": {"type": "integer"}}, "$ref": "#/$defs/a", "minimum": 2})", {"2"}, {"1"}},
      {R"({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"type": "integer"}}, "$ref": "#/definitions/a", "minimum": 2})",
       {"1"},
       {"1.5"}},
      // The branch without an end is left out, so no answer can begin it.
      {R"({"$defs": {"endless": {"type": "object", "properties": {"n": {"$ref": "#/$defs/endless"}}, "required": ["n"]}}, "anyOf": [{"$ref": "#/$defs/endless"}, {"const": 1}]})",
       {"1"},
       {"{}", R"({"n":1})"}},
  });
}

TEST(JsonSchema, WhatIsNotSupportedIsRefusedByItsPath) {
  EXPECT_EQ(refusal(R"({"properties": {"a": {"type": "array", "uniqueItems": true}}})"),
            "schema.properties.a.uniqueItems: is not supported for arrays of more than one item");
  EXPECT_EQ(refusal(R"({"anyOf": [true, {"$dynamicRef": "#a"}]})"),
            "schema.anyOf[1].$dynamicRef: is not supported");
  EXPECT_EQ(
      refusal(R"({"type": "integre"})"),
      "schema.type: must be one of null, boolean, integer, number, string, array, object, or a list of them");
  EXPECT_EQ(refusal(R"({"items": {"$ref": "#/$defs/none"}})"),
            "schema.items.$ref: there is nothing at \"$defs\" of what it points to");
  EXPECT_EQ(refusal(R"({"$ref": "http://example.com/x"})"),
            "schema.$ref: \"http://example.com/x\" is not in this schema; put it under $defs");
  EXPECT_EQ(refusal(R"({"$ref": "#"})"), "schema.$ref: leads round in a circle");
  EXPECT_EQ(refusal(R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})"),
            "schema.$defs.a.$ref: leads round in a circle");
  const auto chain = [](int length) {
    std::string schema = R"({"$ref": "#/$defs/a0", "$defs": {)";
    for (int i = 0; i + 1 < length; ++i) schema += fmt::format(R"("a{}": {{"$ref": "#/$defs/a{}"}}, )", i, i + 1);
    return schema + fmt::format(R"("a{}": {{"type": "integer"}}}}}})", length - 1);
  };
  EXPECT_EQ(refusal(chain(257)), "taken");
  EXPECT_EQ(refusal(chain(258)), "schema.$defs.a256.$ref: is one of more than 256 references, each of which leads to the next");
  EXPECT_EQ(refusal(R"({"allOf": [{"$ref": "#"}]})"),
            "schema: refers to itself without an object or an array in between");
  EXPECT_EQ(refusal(R"({"type": "object", "required": "a"})"), "schema.required: must be a list of names");
  EXPECT_EQ(refusal(R"({"type": "string", "minLength": -1})"),
            "schema.minLength: must be a whole number from 0 to 1000000");
  EXPECT_EQ(refusal(R"({"type": "number", "multipleOf": 0})"), "schema.multipleOf: must be above 0");
  EXPECT_EQ(refusal(R"x({"type": "object", "properties": {"a": {"pattern": "(?=a)"}}})x").substr(0, 29),
            "schema.properties.a.pattern: ");
  EXPECT_EQ(refusal("false"), "schema: allows no value at all, or none that can be written");
  EXPECT_EQ(refusal(R"({"type": "integer", "minimum": 2, "maximum": 1})"),
            "schema: allows no value at all, or none that can be written");
  EXPECT_EQ(refusal("3"), "schema: must be a schema: an object, true or false");
  EXPECT_EQ(refusal("{").substr(0, 21), "schema: is no JSON: i");
  EXPECT_EQ(refusal(R"({"type": "object", "minProperties": 9})").substr(0, 38),
            "schema: minProperties: at most 8 membe");
}

TEST(JsonSchema, SchemasAreHeldToTheirBounds) {
  const auto nested = [](int depth) {
    std::string schema = "true";
    for (int i = 0; i < depth; ++i) schema = "{\"items\": " + schema + "}";
    return schema;
  };
  EXPECT_EQ(refusal(nested(60)), "taken");
  EXPECT_EQ(refusal(nested(70)), "schema: nests deeper than 64 levels; send a flatter one");
  EXPECT_EQ(refusal("\"" + std::string(262144, 'a') + "\"").substr(0, 30), "schema: has 262146 bytes; at m");
  std::string many = "{\"enum\": [1";
  for (int i = 0; i < 20'000; ++i) many += ",1";
  EXPECT_EQ(refusal(many + "]}"), "schema: has more than 20000 values; send a smaller one");
  std::string chain = "{\"$defs\": {";
  for (int i = 0; i < 3000; ++i)
    chain += "\"d" + std::to_string(i) + "\": {\"items\": {\"$ref\": \"#/$defs/d" + std::to_string(i + 1) +
             "\"}, \"minItems\": 1},";
  EXPECT_NE(refusal(chain + "\"d3000\": {\"const\": 1}}, \"$ref\": \"#/$defs/d0\"}"), "taken");
  // 2 to the power of 40 forms of an object.
  std::string doubling = "{\"type\": \"object\", \"allOf\": [";
  for (int i = 0; i < 40; ++i) {
    const std::string name = std::to_string(i);
    doubling += (i == 0 ? "" : ",") + std::string("{\"anyOf\": [{\"required\": [\"a") + name +
                "\"]}, {\"required\": [\"b" + name + "\"]}]}";
  }
  EXPECT_NE(refusal(doubling + "]}").find("allows more than 256 forms of objects or arrays"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"type": "string", "pattern": "^(a{1,1000}){1,1000}$"})"), "taken");
  EXPECT_NE(refusal(R"({"type": "number", "minimum": 1e400000})"), "taken");
  EXPECT_NE(refusal(R"({"type": "number", "not": {"multipleOf": 1234567}})"), "taken");
  EXPECT_NE(refusal(R"({"oneOf": [{"multipleOf": 1234567}, {"multipleOf": 1234568, "type": "number"}]})"), "taken");
}

TEST(JsonSchema, LongObjectsStaySmallGrammars) {
  std::string schema = "{\"type\": \"object\", \"properties\": {";
  for (int i = 0; i < 400; ++i)
    schema += fmt::format("{}\"p{}\": {{\"type\": \"integer\"}}", i == 0 ? "" : ",", i);
  const Grammar grammar = compile_json_schema(schema + "}, \"additionalProperties\": false}");
  EXPECT_LT(grammar.nodes.size(), 10'000);
  GrammarReader matcher(grammar);
  EXPECT_TRUE(matcher.matches("{}"));
  EXPECT_TRUE(matcher.matches("{\"p7\": 1, \"p90\": 2, \"p399\": 3}"));
  EXPECT_FALSE(matcher.matches("{\"p90\": 1, \"p7\": 2}"));
}

TEST(JsonSchema, SchemasThatWouldTakeMinutesAreRefused) {
  // Each pattern alone makes an automaton of thousands of states.
  std::string schema = "{\"properties\": {";
  for (int i = 0; i < 2000; ++i)
    schema += fmt::format("{}\"p{}\": {{\"pattern\": \"^(a|b)*a(a|b){{11}}{}$\"}}", i == 0 ? "" : ",", i, i);
  EXPECT_NE(refusal(schema + "}}").find("takes too long to make a grammar of"), std::string::npos);
}

TEST(JsonSchema, WhatTheGrammarMakesUpItAlsoTakes) {
  for (
      const char* schema :
      {R"({"type": "object", "properties": {"a": {"type": "string", "pattern": "^[a-z]{1,3}-\\d+$"}, "b": {"type": "number", "minimum": 0, "maximum": 99.5}}, "additionalProperties": {"type": "array", "contains": {"const": 1}}, "required": ["a"]})",
       "true"}) {
    const Grammar grammar = compile_json_schema(schema);
    GrammarReader matcher(grammar);
    GrammarWalker walker(grammar, 7);
    for (int i = 0; i < 30; ++i) {
      const std::string text = walker.walk(20);
      EXPECT_TRUE(matcher.matches(text)) << text;
      EXPECT_TRUE(test::NaiveGrammar(grammar, text).matches()) << text;
    }
  }
}

}  // namespace
}  // namespace fulmar
