// Lays the tree out depth first, and finds the tokens of a class of characters on a walk over it.
#include "text/token_trie.h"

#include <algorithm>

#include "text/utf8_ranges.h"

namespace fulmar {
namespace {

void add_to(std::span<uint64_t> set, Token token) {
  set[static_cast<std::size_t>(token) >> 6] |= uint64_t{1} << (static_cast<uint32_t>(token) & 63);
}

// Characters of a text that is read byte by byte, as long as all are of a class.
struct Reading {
  uint32_t chars = 0;  // that began
  uint32_t code = 0, missing = 0, least = 0;
  bool bad = false;

  void read(unsigned char byte, const CodePointSet& set, const std::array<bool, 128>& ascii) {
    if (bad) return;
    if (missing > 0) {
      bad = (byte & 0xC0) != 0x80;
      code = code << 6 | (byte & 0x3F);
      if (--missing == 0 && !bad) bad = code < least || !set.has(code);
      return;
    }
    ++chars;
    if (byte < 0x80) {
      bad = !ascii[byte];
    } else if (byte >= 0xC2 && byte < 0xF5) {
      missing = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
      code = byte & (0x3Fu >> missing);
      least = missing == 1 ? 0x80 : missing == 2 ? 0x800 : 0x10000;
    } else {
      bad = true;
    }
    bad |= chars >= TokenSlice::other;
  }
};

}  // namespace

int TokenSlice::step_within(uint32_t chars) {
  int found = -1;
  for (std::size_t i = 0; i < steps.size() && steps[i] <= chars; ++i) found = static_cast<int>(i);
  return found;
}

void TokenSlice::copy_to(std::span<uint64_t> set, uint32_t chars) const {
  const int step = step_within(chars);
  if (step < 0)
    std::ranges::fill(set, 0);
  else
    std::ranges::copy(sets[static_cast<std::size_t>(step)], set.begin());
  if (const auto next = static_cast<std::size_t>(step + 1); next < steps.size())
    for (const auto& [length, token] : between[next])
      if (length <= chars) add_to(set, token);
}

TokenTrie::TokenTrie(const Tokenizer& tokenizer, uint32_t vocab) : vocab_(vocab) {
  struct Word {
    std::string_view bytes;
    Token token;
  };
  std::vector<Word> words;
  const Token size = std::min(tokenizer.size(), static_cast<Token>(vocab));
  begin_.reserve(static_cast<std::size_t>(size) + 1);
  for (Token token = 0; token < size; ++token) {
    begin_.push_back(static_cast<uint32_t>(text_.size()));
    if (token != tokenizer.end_of_text()) text_ += tokenizer.bytes(token);
  }
  begin_.push_back(static_cast<uint32_t>(text_.size()));
  for (Token token = 0; token < size; ++token)
    if (const std::string_view text = bytes(token); !text.empty()) words.push_back({text, token});
  std::ranges::sort(words, [](const Word& a, const Word& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.token < b.token;
  });
  std::vector<uint32_t> way{0};  // nodes from the root to the last one
  nodes_.push_back({0, -1, 0, 0});
  std::string_view last;
  for (const auto& [text, token] : words) {
    if (text == last) {
      twins_.emplace_back(nodes_[way.back()].token, token);
      continue;
    }
    std::size_t same = 0;
    while (same < std::min(text.size(), last.size()) && text[same] == last[same]) ++same;
    while (way.size() > same + 1) {
      nodes_[way.back()].end = static_cast<uint32_t>(nodes_.size());
      way.pop_back();
    }
    for (std::size_t i = same; i < text.size(); ++i) {
      way.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, -1, static_cast<uint16_t>(i + 1), static_cast<unsigned char>(text[i])});
    }
    nodes_.back().token = token;
    depth_ = std::max(depth_, static_cast<uint32_t>(text.size()));
    last = text;
  }
  for (const uint32_t node : way) nodes_[node].end = static_cast<uint32_t>(nodes_.size());
}

std::string_view TokenTrie::bytes(Token token) const {
  const auto at = static_cast<std::size_t>(token);
  if (token < 0 || at + 1 >= begin_.size()) return {};
  return std::string_view(text_).substr(begin_[at], begin_[at + 1] - begin_[at]);
}

