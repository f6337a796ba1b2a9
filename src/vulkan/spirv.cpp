// Inserting instructions into SPIR-V; see spirv.h and the specification's chapter 2.4, logical layout.
#include "vulkan/spirv.h"

#include "base/fail.h"

namespace fulmar::vulkan {

std::vector<uint32_t> with_subnormals_preserved(std::span<const uint32_t> module) {
  constexpr uint32_t header = 5, op_entry_point = 15, op_execution_mode = 16, op_capability = 17;
  constexpr uint32_t denorm_preserve_capability = 4464, denorm_preserve_mode = 4459;
  std::vector<uint32_t> out(module.begin(), module.begin() + header);
  out.insert(out.end(), {2u << 16 | op_capability, denorm_preserve_capability});  // capabilities come first
  uint32_t entry = 0;
  for (size_t at = header; at < module.size();) {
    const uint32_t opcode = module[at] & 0xffff, words = module[at] >> 16;
    require(words > 0 && words <= module.size() - at, "a kernel's SPIR-V ends within an instruction");
    if (entry != 0 && opcode != op_entry_point) {  // modes come right behind the one entry point
      out.insert(out.end(), {4u << 16 | op_execution_mode, entry, denorm_preserve_mode, 16});
      entry = 0;
    }
    if (opcode == op_entry_point) entry = module[at + 2];
    out.insert(out.end(), module.begin() + static_cast<std::ptrdiff_t>(at),
               module.begin() + static_cast<std::ptrdiff_t>(at + words));
    at += words;
  }
  return out;
}

}  // namespace fulmar::vulkan
