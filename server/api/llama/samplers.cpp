// Orders of cuts and which rule has them; see samplers.h.
#include "api/llama/samplers.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

namespace fulmar::api::llama {
namespace {

enum class Cut : uint8_t { nothing, top_k, top_p, min_p, temperature };

struct Name {
  std::string_view word;
  char letter;
  Cut cut;
};

// What is `nothing` is off here: its own field is refused where it asks for something. Penalties come first in any case.
constexpr Name names[] = {
    {"top_k", 'k', Cut::top_k},     {"top-k", 0, Cut::top_k},       {"top_p", 'p', Cut::top_p},
    {"top-p", 0, Cut::top_p},       {"nucleus", 0, Cut::top_p},     {"min_p", 'm', Cut::min_p},
    {"min-p", 0, Cut::min_p},       {"temperature", 't', Cut::temperature}, {"temp", 0, Cut::temperature},
    {"penalties", 'e', Cut::nothing}, {"dry", 'd', Cut::nothing},   {"typ_p", 'y', Cut::nothing},
    {"typ-p", 0, Cut::nothing},     {"typical", 0, Cut::nothing},   {"typical_p", 0, Cut::nothing},
    {"xtc", 'x', Cut::nothing},     {"top_n_sigma", 's', Cut::nothing}, {"infill", 'i', Cut::nothing},
    {"adaptive_p", 'a', Cut::nothing}};

struct Order {
  PenaltyRule rule;
  std::string_view cuts[4];
};

// Of those whose penalties are the same.
constexpr Order orders[] = {{PenaltyRule::llama, {"top_k", "top_p", "min_p", "temperature"}},
                            {PenaltyRule::openai, {"temperature", "top_k", "top_p", "min_p"}},
                            {PenaltyRule::runner, {"top_p", "top_k", "temperature", "min_p"}}};

const Order& order_of(PenaltyRule rule) {
  const auto found = std::ranges::find(orders, rule == PenaltyRule::pipeline ? PenaltyRule::runner : rule, &Order::rule);
  return found == std::end(orders) ? orders[1] : *found;
}

std::string_view word_of(Cut cut) {
  return std::ranges::find(names, cut, &Name::cut)->word;
}

std::vector<Cut> read_cuts(const json::value& value) {
  std::vector<Cut> cuts;
  const auto add = [&](const Name* found, std::string_view word) {
    if (found == std::end(names)) bad_field("samplers", fmt::format("has '{}', which is no sampler", word.substr(0, 64)));
    if (found->cut == Cut::nothing) return;
    if (std::ranges::count(cuts, found->cut) > 0) unsupported("samplers", fmt::format("has {} twice, which is not supported", found->word));
    cuts.push_back(found->cut);
  };
  if (value.is_string()) {
    for (const char& letter : value.get_string()) {
      const std::string_view word(&letter, 1);
      add(letter == 0 ? std::end(names) : std::ranges::find(names, letter, &Name::letter), word);
    }
  } else if (const json::array* const list = value.if_array()) {
    for (const json::value& one : *list) {
      const std::string word = string_of(one, "samplers");
      add(std::ranges::find(names, std::string_view(word), &Name::word), word);
    }
  } else {
    wrong_type("samplers", "an array of names or a string of letters", value);
  }
  return cuts;
}

bool is_in_order(std::span<const Cut> cuts, const Order& order) {
  const auto place = [&](Cut cut) { return std::ranges::find(order.cuts, word_of(cut)); };
  return std::ranges::is_sorted(cuts, {}, place);
}

}  // namespace

void read_samplers(const Fields& fields, Sampling& sampling) {
  const json::value* const value = fields.find("samplers");
  if (!value || says_nothing(*value)) return;
  if (value->is_array()) fields.list("samplers");  // has not too many entries
  std::vector<Cut> cuts = read_cuts(*value);
  const auto is_named = [&](Cut cut) { return std::ranges::count(cuts, cut) > 0; };
  if (!is_named(Cut::top_k)) sampling.top_k = 0;
  if (!is_named(Cut::top_p)) sampling.top_p = 1;
  if (!is_named(Cut::min_p)) sampling.min_p = 0;
  if (!is_named(Cut::temperature)) sampling.temperature = 1;
  // Where a cut does nothing, its place is none.
  std::erase_if(cuts, [&](Cut cut) {
    return (cut == Cut::top_k && sampling.top_k == 0) || (cut == Cut::top_p && sampling.top_p == 1) ||
           (cut == Cut::min_p && sampling.min_p == 0) || (cut == Cut::temperature && sampling.temperature == 1);
  });
  const auto own = std::ranges::find(orders, sampling.rule, &Order::rule);
  if (own != std::end(orders) && is_in_order(cuts, *own)) return;
  const auto found = std::ranges::find_if(orders, [&](const Order& order) { return is_in_order(cuts, order); });
  if (found == std::end(orders))
    unsupported("samplers", "has an order that is not supported; there are top_k, top_p, min_p, temperature; temperature, top_k, "
                            "top_p, min_p; and top_p, top_k, temperature, min_p");
  sampling.rule = found->rule;
}

json::array samplers_of(PenaltyRule rule) {
  json::array words = {"penalties"};
  for (const std::string_view cut : order_of(rule).cuts) words.emplace_back(cut);
  return words;
}

json::object neutral_settings() {
  return {{"dynatemp_range", 0},
          {"dynatemp_exponent", 1},
          {"top_n_sigma", -1},
          {"xtc_probability", 0},
          {"xtc_threshold", 0.5},
          {"typical_p", 1},
          {"dry_multiplier", 0},
          {"dry_base", 1.75},
          {"dry_allowed_length", 2},
          {"dry_penalty_last_n", 0},
          {"dry_sequence_breakers", json::array{"\n", ":", "\"", "*"}},
          {"mirostat", 0},
          {"mirostat_tau", 5},
          {"mirostat_eta", 0.1},
          {"n_discard", 0},
          {"min_keep", 0},
          {"grammar", ""},
          {"post_sampling_probs", false},
          {"lora", json::array()}};
}

}  // namespace fulmar::api::llama
