// Fuzzes what lies beside models and adapters in JSON: config.json, adapter_config.json and the other small
// ones.
#include "fuzz_model.h"
#include "text/json_fields.h"
#include "text/sampling_profiles.h"
#include "weights/peft_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  const std::string_view text = fuzz::text_of(data, size);
  static const SourcePtr v7 =
      fuzz::model_of({{"layers.0.attn_norm.weight", {8}}, {"layers.0.attn.r_k", {2, 4}}});
  static const SourcePtr v5 =
      fuzz::model_of({{"rwkv.blocks.0.ln1.weight", {8}}, {"rwkv.blocks.0.attention.ln_x.weight", {8}}});
  for (const SourcePtr& model : {v7, v5})
    fuzz::refusing([&] {
      const SourcePtr named = blinkdl_names(model, {text});
      named->metadata("gn_eps");
      named->metadata("ln_eps");
    });
  fuzz::refusing([&] {
    const PeftConfig config = parse_peft_config({"fuzz"}, text);
    for (const char* module : {"layers.0.attn.k_proj", "key", ""}) config.scaling(module, 4);
  });
  fuzz::refusing([&] {
    const JsonFields fields(text, "fuzz");
    for (const char* path : {"context_length", "chat_template", "chat_template.0.name", "", "."}) {
      fields.number(path);
      fields.text(path);
      fields.flag(path);
      fields.has(path);
    }
  });
  fuzz::refusing([&] { read_generation_config(text, "fuzz"); });
  return 0;
}
