// The fields of RWKV-Infer's endpoints. docs/infer.md prints these tables; a test compares the two.
#include "api/infer/infer.h"
#include "fulmar/sampling.h"

namespace fulmar::api::infer {
namespace {

using enum FieldType;
using sampling_range::temperature, sampling_range::top_p;

constexpr int64_t name_bytes = 256;
constexpr std::string_view default_help = "For requests that do not say it.";

constexpr Field load[] = {
    {"model_filename", text, "required", "A model in `--models-dir`."},
    {"model_viewname", text, "`default model`", "What it is called from then on.", 0, name_bytes},
    {"model_strategy", text, "`--strategy`",
     "`bf16`, `fp16`, `int8`, `fp16i8`, `bf16i8`, `fp8`, `fp6`, `fp5` or `nf4` on the first GPU, or the processor where there is none; or a "
     "[strategy](strategies.md). `None`: as without.",
     0, 1024},
    {"adapter_filename", text_or_list, "none", "An adapter in `--models-dir`, or several, as the two of a PiSSA.", 0, 8},
    {"adapter_mode", text, "what the file is",
     "`lora` (DoRA and MoLE too), `dora`, `bone` or `disha`, `pissa`, `mole`, `hybrid` or `auto`; a longer word that has `lora`, `bone` or "
     "`hybrid` in it is that.",
     0, 64},
    {"adapter_scaling", number_or_text, "2", "The s of LoRA and DoRA: the trainer's alpha / rank.", -1000, 1000},
    {"default_temperature", number_or_text, "1", default_help, temperature.least, temperature.most},
    {"default_top_p", number_or_text, "0.3", default_help, top_p.least, top_p.most},
    {"endtoken", text, "the template's ends",
     "A text that ends an answer, where the chat does not say `stop`; with the escapes of Python's strings: `\\n`, `\\x0a`, `\\u000a`.", 0,
     1024},
    {"template", text, "the model's own", "A [chat template](http-api.md#templates-and-thoughts). `world`: the model's own.", 0, 64},
    {"rope_theta", number_or_text, "", "Taken and not used: of models that are not RWKV.", 0, int64_t{1} << 40},
    {"rms_norm_eps", number_or_text, "", "Likewise.", 0, 1},
};

constexpr Field state[] = {
    {"state_filename", text, "required", "A tuned state in `--states-dir`, without it in `--models-dir`."},
    {"state_viewname", text, "required", "What it is called, behind the model's name and a blank.", 0, name_bytes},
    {"default_temperature", number_or_text, "the model's", default_help, temperature.least, temperature.most},
    {"default_top_p", number_or_text, "the model's", default_help, top_p.least, top_p.most},
};

constexpr Field mixture[] = {
    {"state_viewname", text, "required", "What the mixture is called, behind the model's name and a blank.", 0, name_bytes},
    {"state_filenames", list, "required", "Tuned states, as many as `--mrss-max` says.", 0, 64},
    {"contain_originalstate", text, "`False`", "`True`: what the model itself begins from is one more, the last; or true and false.", 0, 16},
    {"state_gatingweight", list, "equal shares",
     "A number, or a text of one, from -1000 to 1000 for each state. Those that lack are 0, those beyond the states count for nothing.", 0, 64},
    {"default_temperature", number_or_text, "the model's", default_help, temperature.least, temperature.most},
    {"default_top_p", number_or_text, "the model's", default_help, top_p.least, top_p.most},
};

constexpr Field gate[] = {
    {"state_viewname", text, "required", "The mixture's name, with or without the model's in front.", 0, 2 * name_bytes + 1},
    {"state_gatingweight", list, "as they are", "As above.", 0, 64},
    {"default_temperature", number_or_text, "as it is", default_help, temperature.least, temperature.most},
    {"default_top_p", number_or_text, "as it is", default_help, top_p.least, top_p.most},
};

constexpr Field end[] = {
    {"key1", text, "required", "What `--admin-key1` says.", 0, 1024},
    {"key2", text, "required", "What `--admin-key2` says.", 0, 1024},
};

}  // namespace

constexpr FieldTable load_fields{"loadmodel", load, {}};
constexpr FieldTable state_fields{"loadstatemodel", state, {}};
constexpr FieldTable mixture_fields{"mrss_loadstatemodel", mixture, {}};
constexpr FieldTable gate_fields{"mrss_set_gatingweight", gate, {}};
constexpr FieldTable kill_fields{"appkill", end, {}};

}  // namespace fulmar::api::infer
