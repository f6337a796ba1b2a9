// The rows of the chat templates, after the prompts that RWKV's models were trained on.
#include "text/template_styles.h"

namespace fulmar {
namespace {

using enum Think;

constexpr std::string_view world_stops[] = {"\n\n{user}:", "\n\n{assistant}:", "\n\n{system}:"};
constexpr std::string_view assistant_stops[] = {"\n{user}:", "\n\n{user}:", "\n\n{assistant}:", "\n\n{system}:"};
constexpr std::string_view bot_stops[] = {"✿"};
constexpr std::string_view tool_stops[] = {"\n### {user}", "\n### {system}\n", "\n### {assistant}\n",
                                           "\n### {tool}\n"};
constexpr std::string_view pair_stops[] = {"\n\n{user}:", "\n\n{assistant}:"};

constexpr std::array<std::string_view, 4> assistant = {"System", "User", "Assistant", "Tool Output"};
constexpr std::array<std::string_view, 4> bot = {"System", "User", "Bot", "Tool Output"};
constexpr std::array<std::string_view, 4> pair = {"", "Bob", "Alice", "Observation"};
constexpr std::array<std::string_view, 4> world = {"System", "User", "Assistant", "Observation"};

constexpr TemplateStyle styles[] = {
    // G1 models: "User: T\n\nAssistant:", or "Assistant: <think"
    {.name = "assistant", .speakers = assistant, .before = "", .after = ":", .gap = " ", .close = "",
     .join = "\n\n", .stops = assistant_stops, .token_zero = true, .unasked = off, .unasked_with_tools = open,
     .one_line_fake = {false, false, true}, .length_words = {false, true, true}, .with_tools = "function_calling"},
    // G1 models from g1h on: "User✿T✿\nBot✿<think"
    {.name = "bot", .speakers = bot, .before = "", .after = "✿", .gap = "", .close = "✿", .join = "\n",
     .stops = bot_stops, .token_zero = true, .unasked = open, .unasked_with_tools = open,
     .one_line_fake = {true, true, true}, .length_words = {true, true, true}, .with_tools = "function_calling"},
    // With tools, in place of these: "### User\nT\n### Assistant\n<think"
    {.name = "function_calling", .speakers = assistant, .before = "### ", .after = "\n", .gap = "", .close = "",
     .join = "\n", .stops = tool_stops, .token_zero = true, .unasked = open, .unasked_with_tools = open,
     .one_line_fake = {true, false, true}, .length_words = {true, true, true}, .calls = CallForm::marked},
    // World models: "User: T\n\nAssistant:"
    {.name = "world", .speakers = world, .before = "", .after = ":", .gap = " ", .close = "",
     .join = "\n\n", .stops = world_stops, .calls = CallForm::python},
    // RWKV-4 Raven: "Bob: T\n\nAlice:", a system's text without a name
    {.name = "raven", .speakers = pair, .before = "", .after = ":", .gap = " ", .close = "", .join = "\n\n",
     .stops = pair_stops, .preface = Preface::conversation, .calls = CallForm::python, .own_voice = true},
    // RWKV-4 Pile: the same with the exchange of World models before it
    {.name = "pile", .speakers = pair, .before = "", .after = ":", .gap = " ", .close = "", .join = "\n\n",
     .stops = pair_stops, .calls = CallForm::python, .own_voice = true},
    // The texts as they are, with an empty line between
    {.name = "none", .speakers = {}, .before = "", .after = "", .gap = "", .close = "", .join = "\n\n",
     .stops = {}, .opens = false},
};

}  // namespace

std::span<const TemplateStyle> template_styles() {
  return styles;
}

const TemplateStyle* find_style(std::string_view name) {
  for (const TemplateStyle& style : styles)
    if (style.name == name) return &style;
  return nullptr;
}

}  // namespace fulmar
