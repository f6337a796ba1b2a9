// Pieces of a call that nobody has taken yet become one; see news.h.
#include "answer/news.h"

#include <algorithm>
#include <utility>

#include "answer/tools.h"

namespace fulmar::api {

size_t News::add(const Event& event, bool with_scores, bool with_tokens) {
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
  if (with_scores && event.scores.size() > 0) {
    width_ = event.scores.width;
    cells_.insert(cells_.end(), event.scores.cells.begin(), event.scores.cells.end());
    bytes_ += event.scores.cells.size_bytes();
  }
  if (with_tokens) {
    tokens_.insert(tokens_.end(), event.tokens.begin(), event.tokens.end());
    bytes_ += event.tokens.size_bytes();
  }
  turn_.insert(turn_.end(), event.turn.begin(), event.turn.end());
  bytes_ += event.turn.size_bytes();
  return bytes_ - before;
}

News News::take(size_t bytes) {
  const size_t fit = width_ > 0 ? std::max<size_t>(1, bytes / sizeof(TokenScore) / width_) * width_ : 0;
  if (cells_.size() <= fit) return std::exchange(*this, {});
  News rest;
  rest.width_ = width_;
  rest.cells_.assign(cells_.begin() + static_cast<std::ptrdiff_t>(fit), cells_.end());
  rest.bytes_ = rest.cells_.size() * sizeof(TokenScore);
  cells_.resize(fit);
  bytes_ -= rest.bytes_;
  return std::exchange(*this, std::move(rest));
}

std::span<const ToolCall> News::whole_calls() const {
  const bool is_cut = !calls_.empty() && !is_whole(calls_.back());
  return std::span(calls_).first(calls_.size() - (is_cut ? 1 : 0));
}

std::vector<CallPiece> News::pieces() const {
  std::vector<CallPiece> pieces;
  for (uint32_t i = 0; i < calls_.size(); ++i) pieces.push_back({first_ + i, calls_[i].name, calls_[i].arguments});
  return pieces;
}

}  // namespace fulmar::api
