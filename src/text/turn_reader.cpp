// A few states, and text that is held back until it is clear what it is.
#include "text/turn_reader.h"

#include <algorithm>
#include <utility>

#include "text/white_space.h"

namespace fulmar {
namespace {

constexpr std::string_view begin_tag = "<think>", end_tag = "</think";

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

TurnReader::TurnReader(const Turn& turn) : together_(turn.together), spaced_(turn.opening == TurnOpening::name) {
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
        const bool bare = begin_tag.starts_with(turn.begun);
        first_.text = bare ? begin_tag : turn.begun;
        at_ = bare ? At::bracket : At::answer;
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
  // Inside of a thought it goes on; anything else is the answer. A mark that only lacks its last sign is one, as in what
  // the template begins; what may become one is not repeated where it does not.
  if (at_ == At::start && held_ == begin_tag.substr(0, begin_tag.size() - 1)) {
    at_ = At::thought;
    fresh_ = bracket_ = true;
    held_.clear();
  } else if (at_ == At::thought && held_.ends_with(end_tag)) {
    at_ = At::end;
    bracket_ = true;
    held_.clear();
  }
  known_ = held_.size();
  if (at_ == At::start && held_.empty()) at_ = At::name;
  if (at_ == At::answer) at_ = At::name;
  spaced_ = turn.opening == TurnOpening::spaced;
}

void TurnReader::expect_end() {
  sure_ = true;
  if (together_ && (at_ == At::answer || at_ == At::bracket)) at_ = At::mark;
}

// Takes so much off what is held back; what of it the client wrote itself is not said to it again.
std::string TurnReader::take(size_t bytes) {
  const size_t own = std::min(known_, bytes);
  std::string text = held_.substr(own, bytes - own);
  held_.erase(0, bytes);
  known_ -= own;
  return text;
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
    case At::bracket:
      if (held_.empty()) return false;
      if (held_.starts_with('>')) held_.erase(0, 1);
      at_ = At::answer;
      return true;
    case At::mark: {
      const size_t tag = held_.find(end_tag);
      out.text += take(tag == held_.npos ? held_.size() - begun_tag(held_) : tag + end_tag.size());
      if (tag == held_.npos) return false;
      out.text += '>';
      at_ = At::bracket;
      return true;
    }
    case At::name:
      held_.erase(0, std::exchange(known_, 0));
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
    known_ = 0;
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
    out.thought += take(without_white(std::string_view(held_).substr(0, tag)));
    held_.erase(0, held_.find(end_tag) + end_tag.size());
    known_ = 0;
    bracket_ = true;
    at_ = At::end;
    return true;
  }
  if (tag != held_.npos && after < held_.size()) {  // "</thinking>": a word like others
    out.thought += take(tag + 1);
    return true;
  }
  const size_t kept = tag != held_.npos ? held_.size() - tag : begun_tag(held_);
  size_t shown = without_white(std::string_view(held_).substr(0, held_.size() - kept));
  if (held_.size() - kept - shown > most_white) shown = held_.size() - kept;
  out.thought += take(shown);
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
    out.thought = take(without_white(held_));
  } else if (at_ == At::mark) {
    out.text = take(held_.size());
  } else if (at_ == At::start) {
    at_ = At::name;
    while (step(out)) continue;
  }
  held_.clear();
  return out;
}

}  // namespace fulmar
