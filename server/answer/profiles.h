// Which sampling profile a request is drawn by where it says nothing: --sampling-profile and the model decide.
#pragma once
#include <optional>
#include <string_view>

#include "answer/json.h"
#include "fulmar/request.h"

namespace fulmar::api {

// What was given for --sampling-profile. By default chats are drawn by the model's own profile, where it brings one, and
// texts that are only continued by none.
struct ProfileChoice {
  std::optional<SamplingProfile> fixed;  // for everything
  bool of_model = false;                 // the model's, for everything
};

// Throws Error(misuse) for what is neither "model" nor one of known_profiles(); empty is the default.
ProfileChoice profile_choice(std::string_view word);

enum class Asking { text, open, fake, tools };  // a chat with open thinking, an empty or no thought, with tools
std::string_view name_of(Asking asking);
// What the model's makers may have a profile for. Tools count more than thoughts.
Asking what_is_asked(const PromptInput& input, const Prompt& prompt);

// Its name and its fields as requests have them, as the members of a JSON object: "\"name\":...,\"temperature\":0.3".
std::string profile_members(const SamplingProfile& profile);

// What is told of the profiles that requests are drawn by; nothing where they are neutral for want of the model's.
Found profile_in_use(const ProfileChoice& choice, const ModelInfo& model);
void log_profile(const Found& profile);

const SamplingProfile& profile_for(const ProfileChoice& choice, const ModelInfo& model, Asking asking);

}  // namespace fulmar::api
