// Answers, for each line on stdin, {"schema", "texts", "walks", "draws", "words", "seed", "any_order"}, whether the
// schema's grammar has each of the texts, and with texts that it makes up: from the grammar, and token by token from its masks.
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <optional>

#include "fulmar/error.h"
#include "text/grammar_walker.h"
#include "text/json_schema.h"
#include "token_draws.h"

namespace {

namespace json = boost::json;

struct Vocabulary {  // World's, of 65,536 tokens
  std::shared_ptr<const fulmar::Tokenizer> tokenizer = fulmar::open_tokenizer("");
  std::shared_ptr<const fulmar::TokenTrie> trie = std::make_shared<const fulmar::TokenTrie>(*tokenizer, 65536);
};

// What the masks allow is what the automaton reads, or it throws.
bool takes(fulmar::GrammarReader& matcher, const fulmar::TokenDraws& draws, std::string_view text) {
  const bool taken = matcher.matches(text);
  if (draws.takes(text) != taken) throw std::runtime_error("masks and automaton disagree about " + std::string(text));
  return taken;
}

json::array walk(fulmar::GrammarReader& matcher, const fulmar::Grammar& grammar, uint64_t seed, int count) {
  json::array walks;
  fulmar::GrammarWalker walker(grammar, seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < count; ++i) {
    const std::string walk = i % 2 == 0 ? walker.walk(20 + i % 3 * 40) : matcher.walk(random, static_cast<std::size_t>(10 + i % 7 * 20));
    if (i % 2 == 0 && !matcher.matches(walk)) throw std::runtime_error("the automaton does not read " + walk);
    if (!walk.empty()) walks.push_back(json::string(walk));
  }
  return walks;
}

json::object answer(const json::object& asked) {
  static const Vocabulary vocabulary;
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
  std::vector<std::string> words;
  for (const json::value& word : asked.at("words").as_array()) words.emplace_back(word.as_string());
  fulmar::TokenDraws draws(grammar, *vocabulary.tokenizer, vocabulary.trie, std::move(words));
  json::array accepted, drawn;
  for (const json::value& text : asked.at("texts").as_array()) accepted.push_back(takes(*reader, draws, text.as_string()));
  told["accepted"] = std::move(accepted);
  const auto seed = asked.at("seed").to_number<uint64_t>();
  told["walks"] = walk(*reader, grammar, seed, asked.at("walks").to_number<int>());
  std::mt19937_64 random(seed);
  const auto wanted = asked.at("draws").to_number<std::size_t>();
  std::size_t endless = 0;
  while (drawn.size() < wanted && endless <= wanted) {
    if (const auto text = draws.draw(random, 5 + random() % 60))
      drawn.push_back(json::string(*text));
    else
      ++endless;
  }
  told["drawn"] = std::move(drawn);
  told["endless"] = endless;
  told["tokens"] = draws.tokens();
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
