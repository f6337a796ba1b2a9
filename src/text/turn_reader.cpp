// A few states, and text that is held back until it is clear what it is.
#include "text/turn_reader.h"

#include <algorithm>
#include <utility>

namespace fulmar {
namespace {

// White space that is held back at most; what follows more of it is text like any other. A model may write nothing
// else for as long as it likes, and every token reads what is held back again.
constexpr size_t most_white = 256;
constexpr std::string_view begin_tag = "<think>", end_tag = "</think", white = " \t\r\n";

void skip_white(std::string& text) {
  text.erase(0, std::min(text.find_first_not_of(white), text.size()));
}

// How many bytes at the end of `text` may be the beginning of the tag.
size_t begun_tag(std::string_view text) {
  const size_t at = text.rfind('<');
  return at != text.npos && end_tag.starts_with(text.substr(at)) ? text.size() - at : 0;
}

size_t without_white(std::string_view text) {
  const size_t last = text.find_last_not_of(white);
  return last == text.npos ? 0 : last + 1;
}

}  // namespace

TurnReader::TurnReader(const Turn& turn) : spaced_(turn.opening == TurnOpening::name) {
  switch (turn.opening) {
    case TurnOpening::raw:
      return;
    case TurnOpening::faked:
      at_ = At::end;
      bracket_ = true;
      return;
    case TurnOpening::name:
      at_ = turn.together ? At::name : At::start;
      return;
    case TurnOpening::thought:
      if (turn.together) {
        first_.text = turn.begun;
        return;
      }
      at_ = At::thought;
      fresh_ = bracket_ = true;
      held_ = turn.begun.substr(std::min(turn.begun.size(), begin_tag.size() - 1));
      step(first_);
      return;
    case TurnOpening::continued:
    case TurnOpening::spaced:
      break;
  }
  at_ = At::start;
  TurnText known;
  if (!turn.together) {
    held_ = turn.begun;
    while (step(known)) continue;
  }
  // Inside of a thought it goes on; anything else is the answer.
  if (at_ == At::start && held_.empty()) at_ = At::name;
  if (at_ == At::answer) at_ = At::name;
  spaced_ = turn.opening == TurnOpening::spaced;
}

TurnText TurnReader::push(std::string_view piece) {
  if (piece.empty()) return {};
  TurnText out = std::exchange(first_, {});
  held_ += piece;
  while (step(out)) continue;
  return out;
}

bool TurnReader::step(TurnText& out) {
  switch (at_) {
    case At::start:
      return read_start();
    case At::thought:
      return read_thought(out);
    case At::end:
      if (held_.empty()) return false;
      if (std::exchange(bracket_, false) && held_.starts_with('>')) held_.erase(0, 1);
      skip_white(held_);
      if (held_.empty()) return false;
      at_ = At::answer;
      return true;
    case At::name:
      if (held_.empty()) return false;
      if (spaced_ && held_.starts_with(' ')) held_.erase(0, 1);
      at_ = At::answer;
      return true;
    case At::answer:
      out.text += std::exchange(held_, {});
      return false;
  }
  return false;
}

bool TurnReader::read_start() {
  const size_t first = held_.find_first_not_of(white);
  if (std::min(first, held_.size()) > most_white) {
    at_ = At::name;
    return true;
  }
  if (first == held_.npos) return false;
  const std::string_view rest = std::string_view(held_).substr(first);
  if (rest.starts_with(begin_tag)) {
    held_.erase(0, first + begin_tag.size());
    at_ = At::thought;
    fresh_ = true;
    return true;
  }
  if (begin_tag.starts_with(rest)) return false;
  at_ = At::name;
  return true;
}

bool TurnReader::read_thought(TurnText& out) {
  if (fresh_) {
    if (held_.empty()) return false;
    if (std::exchange(bracket_, false) && held_.starts_with('>')) held_.erase(0, 1);
    skip_white(held_);
    if (held_.empty()) return false;
    fresh_ = false;
  }
  const size_t tag = held_.find(end_tag), after = tag + end_tag.size();
  if (tag != held_.npos && (sure_ || (after < held_.size() && held_[after] == '>'))) {
    out.thought.append(held_, 0, without_white(std::string_view(held_).substr(0, tag)));
    held_.erase(0, after);
    bracket_ = true;
    at_ = At::end;
    return true;
  }
  if (tag != held_.npos && after < held_.size()) {  // "</thinking>": a word like others
    out.thought.append(held_, 0, tag + 1);
    held_.erase(0, tag + 1);
    return true;
  }
  const size_t kept = tag != held_.npos ? held_.size() - tag : begun_tag(held_);
  size_t shown = without_white(std::string_view(held_).substr(0, held_.size() - kept));
  if (held_.size() - kept - shown > most_white) shown = held_.size() - kept;
  out.thought.append(held_, 0, shown);
  held_.erase(0, shown);
  return false;
}

bool TurnReader::ending() const {
  return at_ == At::thought && begun_tag(held_) > 0;
}

TurnText TurnReader::finish() {
  TurnText out;
  if (held_.empty()) return out;
  if (at_ == At::thought) {
    if (held_.ends_with(end_tag)) held_.resize(held_.size() - end_tag.size());
    held_.resize(without_white(held_));
    out.thought = std::exchange(held_, {});
  } else if (at_ == At::start) {
    at_ = At::name;
    while (step(out)) continue;
  }
  held_.clear();
  return out;
}

}  // namespace fulmar
