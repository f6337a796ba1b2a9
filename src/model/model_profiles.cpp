// One file a profile; see model_profiles.h.
#include "model/model_profiles.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "fulmar/error.h"
#include "text/sampling_profiles.h"

namespace fulmar {
namespace {

// The file's folder, or the model that has it inside.
std::string_view shelf(std::string_view where) {
  const std::size_t inside = where.rfind(": ");
  return where.substr(0, inside == where.npos ? where.find_last_of("/\\") + 1 : inside + 2);
}

}  // namespace

std::vector<SamplingProfile> profiles_of(const ModelFolder& folder) {
  std::vector<SamplingProfile> profiles;
  for (const auto& [name, file, field] : generation_configs) {
    const std::optional<TextFile>& text = folder.*field;
    if (!text) continue;
    try {
      GenerationConfig config = read_generation_config(text->text, text->where);
      for (const std::string& value : config.passed_over) log_warning("{}; it is passed over", value);
      if (config.sampling) profiles.push_back({name, std::move(*config.sampling)});
    } catch (const Error& error) {
      log_warning("{}; it is passed over", error.what());
    }
  }
  return profiles;
}

Found describe_profiles(const ModelFolder& folder, const std::vector<SamplingProfile>& profiles) {
  Found found;
  const auto add = [](std::string& list, std::string_view word) {
    list.append(list.empty() ? "" : ", ").append(word);
  };
  for (const SamplingProfile& profile : profiles) {
    const auto* place = std::ranges::find(generation_configs, profile.name, &GenerationConfigPlace::profile);
    const std::string& where = (folder.*place->field)->where;
    const bool again = !found.where.empty() && found.where.starts_with(shelf(where));
    add(found.what, profile.name);
    add(found.where, again ? std::string_view(where).substr(shelf(where).size()) : where);
  }
  return found;
}

}  // namespace fulmar
