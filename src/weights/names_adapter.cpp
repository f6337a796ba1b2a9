// The spellings of adapters: PEFT's around Hugging Face's or BlinkDL's names, and ai00's .lora, which its
// converter makes of a trainer's file: lora.0 is lora_A transposed, lora.1 is lora_B.
#include <algorithm>

#include "weights/names.h"

namespace fulmar {
namespace {

constexpr std::string_view first_factor = ".lora.0", second_factor = ".lora.1";

bool is_hugging_face_part(std::string_view name) {
  uint64_t layer = 0;
  std::string_view rest;
  if (split_layer(name, "layers.", layer, rest) || name.starts_with("lm_head.")) return true;
  return split_layer(name, "blocks.", layer, rest) &&
         (rest.starts_with("attention.") || rest.starts_with("feed_forward."));
}

bool is_ai00(const Spelled& tensor) {
  return tensor.name.starts_with("blocks.") && tensor.name.ends_with(first_factor);
}

Renamed ai00_name(const Spelled& tensor) {
  const std::string_view name = tensor.name;
  const auto with = [&](std::string_view tail, const char* piece) {
    return std::string(name.substr(0, name.size() - tail.size())) + piece;
  };
  if (name.ends_with(first_factor))
    return {with(first_factor, ".lora_A"), tensor.from, {layout::transpose()}};
  if (name.ends_with(second_factor)) return {with(second_factor, ".lora_B"), tensor.from};
  return {tensor.name, tensor.from};
}

}  // namespace

std::string_view without_adapter_wrappers(std::string_view name) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view wrapper :
         {"base_model.", "model.", "rwkv.", "module.", "_forward_module.", "_orig_mod.", "state_dict."})
      if (name.starts_with(wrapper)) {
        name.remove_prefix(wrapper.size());
        again = true;
      }
  }
  return name;
}

std::vector<Renamed> adapter_names(const Source& source) {
  std::vector<Spelled> tensors;
  for (std::string& name : source.names()) {
    std::string plain(without_adapter_wrappers(name));
    tensors.push_back({std::move(plain), std::move(name)});
  }
  const auto any = [&](auto&& is) { return std::any_of(tensors.begin(), tensors.end(), is); };
  std::vector<Renamed> names;
  if (any([](const Spelled& tensor) { return is_hugging_face_part(tensor.name); }))
    return hugging_face_parts(source, tensors);
  if (any(is_ai00))
    for (const Spelled& tensor : tensors) names.push_back(ai00_name(tensor));
  return names;
}

}  // namespace fulmar
