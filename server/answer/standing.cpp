// The values that stand, and the tuned states that they name.
#include "answer/standing.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "host/shelf.h"

namespace fulmar::api {
namespace {

constexpr float kColdest = 0.1f;  // of those above 0, which is greedy
constexpr float kLeastDecay = 0.99f, kMostDecay = 0.999f;

[[noreturn]] void refuse(std::string_view beginning, const Error& why) {
  throw Error(ErrorKind::bad_request, fmt::format("{}: {}", beginning, why.what()));
}

std::string version_of(const std::string& file) {
  std::error_code bad;
  const auto time = std::filesystem::last_write_time(file, bad).time_since_epoch().count();
  return fmt::format("{} {}", time, std::filesystem::file_size(file, bad));
}

}  // namespace

StandingValues::StandingValues()
    : sampling(std::ranges::find(known_profiles(), "runner", &SamplingProfile::name)->sampling) {}

StandingValues overlaid(StandingValues values, const Fields& fields) {
  Sampling& sampling = values.sampling;
  if (const auto tokens = fields.integer("max_tokens")) values.max_tokens = static_cast<uint32_t>(*tokens);
  fields.set("temperature", sampling.temperature);
  if (sampling.temperature > 0) sampling.temperature = std::max(sampling.temperature, kColdest);
  fields.set("top_p", sampling.top_p);
  fields.set("presence_penalty", sampling.presence_penalty);
  fields.set("frequency_penalty", sampling.frequency_penalty);
  if (const auto decay = fields.number("penalty_decay")) {
    if (*decay < kLeastDecay || *decay > kMostDecay) bad_field(fields.name("penalty_decay"), "must be between 0.99 and 0.999");
    sampling.penalty_decay = *decay;
  }
  if (const auto top_k = fields.integer("top_k")) sampling.top_k = static_cast<int32_t>(*top_k);
  if (fields.find("state")) values.state = fields.text("state").value_or("");
  return values;
}

void Standing::begin() {
  const std::lock_guard lock(mutex_);
  begun_ = true;
}

bool Standing::begun() const {
  const std::lock_guard lock(mutex_);
  return begun_;
}

void Standing::deploy() {
  const std::lock_guard lock(mutex_);
  deployed_ = true;
}

bool Standing::deployed() const {
  const std::lock_guard lock(mutex_);
  return deployed_;
}

StandingValues Standing::values() const {
  const std::lock_guard lock(mutex_);
  return values_;
}

void Standing::set(StandingValues values) {
  const std::lock_guard lock(mutex_);
  values_ = std::move(values);
}

bool Standing::uses_cache() const {
  const std::lock_guard lock(mutex_);
  return uses_cache_;
}

void Standing::use_cache(bool yes) {
  const std::lock_guard lock(mutex_);
  uses_cache_ = yes;
}

StatePtr Standing::tuned(const host::Shelf& shelf, const Engine& engine, const std::string& name) {
  std::string file;
  try {
    file = shelf.find(name, host::Kind::state, "state");
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::bad_request) throw;
    refuse("state file not found", error);
  }
  const std::string version = version_of(file);
  {
    const std::lock_guard lock(mutex_);
    const auto known = std::ranges::find_if(
        read_, [&](const Read& one) { return one.file == file && one.version == version; });
    if (known != read_.end()) {
      read_.splice(read_.begin(), read_, known);
      try {
        engine.check(*read_.front().state);
        return read_.front().state;
      } catch (const Error&) {  // another model's by now
        read_.pop_front();
      }
    }
  }
  try {
    StatePtr state = engine.tuned_state(file, {});
    const std::lock_guard lock(mutex_);
    read_.push_front({file, version, state});
    if (read_.size() > kRead) read_.pop_back();
    return state;
  } catch (const Error& error) {
    const bool misfit = std::string_view(error.what()).find("another model") != std::string_view::npos;
    if (error.kind() == ErrorKind::unsupported) refuse("file format of the model or state model not supported", error);
    refuse(misfit ? "state shape mismatch" : "state file failed to load", error);
  }
}

}  // namespace fulmar::api
