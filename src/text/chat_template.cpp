// From messages to the prompt, by the rows of template_styles.h.
#include "text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "fulmar/error.h"
#include "text/template_styles.h"
#include "text/template_tools.h"

namespace fulmar {
namespace {

constexpr std::size_t kNameBytes = 64;
constexpr std::string_view any_white = " \t\r\n\v\f";
constexpr std::string_view flower = "✿", closed_flower = "❀";  // the first ends a turn
constexpr std::string_view greeting = "hi";
constexpr std::string_view promise =
    "Hi. I am your assistant and I will provide expert full response in full details. Please feel free to ask any "
    "question and I will always answer it.";
constexpr std::string_view introduction =
    "The following is a verbose detailed conversation between {user} and {assistant}. {assistant} knows a lot, is "
    "friendly, and answers {user} in full.";

[[noreturn]] void refuse(const std::string& field, const std::string& problem) {
  throw Error(ErrorKind::bad_request, fmt::format("{} {}", field, problem), field);
}

// What the models' makers clean. What the model and its tools wrote has empty lines of its own.
bool loses_empty_lines(Role role) {
  return role == Role::system || role == Role::user;
}

// CRLF to LF, no white space around, and where it loses empty lines runs of line ends to one.
std::string clean(std::string_view text, Role role = Role::user) {
  const std::size_t begin = text.find_first_not_of(any_white);
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_last_not_of(any_white) - begin + 1);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && text[i + 1] == '\n') continue;  // never the last byte: that one is not white
    if (text[i] == '\n' && out.back() == '\n' && loses_empty_lines(role)) continue;
    out.push_back(text[i]);
  }
  return out;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, begin)) {
    out.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  if (begin == 0) return;
  out.append(text, begin);
  text = std::move(out);
}

Role role_of(const ChatMessage& message, std::size_t index) {
  const std::string& role = message.role;
  if (role == "system" || role == "developer") return Role::system;
  if (role == "user") return Role::user;
  if (role == "assistant") return Role::assistant;
  if (role == "tool") return Role::tool;
  const std::string shown = role.size() <= 40 ? fmt::format("\"{}\"", role) : "none that is known";
  refuse(fmt::format("messages[{}].role", index),
         fmt::format("is {}; use system, developer, user, assistant or tool", shown));
}

