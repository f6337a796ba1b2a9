// Merges a word's pairs with a heap over a linked list, and GPT-2's pattern for words.
#include "text/bpe.h"

#include <algorithm>
#include <functional>

#include "text/unicode.h"

namespace fulmar {

std::size_t first_word(std::string_view text) {
  const auto run_end = [&](std::size_t at, CharClass kind) {
    while (at < text.size()) {
      const Character next = front_character(text.substr(at));
      if (next.kind != kind) break;
      at += next.length;
    }
    return at;
  };
  if (text[0] == '\'') {
    for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
      if (text.starts_with(ending)) return ending.size();
    }
  }
  const std::size_t begin = text[0] == ' ' && text.size() > 1 ? 1 : 0;  // a word takes one space before it
  const Character first = front_character(text.substr(begin));
  if (first.kind != CharClass::space) return run_end(begin + first.length, first.kind);
  // White space: all of it at the end of the text, else all but the last character, which goes with the next
  // word if it is a space, and is a word of its own if not.
  std::size_t last = 0, end = 0;
  for (Character next = front_character(text); next.kind == CharClass::space;
       next = front_character(text.substr(end))) {
    last = end;
    end += next.length;
    if (end == text.size()) return end;
  }
  return last > 0 ? last : end;
}

BpeMerger::BpeMerger(const std::vector<BpeVocabulary::Merge>& merges) : merges_(merges) {
  Token last = 0;
  for (const BpeVocabulary::Merge& merge : merges_) last = std::max(last, merge.left);
  first_.resize(static_cast<std::size_t>(last) + 2);
  for (const BpeVocabulary::Merge& merge : merges_) ++first_[static_cast<std::size_t>(merge.left) + 1];
  for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
  pairs_.resize(merges_.size());
  std::vector<uint32_t> free(first_.begin(), first_.end() - 1);
  for (uint32_t i = 0; i < merges_.size(); ++i) {
    pairs_[free[static_cast<std::size_t>(merges_[i].left)]++] = {merges_[i].right, i};
  }
  for (std::size_t left = 0; left + 1 < first_.size(); ++left) {
    std::sort(pairs_.begin() + first_[left], pairs_.begin() + first_[left + 1],
              [](const Pair& a, const Pair& b) { return a.right < b.right; });
  }
}

uint32_t BpeMerger::rank(Token left, Token right) const {
  const auto row = static_cast<std::size_t>(left);
  if (row + 1 >= first_.size()) return none;
  const auto end = pairs_.begin() + first_[row + 1];
  const auto found = std::lower_bound(pairs_.begin() + first_[row], end, right,
                                      [](const Pair& pair, Token wanted) { return pair.right < wanted; });
  return found != end && found->right == right ? found->rank : none;
}

void BpeMerger::merge(std::vector<Token>& word, Scratch& scratch) const {
  const auto count = static_cast<uint32_t>(word.size());
  if (count < 2) return;
  std::vector<uint32_t>&previous = scratch.previous, &next = scratch.next;
  std::vector<uint64_t>& heap = scratch.heap;
  previous.resize(count);
  next.resize(count);
  heap.clear();
  // An entry is the merge's rank above the position of its left part: the smallest is the next to apply.
  // Entries whose parts have changed meanwhile are recognised when their turn comes.
  const auto consider = [&](uint32_t left, uint32_t right) {
    const uint32_t found = rank(word[left], word[right]);
    if (found != none) heap.push_back(uint64_t{found} << 32 | left);
    return found != none;
  };
  for (uint32_t i = 0; i < count; ++i) {
    previous[i] = i - 1;
    next[i] = i + 1;
    if (i + 1 < count) consider(i, i + 1);
  }
  const auto later = std::greater<uint64_t>();
  std::make_heap(heap.begin(), heap.end(), later);
  constexpr Token gone = -1;
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const BpeVocabulary::Merge& merge = merges_[heap.back() >> 32];
    const auto left = static_cast<uint32_t>(heap.back());
    heap.pop_back();
    const uint32_t right = next[left];
    if (right >= count || word[left] != merge.left || word[right] != merge.right) continue;
    word[left] = merge.result;
    word[right] = gone;
    const uint32_t after = next[right];
    next[left] = after;
    if (after < count) previous[after] = left;
    if (left > 0 && consider(previous[left], left)) std::push_heap(heap.begin(), heap.end(), later);
    if (after < count && consider(left, after)) std::push_heap(heap.begin(), heap.end(), later);
  }
  std::erase(word, gone);
}

}  // namespace fulmar
