// Reads GBNF by recursive descent, straight into the builder.
#include "text/gbnf.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/pattern_reader.h"

namespace fulmar {
namespace {

bool is_rule_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class Reader {
 public:
  explicit Reader(std::string_view text) : in_(text) {}

  Grammar read() {
    skip_blanks();
    while (!in_.done()) rule();
    const auto root = rules_.find("root");
    if (root == rules_.end() || !builder_.defined(root->second))
      fail(ErrorKind::bad_request, "the grammar has no rule \"root\", which is where a text begins: root ::= ...");
    return builder_.build(root->second);
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    const std::string_view before = in_.read_so_far();
    const auto line = std::ranges::count(before, '\n') + 1;
    const std::size_t from = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
    fail(ErrorKind::bad_request, "line {}, column {}: {}", line, before.size() - from + 1, what);
  }

  // White space, line ends and comments.
  void skip_blanks() {
    for (;;) {
      const char c = in_.peek();
      if (c == '#') {
        while (!in_.done() && in_.peek() != '\n' && in_.peek() != '\r') in_.character();
      } else if (!in_.done() && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
        in_.character();
      } else {
        return;
      }
    }
  }

  std::string_view word() {
    const std::string_view rest = in_.rest();
    std::size_t length = 0;
    while (length < rest.size() && is_rule_letter(rest[length])) ++length;
    in_.take(rest.substr(0, length));
    return rest.substr(0, length);
  }

  // Whether another rule begins here.
  bool at_rule() {
    const std::size_t before = in_.at();
    bool found = false;
    if (!word().empty()) {
      skip_blanks();
      found = in_.rest().starts_with("::=");
    }
    in_.go_back(before);
    return found;
  }

  RuleId rule_of(std::string_view name) {
    const auto [at, is_new] = rules_.try_emplace(std::string(name), 0);
    if (is_new) at->second = builder_.rule(std::string(name));
    return at->second;
  }

  void rule() {
    const std::size_t before = in_.at();
    const std::string_view name = word();
    if (name.empty()) refuse("a rule's name is expected here, of letters, digits and \"-\"");
    skip_blanks();
    if (!in_.take("::=")) refuse("\"::=\" is expected behind a rule's name");
    const RuleId rule = rule_of(name);
    if (builder_.defined(rule)) {
      in_.go_back(before);
      refuse(fmt::format("the rule \"{}\" is defined twice", name));
    }
    skip_blanks();
    builder_.define(rule, alternatives(0));
    if (!in_.done() && !at_rule()) refuse("a rule, \"|\" or the end is expected here");
  }

  NodeId alternatives(int depth) {
    if (depth > max_gbnf_depth) refuse(fmt::format("parentheses nest deeper than {}", max_gbnf_depth));
    std::vector<NodeId> options{sequence(depth)};
    while (in_.take("|")) {
      skip_blanks();
      options.push_back(sequence(depth));
    }
    return builder_.choice(options);
  }

  NodeId sequence(int depth) {
    std::vector<NodeId> parts;
    for (;;) {
      const char c = in_.peek();
      if (in_.done() || c == '|' || c == ')') break;
      if (c == '"') {
        literal(parts);
      } else if (c == '[') {
        parts.push_back(char_class());
      } else if (c == '.') {
        in_.take(".");
        parts.push_back(builder_.chars(CodePointSet::all()));
      } else if (c == '(') {
        in_.take("(");
        skip_blanks();
        parts.push_back(alternatives(depth + 1));
        if (!in_.take(")")) refuse("\")\" is expected here");
      } else if (is_rule_letter(c)) {
        if (at_rule()) break;
        parts.push_back(builder_.reference(rule_of(word())));
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        refuse("there is nothing before this to be repeated");
      } else if (c == '<' || c == '!') {
        refuse("grammars of tokens are not supported, only of characters");
      } else {
        refuse("a literal, a class, a rule's name or \"(\" is expected here");
      }
      repeats(parts);
      skip_blanks();
    }
    return builder_.sequence(parts);
  }

  // A repeat takes the last part: of a literal the whole.
  void repeats(std::vector<NodeId>& parts) {
    for (;;) {
      const std::size_t before = in_.at();
      while (in_.peek() == ' ' || in_.peek() == '\t') in_.character();
      uint32_t min = 0, max = unbounded;
      if (in_.take("*")) {
      } else if (in_.take("+")) {
        min = 1;
      } else if (in_.take("?")) {
        max = 1;
      } else if (in_.take("{")) {
        bounds(min, max);
      } else {
        in_.go_back(before);
        return;
      }
      parts.back() = builder_.repeat(parts.back(), min, max);
    }
  }

  void bounds(uint32_t& min, uint32_t& max) {
    const auto blanks = [&] { while (in_.peek() == ' ' || in_.peek() == '\t') in_.character(); };
    blanks();
    const auto first = in_.number();
    blanks();
    const bool range = in_.take(",");
    blanks();
    const auto second = range ? in_.number() : first;
    blanks();
    if ((!first && !second) || !in_.take("}")) refuse("{m}, {m,}, {m,n} or {,n} is expected here");
    min = first.value_or(0);
    max = second.value_or(unbounded);
    if (min > max) refuse("the first of these numbers is larger than the second");
  }

  uint32_t escaped() {
    in_.take("\\");
    if (in_.done()) refuse("the text ends in an escape");
    const char kind = in_.peek();
    int digits = 0;
    switch (kind) {
      case 'x': digits = 2; break;
      case 'u': digits = 4; break;
      case 'U': digits = 8; break;
      default: break;
    }
    if (digits > 0) {
      in_.character();
      const auto code = in_.hex(digits);
      if (!code) refuse(fmt::format("{} hexadecimal digits are expected here", digits));
      if (*code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF)) refuse("this number is no character of Unicode");
      return *code;
    }
    const uint32_t c = in_.character();
    switch (c) {
      case 't': return '\t';
      case 'r': return '\r';
      case 'n': return '\n';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^': return c;
      default: refuse("this escape is none of \\n \\r \\t \\\\ \\\" \\[ \\] \\xHH \\uHHHH \\UHHHHHHHH");
    }
  }

  uint32_t character() { return in_.peek() == '\\' ? escaped() : in_.character(); }

  void literal(std::vector<NodeId>& parts) {
    in_.take("\"");
    std::string text;
    while (!in_.take("\"")) {
      if (in_.done()) refuse("the literal has no end: \" is missing");
      text += utf8_of(character());
    }
    parts.push_back(builder_.literal(text));
  }

  NodeId char_class() {
    in_.take("[");
    const bool inverted = in_.take("^");
    CodePointSet set;
    while (!in_.take("]")) {
      if (in_.done()) refuse("the class has no end: ] is missing");
      const uint32_t first = character();
      uint32_t last = first;
      if (in_.peek() == '-' && in_.rest().size() > 1 && in_.rest()[1] != ']') {
        in_.take("-");
        last = character();
        if (last < first) refuse("the range's end comes before its beginning");
      }
      set.add(first, last);
    }
    return builder_.chars(inverted ? set.inverted() : set);
  }

  PatternReader in_;
  GrammarBuilder builder_;
  std::map<std::string, RuleId, std::less<>> rules_;
};

}  // namespace

Grammar parse_gbnf(std::string_view text) {
  if (text.size() > max_gbnf_bytes)
    fail(ErrorKind::bad_request, "the grammar has {} bytes, at most {} are read", text.size(), max_gbnf_bytes);
  if (!is_utf8(text)) fail(ErrorKind::bad_request, "the grammar is no UTF-8");
  return Reader(text).read();
}

}  // namespace fulmar
