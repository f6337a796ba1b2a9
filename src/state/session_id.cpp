// What may be a session's name.
#include "base/fail.h"
#include "base/utf8.h"
#include "fulmar/state_store.h"

namespace fulmar {

void check_session_id(const std::string& id, const std::string& param) {
  constexpr size_t longest = 256;
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::bad_request, fmt::format("{} {}: a session's name is 1 to {} bytes of UTF-8 without control "
                                                    "characters", param, why, longest), param);
  };
  if (id.empty()) refuse("is empty");
  if (id.size() > longest) refuse(fmt::format("has {} bytes", id.size()));
  if (!is_utf8(id)) refuse("is no UTF-8");
  for (size_t i = 0; i < id.size(); ++i) {
    const auto byte = static_cast<unsigned char>(id[i]);
    // U+0080 to U+009F are C2 80 to C2 9F.
    const bool second = byte == 0xc2 && static_cast<unsigned char>(id[i + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f || second) refuse("has a control character");
  }
}

}  // namespace fulmar
