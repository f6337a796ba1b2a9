// The chat templates as data, one row each; see template_styles.cpp.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "fulmar/request.h"

namespace fulmar {

enum class Role : uint8_t { system, user, assistant, tool };

// What stands before the first message where the client asks for it (presystem).
enum class Preface : uint8_t {
  exchange,      // the user says hi and the assistant promises to answer in full
  conversation,  // the user and the assistant are introduced as two people who talk
};

// A turn: before + speaker + after + gap + text + close, and `join` up to the next one. The gap is left out
// where there is no text or no speaker.
struct TemplateStyle {
  std::string_view name;
  std::array<std::string_view, 4> speakers;  // by Role; none: the text alone
  std::string_view before, after, gap, close, join;
  // Of the turns that end an answer; {user}, {assistant}, {system} and {tool} stand for the speakers.
  std::span<const std::string_view> stops;
  bool token_zero = false;
  Think unasked = Think::off;             // Think::standard
  Think unasked_with_tools = Think::off;  // the same, where tools change it to function_calling
  // By the model's Series: whether an empty thought is "<think></think" and not "<think>\n</think".
  std::array<bool, 3> one_line_fake{};
  // By the model's Series: whether it was trained on words of length (ThinkWord) at the end of what the user says.
  std::array<bool, 3> length_words{};
  Preface preface = Preface::exchange;
  std::string_view with_tools = {};      // the template that stands for it where there are tools; empty: it stays
  CallForm calls = CallForm::none;       // none: there is no place for tools
  bool own_voice = false;  // after a preface the first system message speaks of itself: "You are" is "I am"
  bool opens = true;       // the texts are cleaned, and the answer's turn is opened
};

std::span<const TemplateStyle> template_styles();
const TemplateStyle* find_style(std::string_view name);  // or null

}  // namespace fulmar
