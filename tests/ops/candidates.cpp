// The backends that every op test runs on.
#include "cpu/backend.h"
#include "harness.h"
#if FULMAR_HAS_VULKAN
#include "fulmar/error.h"
#include "vulkan/backend.h"
#endif

namespace fulmar::ops {

std::vector<Candidate> candidates() {
  std::vector<Candidate> list = {
      {"cpu_1_thread", [](std::string&) { return cpu::make_backend(1); }},
      {"cpu_3_threads", [](std::string&) { return cpu::make_backend(3); }},
  };
#if FULMAR_HAS_VULKAN
  list.push_back({"vulkan", [](std::string& why) {
                    return vulkan::enumerate(why).empty() ? nullptr : vulkan::make_backend(0);
                  }});
  list.push_back({"vulkan_matrix_units",
                  [](std::string& why) -> std::unique_ptr<Backend> {
                    if (vulkan::enumerate(why).empty()) return nullptr;
                    try {
                      return vulkan::make_backend(0, vulkan::MatrixUnits::always);
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
