// Splits ranges by their bytes of six bits each; bytes behind which the same may follow become one set.
#include "text/utf8_ranges.h"

#include <algorithm>

namespace fulmar {
namespace {

using Range = CodePointSet::Range;

// Numbers of `digits` digits of six bits behind a first one, which is written with `mark`.
std::vector<Utf8Ranges::Lead> split(const std::vector<Range>& ranges, int digits, unsigned char mark,
                                    std::vector<Utf8Ranges::Lead>& tails) {
  struct Group {
    std::vector<Range> rest;
    ByteSet bytes;
  };
  std::vector<Group> groups;
  const int shift = 6 * digits;
  const uint32_t low = (uint32_t{1} << shift) - 1;
  if (ranges.empty()) return {};
  const uint32_t last_digit = ranges.back().last >> shift;
  std::size_t at = 0;
  for (uint32_t digit = ranges.front().first >> shift; digit <= last_digit; ++digit) {
    const uint32_t first = digit << shift, last = first | low;
    std::vector<Range> rest;
    while (at < ranges.size() && ranges[at].last < first) ++at;
    for (std::size_t i = at; i < ranges.size() && ranges[i].first <= last; ++i)
      rest.push_back({std::max(ranges[i].first, first) & low, std::min(ranges[i].last, last) & low});
    if (rest.empty()) continue;
    auto found = std::ranges::find(groups, rest, &Group::rest);
    if (found == groups.end()) found = groups.insert(found, {rest, {}});
    found->bytes.add(static_cast<unsigned char>(mark | digit));
  }
  std::vector<Utf8Ranges::Lead> leads;
  for (const Group& group : groups) {
    Utf8Ranges::Lead lead{group.bytes};
    if (digits > 0) {
      const std::vector<Utf8Ranges::Lead> behind = split(group.rest, digits - 1, 0x80, tails);
      lead.first = static_cast<uint32_t>(tails.size());
      lead.count = static_cast<uint32_t>(behind.size());
      tails.insert(tails.end(), behind.begin(), behind.end());
    }
    leads.push_back(lead);
  }
  return leads;
}

}  // namespace

Utf8Ranges::Utf8Ranges(const CodePointSet& set) {
  constexpr struct {
    uint32_t first, last;
    int digits;
    unsigned char mark;
  } lengths[] = {{0x80, 0x7FF, 1, 0xC0}, {0x800, 0xFFFF, 2, 0xE0}, {0x10000, 0x10FFFF, 3, 0xF0}};
  const CodePointSet one_byte = set.within({{0, 0x7F}});
  for (const Range& range : one_byte.ranges())
    ascii.add(static_cast<unsigned char>(range.first), static_cast<unsigned char>(range.last));
  for (const auto& length : lengths) {
    const CodePointSet part = set.within({{length.first, length.last}});
    const std::vector<Lead> more =
        split({part.ranges().begin(), part.ranges().end()}, length.digits, length.mark, tails);
    leads.insert(leads.end(), more.begin(), more.end());
  }
}

}  // namespace fulmar
