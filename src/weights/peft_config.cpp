// Reading adapter_config.json; see peft_config.h.
#include "weights/peft_config.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace fulmar {
namespace {

namespace json = boost::json;

class PeftReader {
 public:
  PeftReader(const FileErrors& errors, const json::object& object) : errors_(errors), object_(object) {}

  PeftConfig read() const {
    const std::string type = text("peft_type");
    if (type != "LORA")
      errors_.unsupported(
          "says peft_type {}: of PEFT's adapters Fulmar takes LORA; merge it into the model with PEFT",
          type.empty() ? "nothing" : type);
    refuse_more_than_factors();
    PeftConfig config;
    config.alpha = number("lora_alpha");
    config.rank_stabilized = is_true("use_rslora");
    if (const double r = number("r"); patterns("rank_pattern").empty()) {
      if (r < 1 || r > 1 << 20 || r != std::floor(r))
        errors_.bad("has an r of {}, expected a whole number from 1", r);
      config.rank = static_cast<uint64_t>(r);
    }
    config.alphas = patterns("alpha_pattern");
    return config;
  }

 private:
  const json::value* find(std::string_view key) const {
    const json::value* value = object_.if_contains(key);
    return value && !value->is_null() ? value : nullptr;
  }
  std::string text(std::string_view key) const {
    const json::value* value = find(key);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  }
  bool is_true(std::string_view key) const {
    const json::value* value = find(key);
    return value && value->is_bool() && value->get_bool();
  }
  double as_number(std::string_view key, const json::value* value) const {
    constexpr double most = 1e6;
    const double number = value && value->is_number() ? value->to_number<double>() : NAN;
    if (!(std::abs(number) <= most)) errors_.bad("has no number as \"{}\"", key);
    return number;
  }
  double number(std::string_view key) const { return as_number(key, find(key)); }

  // Some ways to begin take the factors' first product away from the model, whose weights are others then.
  void refuse_more_than_factors() const {
    for (const char* key : {"use_dora", "fan_in_fan_out", "layer_replication"})
      if (const json::value* value = find(key); value && !(value->is_bool() && !value->get_bool()))
        errors_.unsupported("has \"{}\", which Fulmar does not: merge the adapter into the model with PEFT",
                            key);
    const std::string start = text("init_lora_weights");
    for (const char* changed : {"pissa", "olora", "corda", "loftq", "lora_ga"})
      if (start.starts_with(changed))
        errors_.unsupported(
            "says init_lora_weights \"{}\", so the adapter fits a changed model only: save it with PEFT's "
            "path_initial_model_for_weight_conversion",
            start);
  }

  // { "ending of a module's name": number }. PEFT takes regular expressions too, which nobody needs to write
  // here.
  std::vector<std::pair<std::string, double>> patterns(std::string_view key) const {
    std::vector<std::pair<std::string, double>> list;
    const json::value* value = find(key);
    if (!value) return list;
    if (!value->is_object()) errors_.bad("has a \"{}\" that is no object", key);
    for (const auto& [name, number] : value->get_object()) {
      const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               c == '.';
      });
      if (!plain)
        errors_.unsupported("has a regular expression in \"{}\" ({}): write the names of the modules", key,
                            std::string_view(name).substr(0, max_tensor_name));
      list.emplace_back(name, as_number(key, &number));
    }
    return list;
  }

  const FileErrors& errors_;
  const json::object& object_;
};

}  // namespace

float PeftConfig::scaling(std::string_view module, uint64_t r) const {
  double a = alpha;
  for (const auto& [ending, other] : alphas) {
    const bool whole = module == ending || (module.ends_with(ending) && module.size() > ending.size() &&
                                            module[module.size() - ending.size() - 1] == '.');
    if (!whole) continue;
    a = other;
    break;
  }
  const auto width = static_cast<double>(r);
  return static_cast<float>(a / (rank_stabilized ? std::sqrt(width) : width));
}

PeftConfig parse_peft_config(const FileErrors& errors, std::string_view text) {
  json::error_code error;
  const json::value parsed = json::parse({text.data(), text.size()}, error);
  if (error) errors.bad("is not valid JSON: {}", error.message());
  if (!parsed.is_object()) errors.bad("is no JSON object");
  return PeftReader(errors, parsed.get_object()).read();
}

}  // namespace fulmar