std::string name_of(const char* field, const std::string& given, std::string_view otherwise) {
  if (given.empty()) return std::string(otherwise);
  if (given.size() > kNameBytes) refuse(field, fmt::format("must have at most {} bytes", kNameBytes));
  if (std::ranges::any_of(given, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    refuse(field, "must be one line without control characters");
  if (given.find_first_not_of(any_white) == given.npos) refuse(field, "must have more than white space");
  return given;
}

// A template with the names of those who speak.
class Layout {
 public:
  Layout(const TemplateStyle& style, const TemplateOptions& options)
      : style_(style),
        calls_(options.binds_calls() ? CallForm::marked : style.calls),
        names_{name_of("system_name", options.system_name, style.speakers[0]),
               name_of("user_name", options.user_name, style.speakers[1]),
               name_of("assistant_name", options.assistant_name, style.speakers[2]),
               std::string(style.speakers[3])} {
    for (std::string& name : names_) {
      if (!style.opens) name.clear();
      if (style.close == flower) replace_all(name, flower, closed_flower);
    }
  }

  const TemplateStyle& style() const { return style_; }
  CallForm calls() const { return calls_; }

  std::string head(Role role) const {
    const std::string& name = names_[static_cast<std::size_t>(role)];
    if (name.empty()) return {};
    return std::string(style_.before).append(name).append(style_.after);
  }

  std::string filled(std::string_view pattern) const {
    constexpr std::string_view fields[] = {"{system}", "{user}", "{assistant}", "{tool}"};
    std::string out;
    while (!pattern.empty()) {  // once: a name may look like a field
      const auto is_next = [&](std::string_view field) { return pattern.starts_with(field); };
      const auto* const field = std::ranges::find_if(fields, is_next);
      if (field == std::end(fields)) {
        out += pattern[0];
        pattern.remove_prefix(1);
      } else {
        out += names_[static_cast<std::size_t>(field - fields)];
        pattern.remove_prefix(field->size());
      }
    }
    return out;
  }

  // A text as it stands in a turn: clean, and nothing in it begins or ends one.
  std::string text(std::string_view content, Role role) const {
    if (!style_.opens) return std::string(content);
    std::string plain = clean(content, role);
    if (style_.close == flower) replace_all(plain, flower, closed_flower);
    return without_turns(plain);
  }

  // A turn's head and text, without what ends it. `more`: behind the text, on lines of its own.
  std::string turn(const ChatMessage& message, Role role, std::string_view word = {}, std::string_view more = {}) const {
    std::string out = head(role);
    std::string said = text(message.content, role).append(word);
    if (!more.empty()) said.append(said.empty() ? "" : "\n").append(more);
    if (role == Role::tool && style_.calls == CallForm::marked) return out + "```json\n" + said + "\n```";
    if (!said.empty()) out.append(out.empty() ? std::string_view() : style_.gap).append(said);
    for (const ToolCall& call : message.tool_calls) {
      const bool first_said = said.empty() && &call == &message.tool_calls.front();
      if (first_said && !out.ends_with('\n'))
        out += out.empty() ? std::string_view() : style_.gap;
      else if (!out.empty() && !out.ends_with('\n'))
        out += '\n';
      const std::string name = text(call.name, role), arguments = text(call.arguments, role);
      out += calls_ == CallForm::python ? call_python(name, arguments) : call_marked(name, arguments);
    }
    return out;
  }

 private:
  // Whether a line would begin another turn. Without a mark before its speaker it does so only behind an empty line.
  bool is_heading(std::string_view line) const {
    if (!line.starts_with(style_.before)) return false;
    line.remove_prefix(style_.before.size());
    return std::ranges::any_of(names_, [&](const std::string& name) {
      if (name.empty() || !line.starts_with(name)) return false;
      return !style_.before.empty() || line.substr(name.size()).starts_with(style_.after);
    });
  }

  // A heading is moved in by a space, or up to the line before it.
  std::string without_turns(std::string_view plain) const {
    std::string out;
    for (std::size_t at = 0; at < plain.size();) {
      const std::size_t end = std::min(plain.find('\n', at), plain.size() - 1) + 1;
      const std::string_view line = plain.substr(at, end - at);
      if (is_heading(line)) {
        if (!style_.before.empty()) out += ' ';
        while (style_.before.empty() && out.ends_with("\n\n")) out.pop_back();
      }
      out += line;
      at = end;
    }
    return out;
  }

  const TemplateStyle& style_;
  const CallForm calls_;
  std::array<std::string, 4> names_;  // by Role
};

// What the model is told of its tools, in texts that can begin no turn.
std::string told(const std::vector<Tool>& tools, const Layout& layout) {
  std::vector<Tool> clean_ones = tools;
  for (Tool& tool : clean_ones) {
    tool.description = layout.text(tool.description, Role::system);
    tool.parameters = layout.text(tool.parameters, Role::system);
  }
  return layout.calls() == CallForm::python ? tools_python(clean_ones) : tools_marked(clean_ones);
}

std::string_view word_of(ThinkWord word) {
  switch (word) {
    case ThinkWord::none:
      return {};
    case ThinkWord::think:
      return " (think)";
    case ThinkWord::a_bit:
      return " (think a bit)";
    case ThinkWord::a_lot:
      return " (think a lot)";
  }
  return {};
}

// "You are" of a system message, said by the one that it is said to.
std::string in_own_voice(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"You are", "I am"}, {"you are", "I am"}, {"You're", "I'm"},   {"you're", "I'm"},
      {"Your ", "My "},    {"your ", "my "},    {"You ", "I "},      {"you ", "I "}};
  for (const auto& [from, to] : words) replace_all(text, from, to);
  return text;
}

std::string preface(const Layout& layout) {
  const std::string_view join = layout.style().join, close = layout.style().close;
  if (layout.style().preface == Preface::conversation) return layout.filled(introduction).append(join);
  std::string out;
  out.append(layout.turn({"user", std::string(greeting)}, Role::user)).append(close).append(join);
  out.append(layout.turn({"assistant", std::string(promise)}, Role::assistant)).append(close).append(join);
  return out;
}

