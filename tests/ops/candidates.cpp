// The backends that every op test runs on.
#include "cpu/targets.h"

#include <fmt/format.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cctype>

#include "cpu/backend.h"
#include "harness.h"
#if FULMAR_HAS_VULKAN
#include "device_under_test.h"
#include "fulmar/error.h"
#include "vulkan/backend.h"
#endif

namespace fulmar::ops {

void choose_instructions(int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().DeInit();  // the next call chooses
}

std::vector<std::pair<int64_t, std::string>> instruction_sets() {
  std::vector<std::pair<int64_t, std::string>> list;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets())
    list.emplace_back(target, hwy::TargetName(target));
  std::sort(list.begin(), list.end());  // a better one has a lower bit
  return list;
}

std::vector<Candidate> candidates() {
  std::vector<Candidate> list = {
      {"cpu_1_thread", [](std::string&) { return cpu::make_backend(1); }},
      {"cpu_3_threads", [](std::string&) { return cpu::make_backend(3); }},
  };
  // The kernels of older processors run on newer ones too.
  const auto sets = instruction_sets();
  for (const auto& [target, word] : sets)
    if (target != sets[0].first) {  // the best, which the first two have
      std::string name = fmt::format("cpu_{}", word);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      list.push_back({name, [](std::string&) { return cpu::make_backend(1); }, false, target});
    }
#if FULMAR_HAS_VULKAN
  list.push_back({"vulkan", [](std::string& why) {
                    if (vulkan::enumerate(why).empty()) return std::unique_ptr<Backend>();
                    return vulkan::make_backend(vulkan::device_under_test());
                  }});
  list.push_back({"vulkan_matrix_units",
                  [](std::string& why) -> std::unique_ptr<Backend> {
                    if (vulkan::enumerate(why).empty()) return nullptr;
                    try {
                      return vulkan::make_backend(vulkan::device_under_test(), vulkan::MatrixUnits::always);
                    } catch (const Error& error) {
                      why = error.what();
                      return nullptr;
                    }
                  },
                  true});
#endif
  return list;
}

}  // namespace fulmar::ops
