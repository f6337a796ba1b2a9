// Answers, for each line on stdin, {"schema", "texts", "walks", "seed", "any_order"}, whether the schema's
// grammar has each of the texts, and with texts that it makes up.
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <optional>

#include "fulmar/error.h"
#include "text/grammar_walker.h"
#include "text/json_schema.h"

namespace {

namespace json = boost::json;

json::object answer(const json::object& asked) {
  json::object told;
  fulmar::JsonSchemaOptions options;
  if (const json::value* any_order = asked.if_contains("any_order")) options.any_order = any_order->as_bool();
  const auto begin = std::chrono::steady_clock::now();
  fulmar::Grammar grammar;
  std::optional<fulmar::GrammarReader> reader;
  try {
    grammar = fulmar::compile_json_schema(std::string_view(asked.at("schema").as_string()), options);
    reader.emplace(grammar);
  } catch (const fulmar::Error& error) {
    told["error"] = error.what();
    return told;
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  told["ms"] = took.count();
  told["rules"] = grammar.rules.size();
  told["nodes"] = grammar.nodes.size() + grammar.children.size();
  json::array accepted, walks;
  fulmar::GrammarReader& matcher = *reader;
  for (const json::value& text : asked.at("texts").as_array())
    accepted.push_back(matcher.matches(text.as_string()));
  const auto seed = asked.at("seed").to_number<uint64_t>();
  fulmar::GrammarWalker walker(grammar, seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < asked.at("walks").to_number<int>(); ++i) {
    const std::string walk = i % 2 == 0 ? walker.walk(20 + i % 3 * 40) : matcher.walk(random, static_cast<std::size_t>(10 + i % 7 * 20));
    if (i % 2 == 0 && !matcher.matches(walk)) throw std::runtime_error("the automaton does not read " + walk);
    if (!walk.empty()) walks.push_back(json::string(walk));
  }
  told["accepted"] = std::move(accepted);
  told["walks"] = std::move(walks);
  return told;
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    json::object told;
    try {
      told = answer(json::parse(line).as_object());
    } catch (const std::exception& error) {
      told["fault"] = error.what();  // not the schema's
    }
    std::cout << json::serialize(told) << std::endl;
  }
}
