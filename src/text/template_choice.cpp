// Which template a model speaks, by its name, by the template it carries and by its vocabulary.
#include <fmt/format.h>

#include <algorithm>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/chat_template.h"
#include "text/template_styles.h"
#include "text/white_space.h"

namespace fulmar {
namespace {

constexpr auto nowhere = std::string_view::npos;

bool is_small_letter(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_decimal(char c) {
  return c >= '0' && c <= '9';
}

// By the letter behind a "g1" that is a word's beginning: "rwkv7-g1h-1.5b". Not in "g10" nor in "g1half".
Series series_of(std::string_view name) {
  for (size_t at = name.find("g1"); at != nowhere; at = name.find("g1", at + 1)) {
    if (at > 0 && (is_small_letter(name[at - 1]) || is_decimal(name[at - 1]))) continue;
    const char letter = at + 2 < name.size() ? name[at + 2] : '-';
    const char next = at + 3 < name.size() ? name[at + 3] : '-';
    if (is_decimal(letter) || (is_small_letter(letter) && is_small_letter(next))) continue;
    return letter >= 'h' && letter <= 'z' ? Series::late_g1 : Series::early_g1;
  }
  return Series::other;
}

// What a template in another program's language makes, by the words in it. Empty: nothing that is known.
std::string_view template_by_words(std::string_view text) {
  const auto has = [text](std::string_view word) { return text.find(word) != nowhere; };
  if (const TemplateStyle* style = find_style(text)) return style->name;  // a name alone
  if (has("rwkv_prompt_template") || has("✿")) return "bot";
  if (has("### Tool Output") && has("### User")) return "function_calling";
  if (has("rwkv-world")) return "world";  // what llama.cpp calls it
  if (has("###") || has("<|")) return {};
  if (has("Bob") && has("Alice")) return "raven";
  if (has("User") && has("Assistant")) return has("<think") ? "assistant" : "world";
  return {};
}

// A number to compare two templates by, of 32 bits.
uint32_t fingerprint(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(white);
  return first == nowhere ? std::string_view() : text.substr(first, text.find_last_not_of(white) - first + 1);
}

void take(TemplateChoice& choice, std::string_view name, std::string found) {
  choice.name = name;
  choice.found = std::move(found);
}

bool names_version_7(std::string_view name) {
  constexpr std::string_view words[] = {"x070", "rwkv7", "rwkv-7"};
  return std::ranges::any_of(words, [&](std::string_view word) { return name.find(word) != nowhere; });
}

// World models last: their name is in others' too. Those of version 7 begin with token 0 and may think, as G1's.
void take_by_name(TemplateChoice& choice, const std::string& name) {
  for (const std::string_view word : {"raven", "pile", "world"}) {
    if (name.find(word) == nowhere) continue;
    const bool newer = word == "world" && names_version_7(name);
    return take(choice, newer ? "assistant" : word,
                fmt::format("the \"{}\" in the model's name{}", word, newer ? ", which is of version 7" : ""));
  }
}

}  // namespace

std::string template_names() {
  std::string names;
  for (const TemplateStyle& style : template_styles()) {
    if (!names.empty()) names += ", ";
    names += style.name;
  }
  return names;
}

TemplateChoice pick_template(const TemplateClues& clues, const std::string& asked) {
  const std::string name = lower_ascii(clues.name);
  const std::string_view text = trimmed(clues.template_text);
  TemplateChoice choice;
  choice.series = series_of(name);
  if (!asked.empty()) {
    if (!find_style(asked))
      fail(ErrorKind::misuse, "there is no chat template {}; use one of {}", asked.substr(0, 40), template_names());
    take(choice, asked, "--chat-template");
    return choice;
  }
  std::string_view known = template_by_words(text);
  if (text == "rwkv-world" && names_version_7(name)) known = "assistant";  // llama.cpp has one word for all versions
  if (choice.series == Series::late_g1 && clues.has_flower_token)
    take(choice, "bot", "the generation in the model's name");
  else if (choice.series != Series::other)
    take(choice, "assistant", "the generation in the model's name");
  else if (choice.from_text = !known.empty(); choice.from_text)
    take(choice, known, "the model's own chat_template");
  else
    take_by_name(choice, name);
  if (choice.name == "bot" && !clues.has_flower_token) {
    take(choice, "assistant", "Fulmar's default, where the vocabulary has no token for bot's ends of turns");
    choice.from_text = false;
  }
  if (!text.empty() && known.empty())
    choice.warning = fmt::format(
        "the model's own chat_template ({} bytes, fingerprint {:08x}) is none that is known here; \"{}\" is taken "
        "instead, or what --chat-template says",
        text.size(), fingerprint(text), choice.name);
  return choice;
}

}  // namespace fulmar
