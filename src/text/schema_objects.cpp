// Reads the keywords of objects: members by name and by pattern, all the others, and what one needs of
// another.
#include "fulmar/error.h"
#include "text/schema_formats.h"
#include "text/schema_keywords.h"
#include "text/schema_values.h"

namespace fulmar {
namespace {

using Kind = JsonNode::Kind;

// The names of a keyword's list.
std::vector<std::string> names_of(const SchemaDocument& document, SchemaPlace list) {
  std::vector<std::string> names;
  for (const JsonNode& item : document.node(list).items) {
    if (!item.is(Kind::string)) fail_at(document.path(list), "must be a list of names");
    names.push_back(item.text);
  }
  return names;
}

}  // namespace

// Each set of patterns that a name may match at once is a class of names; `matched` tells which are.
std::vector<ObjectShape::KeyClass> SchemaValues::read_classes(SchemaPlace at, std::vector<char>& matched) {
  const JsonNode& node = document_.node(at);
  const char* additional =
      node.find("additionalProperties") != nullptr ? "additionalProperties" : "unevaluatedProperties";
  const Term others =
      node.find(additional) == nullptr ? SchemaTerms::anything : term_of(document_.member(at, additional));
  std::vector<ObjectShape::KeyClass> classes(1);
  matched.assign(1, 0);
  if (keyword(document_, at, "patternProperties", Kind::object, "must be an object of schemas") != nullptr) {
    const SchemaPlace patterns = document_.member(at, "patternProperties");
    for (std::size_t i = 0; i < document_.node(patterns).items.size(); ++i) {
      const SchemaPlace place = document_.item(patterns, i);
      const Term value = term_of(place);
      TextSet keys;
      try {
        keys = matching(document_.node(patterns).keys[i]);
      } catch (const Error&) {
        rethrow_at(document_.path(place));
      }
      for (std::size_t c = classes.size(); c-- > 0;) {
        TextSet inside = classes[c].keys & keys, outside = classes[c].keys - keys;
        if (inside.is_none()) continue;
        const Term both = terms_.all_of({classes[c].value, value});
        if (outside.is_none()) {
          classes[c].value = both;
          matched[c] = 1;
          continue;
        }
        classes[c].keys = std::move(outside);
        classes.push_back({std::move(inside), both});
        matched.push_back(1);
        if (classes.size() > max_schema_shapes)
          fail_at(document_.path(patterns), "has patterns that can match in too many combinations");
      }
    }
  }
  for (std::size_t c = 0; c < classes.size(); ++c)
    if (!matched[c]) classes[c].value = others;
  return classes;
}

void SchemaValues::read_objects(SchemaPlace at, ValueSet& values) {
  ObjectShape shape;
  shape.min = count_of(document_, at, "minProperties").value_or(0);
  shape.max = count_of(document_, at, "maxProperties").value_or(unbounded);
  std::vector<char> matched;
  shape.classes = read_classes(at, matched);
  if (keyword(document_, at, "properties", Kind::object, "must be an object of schemas") != nullptr) {
    const SchemaPlace properties = document_.member(at, "properties");
    const JsonNode& node = document_.node(properties);
    // What patterns say of a name counts too, but not what additionalProperties says.
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      Term value = term_of(document_.item(properties, i));
      for (std::size_t c = 0; c < matched.size(); ++c)
        if (matched[c] && shape.classes[c].keys.has(node.keys[i]))
          value = terms_.all_of({value, shape.classes[c].value});
      shape.members.push_back({node.keys[i], value, false});
    }
  }
  if (keyword(document_, at, "required", Kind::array, "must be a list of names") != nullptr) {
    for (const std::string& name : names_of(document_, document_.member(at, "required"))) {
      StepBudget::spend(shape.members.size());
      if (shape.find(name) == nullptr) shape.members.push_back({name, shape.value_of(name), false});
      for (ObjectShape::Member& member : shape.members)
        if (member.name == name) member.required = true;
    }
  }
  if (document_.node(at).find("propertyNames") != nullptr) {
    const TextSet names = of(term_of(document_.member(at, "propertyNames"))).texts;
    for (ObjectShape::Member& member : shape.members)
      if (!names.has(member.name)) member.value = SchemaTerms::nothing;
    std::vector<ObjectShape::KeyClass> classes;
    for (const ObjectShape::KeyClass& one : shape.classes) {
      TextSet inside = one.keys & names, outside = one.keys - names;
      if (!inside.is_none()) classes.push_back({std::move(inside), one.value});
      if (!outside.is_none()) classes.push_back({std::move(outside), SchemaTerms::nothing});
    }
    shape.classes = std::move(classes);
  }
  if (shape == ObjectShape{}) return;
  for (const char* key : {"additionalProperties", "patternProperties", "unevaluatedProperties"})
    shape.open |= document_.node(at).find(key) != nullptr;
  ValueSet made = ValueSet::all();
  made.objects.clear();
  if (shape.min <= shape.max) made.objects.push_back(std::move(shape));
  values = sets_.both(values, made);
}

// dependentRequired, dependentSchemas, and dependencies, which was both of them: the name is not there, or it
// is and so is what it needs.
void SchemaValues::read_dependencies(SchemaPlace at, ValueSet& values) {
  for (const char* key : {"dependencies", "dependentRequired", "dependentSchemas"}) {
    if (keyword(document_, at, key, Kind::object, "must be an object") == nullptr) continue;
    const SchemaPlace needs = document_.member(at, key);
    for (std::size_t i = 0; i < document_.node(needs).items.size(); ++i) {
      const std::string name = document_.node(needs).keys[i];
      const SchemaPlace place = document_.item(needs, i);
      ObjectShape absent, present;
      absent.members.push_back({name, SchemaTerms::nothing, false});
      present.members.push_back({name, SchemaTerms::anything, true});
      std::vector<ObjectShape> with;
      if (document_.node(place).is(Kind::array)) {
        for (const std::string& needed : names_of(document_, place))
          if (present.find(needed) == nullptr)
            present.members.push_back({needed, SchemaTerms::anything, true});
        with.push_back(std::move(present));
      } else {
        with = sets_.both({present}, of(term_of(place)).objects);
      }
      with.insert(with.begin(), std::move(absent));
      values.objects = sets_.both(values.objects, with);
    }
  }
}

}  // namespace fulmar
