// From the path of an adapter to its tensors under BlinkDL's names, with what PEFT says beside them.
#include <algorithm>
#include <array>

#include "weights/adapter_file.h"
#include "weights/names.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view config_name = "adapter_config.json";
constexpr uint64_t max_adapter_config = uint64_t{1} << 20;

// The adapter in a folder, by the names that PEFT gives it.
fs::path adapter_in(const fs::path& folder) {
  constexpr std::array names = {"adapter_model.safetensors", "adapter_model.bin"};
  std::error_code ignored;
  for (const char* name : names)
    if (fs::is_regular_file(folder / name, ignored)) return folder / name;
  FileErrors{to_utf8(folder)}.bad("is a folder without {}: name the adapter's file itself",
                                  fmt::join(names, ", "));
}

// PEFT's own files have its name or its words in front of all names; others' may lie in the same folder.
bool is_pefts(const fs::path& path, const Source& file) {
  if (path.stem() == "adapter_model") return true;
  const std::vector<std::string> names = file.names();
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return name.starts_with("base_model."); });
}

std::optional<PeftConfig> config_beside(const fs::path& path) {
  const fs::path config = path.parent_path() / config_name;
  std::error_code error;
  if (!fs::is_regular_file(config, error)) return std::nullopt;
  const FileErrors errors{to_utf8(config)};
  const MappedFile file(config);
  const auto bytes = file.bytes();
  if (bytes.size() > max_adapter_config)
    errors.bad("is larger than {} MiB: no adapter has such a one", max_adapter_config >> 20);
  return parse_peft_config(errors, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

OpenAdapter as_adapter(SourcePtr file, std::string mode, std::optional<float> scaling,
                       std::optional<PeftConfig> config) {
  if (file->metadata("model_type") == "state")
    FileErrors{file->label()}.bad("is a tuned state (its metadata says so): give it as --state");
  OpenAdapter out{file, std::move(mode), scaling, std::move(config), {}};
  std::vector<Renamed> names = adapter_names(*file);
  if (names.empty()) {
    out.file = blinkdl_names(std::move(file), {});
    return out;
  }
  for (const Renamed& renamed : names) out.original.emplace(renamed.name, renamed.from);
  out.file = rename(std::move(file), std::move(names));
  return out;
}

OpenAdapter open_adapter(const Adapter& adapter) {
  const fs::path given(std::u8string(adapter.file.begin(), adapter.file.end()));
  std::error_code ignored;
  const fs::path path = fs::is_directory(given, ignored) ? adapter_in(given) : given;
  SourcePtr file = open_as_written(path);
  std::optional<PeftConfig> config;
  if (is_pefts(path, *file)) config = config_beside(path);
  OpenAdapter open = as_adapter(std::move(file), adapter.mode, adapter.scaling, std::move(config));
  open.scale = adapter.scale;
  return open;
}

}  // namespace fulmar
