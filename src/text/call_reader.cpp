// A few states, and text that is held back until it is clear what it is. Each byte is looked at a few times at most: the
// heads of calls are short, and their JSON is scanned once as it comes.
#include "text/call_reader.h"

#include <algorithm>
#include <utility>

#include "text/call_text.h"
#include "text/white_space.h"

namespace fulmar {

struct CallReader::Spelling {
  std::string_view open, close;
  bool bare = false;  // it is one only where nothing else is there
};

const CallReader::Spelling CallReader::spellings[] = {
    {"**Tool Call:**", "```"}, {"<tool_call>", "</tool_call>"}, {"<tool_calls>", "</tool_calls>"}, {"```", "```", true}};
const CallReader::Spelling CallReader::python_spelling{"", "```"};

namespace {

constexpr std::string_view fence = "```";
constexpr size_t most_head = 128;    // bytes between a mark and its JSON
constexpr size_t read_again = 1024;  // bytes of what is no call in which another one is looked for

size_t first_black(std::string_view text, size_t from) {
  return std::min(text.find_first_not_of(white, from), text.size());
}

// Whether `text` begins with `word`, or may when it goes on.
Fits begins_with(std::string_view text, std::string_view word) {
  if (text.starts_with(word)) return Fits::yes;
  return word.starts_with(text) ? Fits::more : Fits::no;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

CallReader::CallReader(const Turn& turn) : reading_(turn.calls) {
  if (turn.together) at_ = At::thought;
  untouched_ = turn.opening != TurnOpening::continued && turn.opening != TurnOpening::spaced;
}

CallText CallReader::push(std::string_view piece) {
  CallText out;
  if (full()) return out;
  held_ += piece;
  while (!full() && step(out)) continue;
  return out;
}

bool CallReader::step(CallText& out) {
  switch (at_) {
    case At::thought:
      return pass_thought(out);
    case At::text:
      return read_text(out);
    case At::head:
      return read_head(out);
    case At::json:
      return read_json(out);
    case At::arguments:
      return read_arguments(out);
    case At::brace:
      return read_brace();
    case At::python:
      return read_python(out);
    case At::tail:
      return read_tail();
    case At::bare_end:
      return read_bare_end(out);
  }
  return false;
}

void CallReader::release(size_t bytes, CallText& out) {
  out.text.append(held_, 0, bytes);
  if (first_black(held_, 0) < bytes) untouched_ = false;
  held_.erase(0, bytes);
  bare_.clear();
  bare_end_ = 0;
}

// The answer's text begins with the thought, in its marks.
bool CallReader::pass_thought(CallText& out) {
  constexpr std::string_view begin = "<think>", end = "</think>";
  if (!in_thought_) {
    const size_t first = first_black(held_, 0);
    const Fits thinks = begins_with(std::string_view(held_).substr(first), begin);
    if (thinks == Fits::more && first <= most_white) return false;
    if (thinks != Fits::yes) {
      at_ = At::text;
      return true;
    }
    in_thought_ = true;
  }
  if (held_.empty()) return false;
  last_ += held_;
  const size_t found = last_.find(end);
  const size_t known = last_.size() - held_.size();
  const size_t shown = found == last_.npos ? held_.size() : found + end.size() - known;
  out.text.append(held_, 0, shown);
  held_.erase(0, shown);
  last_.erase(0, last_.size() - std::min(last_.size(), end.size() - 1));
  if (found != last_.npos) at_ = At::text;
  return found != last_.npos;
}

// A call may begin at each mark, and the white space before it is none of the text then.
bool CallReader::read_text(CallText& out) {
  if (drops_white_) held_.erase(0, first_black(held_, 0));
  if (held_.empty()) return false;
  const size_t at = first_black(held_, bare_end_);
  if (at == held_.size()) {
    if (at - bare_end_ > most_white) release(at, out);
    return false;
  }
  const bool at_line = untouched_ || std::string_view(held_).substr(0, at).find('\n') != held_.npos;
  bool may_begin = false;
  if (begin_call(at, at_line, may_begin)) return true;
  if (may_begin) return false;
  release(std::min(held_.find_first_of("*<` \t\r\n", at + 1), held_.size()), out);
  drops_white_ = false;
  return !held_.empty();
}

bool CallReader::begin_call(size_t at, bool at_line, bool& may_begin) {
  const std::string_view rest = std::string_view(held_).substr(at);
  start_ = at;
  for (const Spelling& spelling : spellings) {
    if (spelling.bare ? !untouched_ || reading_.bound : reading_.bound && &spelling != spellings) continue;
    const Fits fits = begins_with(rest, spelling.open);
    may_begin |= fits == Fits::more;
    if (fits != Fits::yes) continue;
    spelling_ = &spelling;
    at_ = At::head;
    return true;
  }
  if (!at_line || reading_.bound) return false;
  const PythonHead head = python_head(rest);
  const std::string_view name = rest.substr(0, head.name);
  const bool whole = head.name < rest.size();
  const auto is_meant = [&](const std::string& tool) { return whole ? tool == name : tool.starts_with(name); };
  if (head.fits == Fits::no || std::ranges::none_of(reading_.names, is_meant)) return false;
  may_begin |= head.fits == Fits::more;
  if (head.fits != Fits::yes) return false;
  name_ = name;
  value_ = scanned_ = at + head.length;
  quote_ = '\0';
  escaped_ = false;
  spelling_ = &python_spelling;
  at_ = At::python;
  return true;
}

// A fence and its word may come before the JSON. In a block without a mark the fence was there.
bool CallReader::read_head(CallText& out) {
  const size_t mark = start_ + spelling_->open.size();
  size_t at = spelling_->bare ? mark : first_black(held_, mark);
  const Fits fenced = spelling_->bare ? Fits::yes : begins_with(std::string_view(held_).substr(at), fence);
  if (fenced == Fits::more && at - mark <= most_head) return false;
  if (fenced == Fits::yes) {
    if (!spelling_->bare) at += fence.size();
    while (at < held_.size() && is_letter(held_[at])) ++at;
    at = first_black(held_, at);
  }
  const Fits fits = at - mark > most_head ? Fits::no : begins_call_json(std::string_view(held_).substr(at));
  if (fits == Fits::more) return false;
  if (fits == Fits::no) {
    give_up(out);
    return true;
  }
  begin_value(at);
  return true;
}

void CallReader::begin_value(size_t at) {
  value_ = scanned_ = at;
  scanner_ = {};
  at_ = At::json;
}

bool CallReader::read_json(CallText& out) {
  if (reading_.bound && begin_bound(out)) return true;
  JsonScanner::Found found = JsonScanner::Found::more;
  while (scanned_ < held_.size() && scanned_ <= most_call_bytes && found == JsonScanner::Found::more)
    found = scanner_.push(held_[scanned_++]);
  if (found == JsonScanner::Found::more && scanned_ <= most_call_bytes) return false;
  std::optional<std::vector<ToolCall>> calls;
  if (found == JsonScanner::Found::whole) calls = calls_of_json(std::string_view(held_).substr(value_, scanned_ - value_));
  if (!calls || (spelling_->bare && !fits(*calls))) {
    give_up(out);
  } else if (spelling_->bare) {
    bare_.insert(bare_.end(), calls->begin(), calls->end());
    at_ = At::bare_end;
  } else {
    add(*std::move(calls), out);
    held_.erase(0, scanned_);
    at_ = At::tail;
  }
  return true;
}

// As server/answer/call_forms.h spells it: its name is there, and the beginning of an object.
bool CallReader::begin_bound(CallText& out) {
  constexpr std::string_view before = R"({"name": ")", behind = R"(", "arguments": {)";
  const std::string_view json = std::string_view(held_).substr(value_);
  if (!json.starts_with(before)) return false;
  const size_t end = json.find('"', before.size());
  if (end == json.npos || end == before.size() || !json.substr(end).starts_with(behind)) return false;
  const std::string_view name = json.substr(before.size(), end - before.size());
  if (name.find('\\') != name.npos) return false;
  out.calls.push_back({std::string(name), {}});
  held_.erase(0, value_ + end + behind.size() - 1);
  scanner_ = {};
  escaped_ = in_string_ = false;
  drops_white_ = true;
  at_ = At::arguments;
  return true;
}

// Without the white space between their words.
bool CallReader::read_arguments(CallText& out) {
  std::string more;
  JsonScanner::Found found = JsonScanner::Found::more;
  size_t at = 0;
  while (at < held_.size() && found == JsonScanner::Found::more) {
    const char c = held_[at++];
    found = scanner_.push(c);
    if (in_string_ || white.find(c) == white.npos) more += c;
    const bool was_escaped = std::exchange(escaped_, in_string_ && c == '\\' && !escaped_);
    if (c == '"' && !was_escaped) in_string_ = !in_string_;
  }
  held_.erase(0, at);
  if (!more.empty() && out.calls.empty()) out.calls.emplace_back();
  if (!more.empty()) out.calls.back().arguments += more;
  if (found == JsonScanner::Found::more) return false;
  at_ = At::brace;
  return true;
}

bool CallReader::read_brace() {
  held_.erase(0, first_black(held_, 0));
  if (held_.empty()) return false;
  if (held_[0] == '}') held_.erase(0, 1);
  ++made_;
  at_ = At::tail;
  return true;
}

// Up to the bracket that closes, which may stand in a value in quotes.
bool CallReader::read_python(CallText& out) {
  for (; scanned_ < held_.size() && scanned_ <= most_call_bytes; ++scanned_) {
    const char c = held_[scanned_];
    if (std::exchange(escaped_, false)) continue;
    if (quote_ != '\0') {
      escaped_ = c == '\\';
      if (c == quote_) quote_ = '\0';
    } else if (c == '"' || c == '\'') {
      quote_ = c;
    } else if (c == ')') {
      break;
    }
  }
  const bool whole = scanned_ < held_.size() && scanned_ <= most_call_bytes;
  if (!whole && scanned_ <= most_call_bytes) return false;
  std::optional<std::string> arguments;
  if (whole) arguments = arguments_of_python(std::string_view(held_).substr(value_, scanned_ - value_));
  if (!arguments) {
    give_up(out);
    return true;
  }
  add({{name_, *std::move(arguments)}}, out);
  held_.erase(0, scanned_ + 1);
  at_ = At::tail;
  return true;
}

bool CallReader::fits(const std::vector<ToolCall>& calls) const {
  return std::ranges::all_of(calls, [&](const ToolCall& call) {
    return std::ranges::find(reading_.names, call.name) != reading_.names.end();
  });
}

void CallReader::add(std::vector<ToolCall> calls, CallText& out) {
  if (bare_end_ > 0) {  // these do not stand alone
    out.text.append(held_, 0, bare_end_);
    bare_.clear();
    bare_end_ = 0;
  }
  drops_white_ = true;
  for (ToolCall& call : calls) {
    if (full()) return;
    out.calls.push_back(std::move(call));
    ++made_;
  }
}

// Behind a call: another one of the same mark, the fence, and the mark's end.
bool CallReader::read_tail() {
  held_.erase(0, first_black(held_, 0));
  const std::string_view close = spelling_->close;
  for (const std::string_view end : {fence, close}) {
    const Fits fits = begins_with(held_, end);
    if (fits == Fits::more) return false;
    if (fits == Fits::no) continue;
    held_.erase(0, end.size());
    if (end == close) at_ = At::text;
    return true;
  }
  const Fits another = spelling_ == &python_spelling ? Fits::no : begins_call_json(held_);
  if (another == Fits::more) return false;
  at_ = At::text;
  start_ = 0;
  if (another == Fits::yes) begin_value(0);
  return true;
}

bool CallReader::read_bare_end(CallText& out) {
  const size_t at = first_black(held_, scanned_);
  const Fits fits = begins_with(std::string_view(held_).substr(at), fence);
  if (fits == Fits::more && at - scanned_ <= most_white) return false;
  if (fits != Fits::yes) {
    give_up(out);
    return true;
  }
  bare_end_ = at + fence.size();
  at_ = At::text;
  if (made_ + bare_.size() < reading_.most) return true;
  std::vector<ToolCall> calls = std::exchange(bare_, {});
  held_.erase(0, std::exchange(bare_end_, 0));
  add(std::move(calls), out);
  return true;
}

// It is text, but for what in it may be a call.
void CallReader::give_up(CallText& out) {
  const size_t bytes = std::max(scanned_, start_ + 1);
  const bool again = held_.size() - start_ <= read_again;
  release(again ? start_ + 1 : std::min(bytes, held_.size()), out);
  drops_white_ = false;
  scanned_ = 0;
  at_ = At::text;
}

// Whether no more came than the beginning of what ends a call's mark.
bool CallReader::ends_mark(std::string_view text) const {
  return fence.starts_with(text) || (spelling_ && spelling_->close.starts_with(text));
}

CallText CallReader::finish() {
  CallText out;
  if (full()) return out;
  const bool ends_bare = at_ == At::bare_end && held_.find_first_not_of(" \t\r\n`", scanned_) == held_.npos;
  const bool is_bare = at_ == At::text && bare_end_ > 0 && first_black(held_, bare_end_) == held_.size();
  if (ends_bare || is_bare) {
    bare_end_ = 0;
    add(std::exchange(bare_, {}), out);
  } else {
    if (at_ == At::tail && ends_mark(held_)) held_.clear();
    if (drops_white_) held_.erase(0, first_black(held_, 0));
    release(held_.size(), out);
  }
  held_.clear();
  return out;
}

}  // namespace fulmar