// The beginning of the answer, and what its reader must know of it.
void open_answer(const Layout& layout, Think think, std::string_view empty_thought, ChatPrompt& prompt) {
  prompt.turn.opening = TurnOpening::name;
  if (think == Think::open) prompt.turn.begun = "<think";
  if (think == Think::chinese) prompt.turn.begun = "<think>嗯";
  if (think == Think::fake) prompt.turn.begun = empty_thought;
  if (think != Think::off)
    prompt.turn.opening = think == Think::fake ? TurnOpening::faked : TurnOpening::thought;
  else if (!layout.style().opens)
    prompt.turn.opening = TurnOpening::raw;
  const std::string head = layout.head(Role::assistant);
  prompt.text += head;
  if (!head.empty() && think != Think::off) prompt.text += layout.style().gap;
  // The model closes <think and </think itself: its training text has the ">" in the token that follows.
  prompt.text += prompt.turn.begun;
}

// The last message's text goes on. Blanks at its end are not fed, or the model would have to begin in the middle of a
// token (" word" is one): line ends stay, and a space is taken off what the model writes.
void leave_open(const ChatMessage& message, Role role, const Layout& layout, ChatPrompt& prompt) {
  const bool opens = layout.style().opens;
  const std::size_t last = message.content.find_last_not_of(any_white);
  const std::string_view tail = std::string_view(message.content).substr(last + 1);
  std::string ends(tail.substr(0, tail.rfind('\n') + 1));  // npos + 1 is 0
  std::erase(ends, '\r');
  if (loses_empty_lines(role) && !ends.empty()) ends = "\n";
  if (!opens) ends.clear();  // there the text has them
  const bool whole = tail.empty() || tail.ends_with('\n') || !opens;
  prompt.turn.opening = whole ? TurnOpening::continued : TurnOpening::spaced;
  prompt.text.append(layout.turn(message, role)).append(ends);
  if (role == Role::assistant) prompt.turn.begun = layout.text(message.content, role).append(ends);
}

struct Styles {
  const TemplateStyle& base;    // what the model or the client names
  const TemplateStyle& turned;  // what the history is laid out in
  bool tools;                   // there are some, or there were
};

Styles styles_of(const std::vector<ChatMessage>& messages, const TemplateOptions& options,
                 const TemplateChoice& model) {
  const TemplateStyle* base = find_style(options.name.empty() ? model.name : options.name);
  if (!base)
    refuse("chat_template_kwargs.rwkv_prompt_template",
           fmt::format("is no template that is known; use one of {}", template_names()));
  bool tools = !options.tools.empty() || options.after_tool_turns;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Role role = role_of(messages[i], i);
    const bool calls = !messages[i].tool_calls.empty();
    if (calls && role != Role::assistant) refuse(fmt::format("messages[{}].tool_calls", i), "may be the assistant's only");
    tools |= calls || role == Role::tool;
  }
  if (!options.tools.empty() && base->calls == CallForm::none && base->with_tools.empty())
    refuse("tools", fmt::format("have no place in the chat template {}, which has no turns", base->name));
  return {*base, tools && !base->with_tools.empty() ? *find_style(base->with_tools) : *base, tools};
}

Think resolved(const TemplateOptions& options, const Styles& styles) {
  Think think = options.think;
  if (think == Think::standard)
    think = &styles.base == &styles.turned ? styles.base.unasked : styles.base.unasked_with_tools;
  const bool begins = think == Think::open || think == Think::chinese;
  return begins && options.thinking_budget == 0u ? Think::fake : think;
}

CallReading reading_of(const TemplateOptions& options, const Layout& layout) {
  CallReading reading;
  reading.form = layout.calls();
  reading.bound = options.binds_calls();
  for (const Tool& tool : options.tools) reading.names.push_back(tool.name);
  if (!options.parallel_calls || !options.called_tool.empty()) reading.most = 1;
  return reading;
}

}  // namespace

