// A few characters at the beginning of a turn belong to the template and not to the answer.
#include "text/turn_reader.h"

namespace fulmar {

std::string TurnReader::push(std::string_view piece) {
  if (begun_ || piece.empty()) return std::string(piece);
  if (opening_ == TurnOpening::faked) {
    if (!bracket_ && piece.starts_with('>')) {  // one: a second would be a quotation's
      bracket_ = true;
      piece.remove_prefix(1);
    }
    const size_t first = piece.find_first_not_of(" \n");
    if (first == std::string_view::npos) return {};
    piece.remove_prefix(first);
  }
  begun_ = true;
  if (opening_ == TurnOpening::thought) return "<think" + std::string(piece);
  if (opening_ == TurnOpening::name && piece.starts_with(' ')) piece.remove_prefix(1);
  return std::string(piece);
}

}  // namespace fulmar
