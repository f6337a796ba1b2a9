// What tells a mixture's sessions from others: a mark in front of their notes.
#include <fmt/format.h>

#include <charconv>

#include "fulmar/state_store.h"

namespace fulmar {
namespace {

constexpr std::string_view mark = "mixture ";

}  // namespace

std::string mixed_note(uint32_t stream, uint32_t streams, std::string_view note) {
  return fmt::format("{}{}/{}:{}", mark, stream, streams, note);
}

MixedNote read_mixed_note(std::string_view note) {
  MixedNote plain{.note = note}, read;
  if (!note.starts_with(mark)) return plain;
  const char* const end = note.data() + note.size();
  const auto [slash, first] = std::from_chars(note.data() + mark.size(), end, read.stream);
  if (first != std::errc{} || slash == end || *slash != '/') return plain;
  const auto [colon, second] = std::from_chars(slash + 1, end, read.streams);
  if (second != std::errc{} || colon == end || *colon != ':' || read.stream >= read.streams) return plain;
  read.note = std::string_view(colon + 1, static_cast<size_t>(end - colon - 1));
  return read;
}

}  // namespace fulmar