ChatPrompt apply_chat_template(const std::vector<ChatMessage>& messages, const TemplateOptions& options,
                               const TemplateChoice& model) {
  if (messages.empty()) refuse("messages", "must have at least one message");
  const Styles styles = styles_of(messages, options, model);
  const Layout layout(styles.turned, options);
  const TemplateStyle& style = styles.turned;
  const bool one_line = styles.base.one_line_fake[static_cast<std::size_t>(model.series)];
  const std::string_view empty_thought = one_line ? "<think></think" : "<think>\n</think";

  ChatPrompt prompt;
  prompt.name = style.name;
  prompt.token_zero = style.token_zero && !options.continues;
  prompt.closing = empty_thought.substr(std::string_view("<think>").size());
  prompt.turn.together = options.thoughts_in_text;
  prompt.turn.thinking_budget = options.thinking_budget;
  for (const std::string_view stop : style.stops) prompt.stops.push_back(layout.filled(stop));
  if (styles.tools && style.calls == CallForm::python)
    prompt.stops.push_back(layout.filled(std::string(style.join).append("{tool}").append(style.after)));
  if (!options.tools.empty()) prompt.turn.calls = reading_of(options, layout);

  const ChatMessage& last = messages.back();
  const Role last_role = role_of(last, messages.size() - 1);
  const bool open = options.continue_final_message.value_or(last_role == Role::assistant);
  // An empty message of the assistant and one that ends in a call have no text to go on with.
  const bool has_text = !clean(last.content).empty() && last.tool_calls.empty();
  if (open && last_role == Role::tool)
    refuse("continue_final_message", "is true, but the last message is a tool's output");
  if (options.continue_final_message == true && last_role == Role::assistant && !has_text)
    refuse("continue_final_message", last.tool_calls.empty()
                                         ? "is true, but the last message has no text that could go on"
                                         : "is true, but the last message ends in a call");
  const bool goes_on = open && (has_text || last_role != Role::assistant);
  const bool left_out = open && !goes_on && last.tool_calls.empty();
  const std::size_t whole = messages.size() - (goes_on || left_out ? 1 : 0);

  const bool says_word = !options.word_if_trained || styles.base.length_words[static_cast<std::size_t>(model.series)];
  const std::string_view word = says_word && !goes_on ? word_of(options.word) : std::string_view();
  std::size_t asked_last = messages.size();  // by the user
  for (std::size_t i = 0; i < whole; ++i)
    if (role_of(messages[i], i) == Role::user) asked_last = i;
  const bool prefaced = options.presystem && !options.continues;
  bool own_voice = prefaced && style.own_voice;
  if (options.continues) prompt.text.append(style.close).append(style.join);
  // Of tools a session has been told already, unless they are others.
  std::string tools;
  if (!options.tools.empty() && (!options.continues || options.tells_tools)) tools = told(options.tools, layout);
  const auto say_tools = [&] {
    prompt.text.append(layout.turn({"system", {}}, Role::system, {}, std::exchange(tools, {}))).append(style.close).append(style.join);
  };
  if (!tools.empty() && style.calls == CallForm::python) say_tools();
  if (prefaced && style.opens) prompt.text += preface(layout);
  const bool system_leads = role_of(messages[0], 0) == Role::system && !clean(messages[0].content).empty() && whole > 0;
  if (!tools.empty() && !system_leads) say_tools();
  for (std::size_t i = 0; i < whole; ++i) {
    const Role role = role_of(messages[i], i);
    if (role == Role::system && clean(messages[i].content).empty()) continue;  // clients send these for none
    const std::string more = role == Role::system ? std::exchange(tools, {}) : std::string();
    std::string turn = layout.turn(messages[i], role, i == asked_last ? word : std::string_view(), more);
    if (role == Role::system && std::exchange(own_voice, false)) turn = in_own_voice(std::move(turn));
    prompt.text.append(turn).append(style.close).append(style.join);
  }
  if (!style.opens && !goes_on && prompt.text.ends_with(style.join))
    prompt.text.resize(prompt.text.size() - style.join.size());
  if (goes_on)
    leave_open(last, last_role, layout, prompt);
  else
    open_answer(layout, resolved(options, styles), empty_thought, prompt);
  return prompt;
}

}  // namespace fulmar
