// What the config.json beside a checkpoint says of its numbers. A value that no model has is named in a warning and
// passed over, as if it were not there.
#include <boost/json.hpp>
#include <cmath>

#include "base/log.h"
#include "base/utf8.h"
#include "weights/file_source.h"
#include "weights/names.h"

namespace fulmar {
namespace {

namespace json = boost::json;

struct Range {
  double least, most;
};
constexpr Range epsilon_range{1e-12, 1}, divisor_range{1, 1024};

// Empty where the text is no object.
json::object parsed(const ConfigJson& config) {
  json::error_code error;
  json::value value = json::parse({config.text.data(), config.text.size()}, error);
  return !error && value.is_object() ? std::move(value.get_object()) : json::object();
}

const json::value* find(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value && !value->is_null() ? value : nullptr;
}

bool is_true(const json::object& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value && value->is_bool() && value->get_bool();
}

class Numbers {
 public:
  explicit Numbers(const ConfigJson& config) : object(parsed(config)), where_(config.where) {}

  std::optional<double> get(std::string_view key, const Range& range) const {
    const json::value* value = find(object, key);
    if (!value) return std::nullopt;
    constexpr std::size_t longest = 40;
    if (value->is_number())
      if (const auto number = value->to_number<double>(); number >= range.least && number <= range.most) return number;
    log_warning("{}: {} is {}, expected a number from {:g} to {:g}; it is passed over", where_, key,
                shown(json::serialize(*value), longest), range.least, range.most);
    return std::nullopt;
  }

  const json::object object;

 private:
  const std::string& where_;
};

}  // namespace

bool ties_head(const ConfigJson& config) {
  return is_true(parsed(config), "tie_word_embeddings");
}

ExtraMetadata hugging_face_metadata(const Source& source, const ConfigJson& config,
                                    const std::vector<Renamed>& names) {
  const Numbers numbers(config);
  if (numbers.object.empty()) return {};
  if (is_true(numbers.object, "embedding_layer_norm_fused"))
    FileErrors{source.label()}.unsupported(
        "was written with its first layer norm folded into the embedding (embedding_layer_norm_fused in "
        "config.json): "
        "convert the original without that");
  const auto from = [&](std::string_view name) -> std::string_view {
    for (const Renamed& renamed : names)
      if (renamed.name == name) return renamed.from;
    return {};
  };
  ExtraMetadata extra;
  const auto put = [&](const char* key, double value) { extra[key] = fmt::format("{:.9g}", value); };
  constexpr double usual = 1e-5, usual_divisor = 8;
  const bool fla = find(numbers.object, "norm_eps") != nullptr;
  const double eps = numbers.get(fla ? "norm_eps" : "layer_norm_epsilon", epsilon_range).value_or(usual);
  if (eps != usual) put("ln_eps", eps);
  if (const auto given = numbers.get("group_norm_epsilon", epsilon_range)) {  // the folders since 2026
    put("gn_eps", *given);
  } else if (const std::string_view r_k = from("blocks.0.att.r_k"); !r_k.empty()) {
    // flash-linear-attention takes the head size times the layer norms' epsilon.
    const Shape shape = source.info(r_k)->shape;
    if (fla && shape.size() == 2) put("gn_eps", eps * static_cast<double>(shape[1]));
  } else if (!from("blocks.0.att.ln_x.weight").empty()) {
    const double divisor = numbers.get("head_size_divisor", divisor_range).value_or(usual_divisor);
    put("gn_eps", fla ? eps : usual * divisor * divisor);
  }
  return extra;
}

}  // namespace fulmar
