// Who reads the same, and how far; see readers.h.
#include "engine/readers.h"

#include <algorithm>

namespace fulmar {
namespace {

constexpr uint32_t most_waits = 8;  // of a job: one for each reader that failed it, or that goes further along its text

}  // namespace

bool Readers::awaits_still(const Job& job) const {
  if (job.wait.reader == 0) return false;
  const auto found = std::ranges::find(all_, job.wait.reader, &Reader::number);
  if (found != all_.end() && found->one->read() < job.wait.place) return true;
  job.wait.reader = 0;
  return false;
}

bool Readers::awaits(const Job& job, std::span<const StatePtr> origins, std::span<const Token> tokens, uint32_t known) {
  if (job.wait.times >= most_waits) return false;
  Reader* best = nullptr;
  uint32_t place = 0;
  for (Reader& reader : all_) {
    const Beginning& other = reader.one->beginning();
    const uint32_t read = reader.one->read();
    if (reader.one->job().request->tenant != job.request->tenant) continue;
    if (!other.cacheable || read < known || read >= other.prompt->tokens.size() || !std::ranges::equal(other.origins, origins))
      continue;
    const auto parts = std::ranges::mismatch(other.prompt->tokens, tokens).in2;
    // A token is left to be fed: what it makes of the text is what the next one is drawn from.
    const auto shared = std::min(static_cast<uint32_t>(parts - tokens.begin()), static_cast<uint32_t>(tokens.size()) - 1);
    if (shared <= read || shared < known + worth_waiting || shared <= place) continue;
    best = &reader;
    place = shared;
  }
  if (!best) return false;
  best->one->add_mark(place);
  job.wait = {best->number, place, job.wait.times + 1};
  return true;
}

}  // namespace fulmar