void TokenTrie::add_twins(std::span<uint64_t> set) const {
  for (const auto& [first, twin] : twins_) {
    const auto at = static_cast<std::size_t>(first), to = static_cast<std::size_t>(twin);
    if ((set[at >> 6] >> (at & 63) & 1) != 0) set[to >> 6] |= uint64_t{1} << (to & 63);
  }
}

bool TokenTrie::goes_on(std::string_view text) const {
  uint32_t node = 0;
  for (const char byte : text) {
    uint32_t child = node + 1;
    while (child < nodes_[node].end && nodes_[child].label != static_cast<unsigned char>(byte)) child = nodes_[child].end;
    if (child >= nodes_[node].end) return false;
    node = child;
  }
  return nodes_[node].end > node + 1;
}

std::shared_ptr<const TokenSlice> TokenTrie::slice(const CodePointSet& chars) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(slices_, chars, [](const auto& slice) -> const CodePointSet& { return slice->chars; });
  std::shared_ptr<const TokenSlice> wanted;
  if (found != slices_.end()) {
    wanted = *found;
    slices_.erase(found);
  } else {
    wanted = make_slice(chars);
    if (slices_.size() >= max_kept_slices) slices_.erase(slices_.begin());
  }
  slices_.push_back(wanted);
  return wanted;
}

void TokenTrie::fill_rest(TokenSlice& slice) const {
  std::vector<bool> belongs(nodes_.size());
  std::vector<uint32_t> before(nodes_.size() + 1);  // how many belong that come before a node
  uint32_t count = 0;
  for (uint32_t i = 0, top = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].depth == 1) top = i;
    belongs[i] = i == 0 || (slice.most[i] > TokenSlice::far && slice.first.has(nodes_[top].label));
    before[i] = count;
    count += belongs[i];
  }
  before[nodes_.size()] = count;
  if (count > TokenSlice::most_rest) return;
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    if (!belongs[i]) continue;
    slice.rest.push_back(nodes_[i]);
    slice.rest.back().end = before[nodes_[i].end];
  }
}

std::shared_ptr<const TokenSlice> TokenTrie::make_slice(const CodePointSet& chars) const {
  auto made = std::make_shared<TokenSlice>();
  made->chars = chars;
  const Utf8Ranges ranges(chars);
  made->first = ranges.ascii;
  for (const Utf8Ranges::Lead& lead : ranges.leads)
    for (std::size_t i = 0; i < lead.bytes.bits.size(); ++i) made->first.bits[i] |= lead.bytes.bits[i];
  made->most.assign(nodes_.size(), 0);
  made->path.assign(nodes_.size(), 0);
  made->sets[0].assign((vocab_ + 63) / 64, 0);
  std::array<bool, 128> ascii{};
  for (uint32_t code = 0; code < 128; ++code) ascii[code] = chars.has(code);
  std::vector<Reading> readings(depth_ + 1);
  std::vector<uint32_t> way(depth_ + 1);
  for (uint32_t i = 1; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    Reading& reading = readings[node.depth];
    reading = readings[node.depth - 1];
    reading.read(node.label, chars, ascii);
    made->path[i] = reading.bad ? TokenSlice::other : static_cast<uint8_t>(reading.chars);
    way[node.depth] = i;
    if (node.token < 0) continue;
    const bool whole = !reading.bad && reading.missing == 0;
    const uint8_t length = whole ? static_cast<uint8_t>(reading.chars) : TokenSlice::other;
    for (uint32_t depth = 0; depth <= node.depth; ++depth) {
      uint8_t& most = made->most[way[depth]];
      most = std::max(most, length);
    }
    if (!whole) continue;
    std::size_t step = 0;
    while (TokenSlice::steps[step] < length) ++step;
    made->between[step].emplace_back(length, node.token);
  }
  for (std::size_t step = 0; step < made->sets.size(); ++step) {
    if (step > 0) made->sets[step] = made->sets[step - 1];
    for (const auto& [length, token] : made->between[step]) add_to(made->sets[step], token);
    made->count += made->between[step].size();
    if (TokenSlice::steps[step] <= TokenSlice::steps[step > 0 ? step - 1 : 0] + 1) made->between[step].clear();  // none in between
  }
  fill_rest(*made);
  return made;
}

}  // namespace fulmar
