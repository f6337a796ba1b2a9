// Finds stop strings in streamed text: one Knuth-Morris-Pratt automaton per stop string, linear in the text.
#include <algorithm>

#include "text/tokenizer.h"

namespace fulmar {

StopMatcher::StopMatcher(std::vector<std::string> stops) {
  for (std::size_t number = 0; number < stops.size(); ++number) {
    std::string& text = stops[number];
    if (text.empty()) continue;
    // border[n]: the longest proper prefix of the stop string that also ends its first n bytes.
    Stop stop{std::move(text), {0, 0}, 0, number};
    for (std::size_t i = 1, length = 0; i < stop.text.size(); ++i) {
      while (length > 0 && stop.text[i] != stop.text[length]) length = stop.border[length];
      if (stop.text[i] == stop.text[length]) ++length;
      stop.border.push_back(length);
    }
    stops_.push_back(std::move(stop));
  }
}

std::string StopMatcher::push(std::string_view text) {
  if (stopped_) return {};
  if (stops_.empty()) return std::string(text);
  pending_.append(text);
  for (const char byte : text) {
    ++read_;
    std::size_t oldest = read_;  // where the longest stop string begun but not complete begins
    for (Stop& stop : stops_) {
      std::size_t& matched = stop.matched;
      while (matched > 0 && byte != stop.text[matched]) matched = stop.border[matched];
      if (byte == stop.text[matched]) ++matched;
      if (matched == stop.text.size()) {
        if (read_ - matched < match_) {
          match_ = read_ - matched;
          which_ = stop.number;
        }
        matched = stop.border[matched];
      }
      oldest = std::min(oldest, read_ - matched);
    }
    // A match stands once nothing that began before it can still become one.
    if (match_ <= oldest) {
      stopped_ = true;
      return show_until(match_);
    }
    held_from_ = oldest;
  }
  return show_until(std::min(held_from_, match_));
}

std::string StopMatcher::finish() {
  if (stopped_) return {};
  stopped_ = match_ != none;
  return show_until(std::min(read_, match_));
}

// Takes everything before position `end` of the text out of what is held back.
std::string StopMatcher::show_until(std::size_t end) {
  std::string text = pending_.substr(hidden_, end - shown_);
  hidden_ += end - shown_;
  shown_ = end;
  // Dropping shown bytes only once they are the larger half keeps the whole linear.
  if (hidden_ * 2 >= pending_.size()) {
    pending_.erase(0, hidden_);
    hidden_ = 0;
  }
  return text;
}

}  // namespace fulmar
