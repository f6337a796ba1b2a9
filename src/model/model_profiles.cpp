// One file a profile; see model_profiles.h.
#include "model/model_profiles.h"

#include <utility>

#include "base/log.h"
#include "fulmar/error.h"
#include "text/sampling_profiles.h"

namespace fulmar {
namespace {

std::vector<std::pair<const char*, const std::optional<TextFile>*>> files_of(const ModelFolder& folder) {
  return {{"open", &folder.generation_config},
          {"fake", &folder.fake_think_generation_config},
          {"tools", &folder.tools_generation_config}};
}

}  // namespace

std::vector<SamplingProfile> profiles_of(const ModelFolder& folder) {
  std::vector<SamplingProfile> profiles;
  for (const auto& [name, file] : files_of(folder)) {
    if (!*file) continue;
    try {
      auto sampling = read_generation_config((*file)->text, (*file)->where);
      if (sampling) profiles.push_back({name, std::move(*sampling)});
    } catch (const Error& error) {
      log_warning("{}; it is passed over", error.what());
    }
  }
  return profiles;
}

Found describe_profiles(const ModelFolder& folder, const std::vector<SamplingProfile>& profiles) {
  Found found;
  for (const SamplingProfile& profile : profiles) found.what.append(found.what.empty() ? "" : ", ").append(profile.name);
  for (const auto& [name, file] : files_of(folder))
    if (!profiles.empty() && profiles.front().name == name) found.where = (*file)->where;
  return found;
}

}  // namespace fulmar
