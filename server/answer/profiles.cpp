// The one place that knows which profile comes before which.
#include "answer/profiles.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/fail.h"
#include "base/json_text.h"
#include "base/log.h"

namespace fulmar::api {

std::string_view name_of(Asking asking) {
  switch (asking) {
    case Asking::text:
      return "text";
    case Asking::open:
      return "open";
    case Asking::fake:
      return "fake";
    case Asking::tools:
      return "tools";
  }
  return {};
}

Asking what_is_asked(const PromptInput& input, const Prompt& prompt) {
  const auto has_tools = [](const ChatMessage& message) {
    return message.role == "tool" || !message.tool_calls.empty();
  };
  if (input.messages.empty()) return Asking::text;
  if (!input.chat.tools.empty() || std::ranges::any_of(input.messages, has_tools)) return Asking::tools;
  return prompt.turn.opening == TurnOpening::thought ? Asking::open : Asking::fake;
}

// By hand: Boost.JSON knows no float and prints the double that is nearest to one, with all of its digits.
std::string profile_members(const SamplingProfile& profile) {
  const Sampling& s = profile.sampling;
  const auto rule = std::ranges::find(penalty_rules, s.rule, &std::pair<std::string_view, PenaltyRule>::second);
  return fmt::format(
      R"("name":{},"temperature":{},"top_k":{},"top_p":{},"min_p":{},"presence_penalty":{},"frequency_penalty":{},)"
      R"("penalty_decay":{},"penalty_rule":{},"repetition_penalty":{})",
      json_quoted(profile.name), s.temperature, s.top_k, s.top_p, s.min_p, s.presence_penalty, s.frequency_penalty,
      s.penalty_decay, json_quoted(rule->first), s.repetition_penalty);
}

ProfileChoice profile_choice(std::string_view word) {
  if (word.empty()) return {};
  if (word == "model") return {{}, true};
  std::string names = "model";
  for (const SamplingProfile& profile : known_profiles()) {
    if (profile.name == word) return {profile, false};
    names.append(", ").append(profile.name);
  }
  fail(ErrorKind::misuse, "--sampling-profile {} is none; there are {}", word, names);
}

const SamplingProfile& profile_for(const ProfileChoice& choice, const ModelInfo& model, Asking asking) {
  static const SamplingProfile neutral{"neutral", {}};
  if (choice.fixed) return *choice.fixed;
  const auto& profiles = model.sampling_profiles;
  if (profiles.empty() || (asking == Asking::text && !choice.of_model)) return neutral;
  const std::string_view name = name_of(asking == Asking::text ? Asking::open : asking);
  const auto found = std::ranges::find(profiles, name, &SamplingProfile::name);
  return found == profiles.end() ? profiles.front() : *found;
}

Found profile_in_use(const ProfileChoice& choice, const ModelInfo& model) {
  return choice.fixed ? Found{choice.fixed->name, "--sampling-profile"} : model.sampling_profile;
}

void log_profile(const Found& profile) {
  if (!profile.what.empty()) log_info("sampling profile: {}, from {}", profile.what, profile.where);
}

}  // namespace fulmar::api
