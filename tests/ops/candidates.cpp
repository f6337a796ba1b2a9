// The backends that every op test runs on.
#include "cpu/backend.h"
#include "harness.h"
#if FULMAR_HAS_VULKAN
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
#endif
  return list;
}

}  // namespace fulmar::ops
