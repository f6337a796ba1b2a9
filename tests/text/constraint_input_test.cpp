// Parts of a form that are repeated, or begin in the middle of a text, are read wherever they stand.
#include "text/constraint_input.h"

#include <gtest/gtest.h>

#include <memory>

#include "fulmar/error.h"
#include "text/grammar_machine.h"

namespace fulmar {
namespace {

using enum ConstraintInput::Kind;

class Reader {
 public:
  explicit Reader(const ConstraintInput& input)
      : machine_(std::make_shared<const GrammarProgram>(compile_grammar(grammar_of(input)))) {}

  // 'w': it may end there; 'b': it is a beginning; 'n': neither.
  char read(std::string_view text) {
    GrammarMachine::Place place = machine_.start();
    for (const char byte : text) place = machine_.step(place, static_cast<unsigned char>(byte));
    return place == GrammarMachine::dead ? 'n' : machine_.may_end(place) ? 'w' : 'b';
  }

 private:
  GrammarMachine machine_;
};

ConstraintInput text_of(std::string text) { return {literal, std::move(text)}; }

TEST(ConstraintInput, APartMayBeRepeated) {
  ConstraintInput input{repeated, ", ", {text_of("ab")}};
  input.most = 3;
  Reader reader(input);
  for (const char* whole : {"ab", "ab, ab", "ab, ab, ab"}) EXPECT_EQ(reader.read(whole), 'w') << whole;
  for (const char* begun : {"", "a", "ab,", "ab, ab, a"}) EXPECT_EQ(reader.read(begun), 'b') << begun;
  for (const char* none : {"b", "abab", "ab,ab", "ab, ab, ab, "}) EXPECT_EQ(reader.read(none), 'n') << none;
}

TEST(ConstraintInput, TextIsFreeUpToItsMark) {
  Reader reader({text_before, "**x**:", {text_of("[y]")}});
  for (const char* whole : {"", "a", "**", "***", "**x", "**x** :", "a\n**x*", "\xC3\xBC\xFF", "**x**:[y]", "a***x**:[y]", "**x**x**:[y]", "**x****x**:[y]"})
    EXPECT_EQ(reader.read(whole), 'w') << whole;
  for (const char* begun : {"**x**:", "a **x**:[", "***x**:[y"}) EXPECT_EQ(reader.read(begun), 'b') << begun;
  for (const char* none : {"**x**: ", "**x**:**x**:", "**x**:[y]a", "a**x**:a"}) EXPECT_EQ(reader.read(none), 'n') << none;
}

TEST(ConstraintInput, OneThatIsLenientTakesAnyObjectForASchemaThatCannotBeKeptTo) {
  ConstraintInput input{json_schema, R"({"type":"object","properties":{"a":{"$dynamicRef":"#n"}}})", {}, "tools[0].function.parameters"};
  try {
    grammar_of(input);
    ADD_FAILURE() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.param(), input.field);
    EXPECT_TRUE(std::string_view(error.what()).starts_with("tools[0].function.parameters.properties.a.$dynamicRef")) << error.what();
  }
  input.lenient = true;
  EXPECT_EQ(Reader(input).read(R"({"b":[1]})"), 'w');
  input.text = R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false})";
  EXPECT_EQ(Reader(input).read(R"({"a":1})"), 'w');
  EXPECT_EQ(Reader(input).read(R"({"b)"), 'n');
}

TEST(ConstraintInput, MembersStandInTheSchemasOrderWhereThatIsAskedFor) {
  ConstraintInput input{json_schema, R"({"type":"object","properties":{"b":{"const":1},"a":{"$ref":"#/$defs/c"}},"required":["a","b"],
                                         "$defs":{"c":{"type":"object","properties":{"y":{"const":1},"x":{"const":1}}}}})"};
  EXPECT_EQ(Reader(input).read(R"({"a":{"x":1,"y":1},"b":1})"), 'w');
  input.in_order = true;
  Reader reader(input);
  EXPECT_EQ(reader.read(R"({"b":1,"a":{"y":1,"x":1}})"), 'w');
  EXPECT_EQ(reader.read(R"({"a")"), 'n');
  EXPECT_EQ(reader.read(R"({"b":1,"a":{"x":1,"y")"), 'n') << "inside too";
}

// Arguments of calls are objects, also where a schema does not say so.
TEST(ConstraintInput, AnObjectOfASchemaIsOneOfItsObjects) {
  ConstraintInput input{json_object, R"({"properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false})", {}, "tools[0].function.parameters"};
  EXPECT_EQ(Reader(input).read(R"({"a":1})"), 'w');
  for (const char* none : {"1", "[]", "\"a\"", "{}", "null", "true"}) EXPECT_EQ(Reader(input).read(none), 'n') << none;
  input.text = R"({"type":["object","null"],"maxProperties":0})";
  EXPECT_EQ(Reader(input).read("{}"), 'w');
  EXPECT_EQ(Reader(input).read("null"), 'n');
  input.text = R"({"type":"string"})";
  try {
    grammar_of(input);
    ADD_FAILURE() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(std::string_view(error.what()), "tools[0].function.parameters: allows no object, which it has to be");
    EXPECT_EQ(error.param(), input.field);
  }
  input.lenient = true;
  EXPECT_EQ(Reader(input).read(R"({"b":[1]})"), 'w');
  EXPECT_EQ(Reader(input).read("\"b\""), 'n');
}

TEST(ConstraintInput, InputsThatMeanDifferentThingsHaveDifferentKeys) {
  ConstraintInput one{repeated, ",", {text_of("a")}}, other = one;
  other.most = 2;
  EXPECT_NE(key_of(one), key_of(other));
  ConstraintInput strict{json_schema, "{}"}, lenient = strict;
  lenient.lenient = true;
  EXPECT_NE(key_of(strict), key_of(lenient));
  ConstraintInput in_order = strict;
  in_order.in_order = true;
  EXPECT_NE(key_of(strict), key_of(in_order));
}

}  // namespace
}  // namespace fulmar
