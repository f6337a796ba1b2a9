// Pieces of a call that nobody has taken yet become one; see news.h.
#include "answer/news.h"

namespace fulmar::api {

size_t News::add(const Event& event) {
  const size_t before = bytes_;
  for (const CallPiece& piece : event.calls) {
    if (calls_.empty()) first_ = piece.call;
    if (piece.call - first_ >= calls_.size()) bytes_ += sizeof(ToolCall);
    if (piece.call - first_ >= calls_.size()) calls_.emplace_back();
    ToolCall& call = calls_[piece.call - first_];
    call.name += piece.name;
    call.arguments += piece.arguments;
    bytes_ += piece.name.size() + piece.arguments.size();
  }
  if (event.scores.size() > 0) {
    width_ = event.scores.width;
    cells_.insert(cells_.end(), event.scores.cells.begin(), event.scores.cells.end());
    bytes_ += event.scores.cells.size_bytes();
  }
  return bytes_ - before;
}

std::vector<CallPiece> News::pieces() const {
  std::vector<CallPiece> pieces;
  for (uint32_t i = 0; i < calls_.size(); ++i) pieces.push_back({first_ + i, calls_[i].name, calls_[i].arguments});
  return pieces;
}

}  // namespace fulmar::api
