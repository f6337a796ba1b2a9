// Reads a regular expression into a tree, and turns that into grammar nodes: where a pattern need not match the whole
// text, whatever may stand before and behind it goes where ^ and $ allow that.
#include "text/regex.h"

#include <memory>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/pattern_reader.h"

namespace fulmar {
namespace {

struct Tree {
  enum class TreeKind : uint8_t { chars, begin, end, sequence, choice, repeat };
  TreeKind kind = TreeKind::sequence;
  bool anchored = false;  // ^ or $ is in it
  std::size_t at = 0;     // bytes up to its end, for messages
  CodePointSet chars;
  std::vector<Tree> parts;
  uint32_t min = 0, max = 0;
};

using TreeKind = Tree::TreeKind;

const CodePointSet& digits() {
  static const CodePointSet set{{'0', '9'}};
  return set;
}

const CodePointSet& words() {
  static const CodePointSet set{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return set;
}

// ECMAScript's WhiteSpace and LineTerminator.
const CodePointSet& spaces() {
  static const CodePointSet set{{'\t', '\r'},       {' ', ' '},         {0xA0, 0xA0},     {0x1680, 0x1680},
                                {0x2000, 0x200A},   {0x2028, 0x2029},   {0x202F, 0x202F}, {0x205F, 0x205F},
                                {0x3000, 0x3000},   {0xFEFF, 0xFEFF}};
  return set;
}

const CodePointSet& line_ends() {
  static const CodePointSet set{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
  return set;
}

[[noreturn]] void refuse_at(std::string_view before, std::size_t more, std::string_view what) {
  for (const char c : before) more += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  fail(ErrorKind::bad_request, "at character {} of the pattern: {}", more, what);
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : in_(pattern) {}

  Tree parse() {
    Tree tree = alternatives(0);
    if (!in_.done()) refuse("\")\" has no \"(\" before it");
    return tree;
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    refuse_at(in_.read_so_far(), 1, what);
  }

  Tree make(TreeKind kind) const {
    Tree tree;
    tree.kind = kind;
    tree.at = in_.at();
    tree.anchored = kind == TreeKind::begin || kind == TreeKind::end;
    return tree;
  }

  Tree chars(CodePointSet set) const {
    Tree tree = make(TreeKind::chars);
    tree.chars = std::move(set);
    return tree;
  }

  static void put(Tree& into, Tree part) {
    into.anchored |= part.anchored;
    into.parts.push_back(std::move(part));
  }

  Tree alternatives(int depth) {
    if (depth > max_regex_depth) refuse("groups nest too deep");
    Tree choice = make(TreeKind::choice);
    put(choice, sequence(depth));
    while (in_.take("|")) put(choice, sequence(depth));
    return choice.parts.size() == 1 ? std::move(choice.parts.front()) : choice;
  }

  Tree sequence(int depth) {
    Tree all = make(TreeKind::sequence);
    while (!in_.done() && in_.peek() != '|' && in_.peek() != ')') {
      Tree part = atom(depth);
      repeats(part);
      put(all, std::move(part));
    }
    return all;
  }

  Tree atom(int depth) {
    switch (in_.peek()) {
      case '(': return group(depth);
      case '[': return chars(char_class());
      case '.': in_.take("."); return chars(line_ends().inverted());
      case '^': in_.take("^"); return make(TreeKind::begin);
      case '$': in_.take("$"); return make(TreeKind::end);
      case '*':
      case '+':
      case '?': refuse("there is nothing before this to be repeated");
      case '{':
        if (bounds()) refuse("there is nothing before this to be repeated");
        break;
      case '\\':
        if (in_.take("\\A")) return make(TreeKind::begin);
        if (in_.take("\\z") || in_.take("\\Z")) return make(TreeKind::end);
        return chars(escaped(false));
      default: break;
    }
    const uint32_t c = in_.character();
    return chars({{c, c}});
  }

  Tree group(int depth) {
    for (const std::string_view kind : {"(?=", "(?!", "(?<=", "(?<!"})
      if (in_.rest().starts_with(kind)) refuse("lookaround is not supported; say what is to come instead");
    if (in_.take("(?:")) {
    } else if (in_.take("(?<") || in_.take("(?P<")) {
      while (!in_.done() && in_.peek() != '>') in_.character();
      if (!in_.take(">")) refuse("the group's name has no end: > is missing");
    } else if (in_.rest().starts_with("(?")) {
      refuse("flags and other groups that begin with (? are not supported, but for (?: and names");
    } else {
      in_.take("(");
    }
    Tree inside = alternatives(depth + 1);
    if (!in_.take(")")) refuse("\")\" is missing");
    return inside;
  }

  struct Bounds {
    uint32_t min, max;
  };

  // {m}, {m,} or {m,n}; anything else that begins with { is text.
  std::optional<Bounds> bounds() {
    const std::size_t before = in_.at();
    in_.take("{");
    const auto min = in_.number();
    const bool range = in_.take(",");
    const auto max = range ? in_.number() : min;
    if (!in_.take("}") || (!min && !max)) {
      in_.go_back(before);
      return {};
    }
    if (!min) refuse("{,n} means different things in different languages; write {0,n}");
    const Bounds found{*min, max.value_or(unbounded)};
    if (found.min > found.max) refuse("the first of these numbers is larger than the second");
    return found;
  }

  void repeats(Tree& part) {
    Bounds found{0, unbounded};
    if (in_.take("*")) {
    } else if (in_.take("+")) {
      found.min = 1;
    } else if (in_.take("?")) {
      found.max = 1;
    } else {
      const auto counted = in_.peek() == '{' ? bounds() : std::nullopt;
      if (!counted) return;
      found = *counted;
    }
    if (part.anchored) refuse("^ and $ cannot be repeated");
    in_.take("?");  // a lazy one matches the same texts
    if (in_.peek() == '*' || in_.peek() == '+' || in_.peek() == '?') refuse("a repeat of a repeat needs parentheses");
    Tree repeat = make(TreeKind::repeat);
    repeat.min = found.min;
    repeat.max = found.max;
    put(repeat, std::move(part));
    part = std::move(repeat);
  }

  uint32_t unicode() {
    if (in_.take("{")) {
      uint32_t code = 0;
      int digits = 0;
      while (const auto digit = in_.hex(1)) {
        code = code << 4 | *digit;
        if (++digits > 6) refuse("this number is no character of Unicode");
      }
      if (digits == 0 || !in_.take("}")) refuse("\\u{...} needs hexadecimal digits");
      if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) refuse("this number is no character of Unicode");
      return code;
    }
    const auto code = in_.hex(4);
    if (!code) refuse("four hexadecimal digits are expected here");
    if (*code < 0xD800 || *code > 0xDFFF) return *code;
    if (*code < 0xDC00 && in_.take("\\u"))
      if (const auto low = in_.hex(4); low && *low >= 0xDC00 && *low <= 0xDFFF)
        return 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    refuse("this is half of a surrogate pair");
  }

  CodePointSet escaped(bool in_class) {
    const std::size_t before = in_.at();
    in_.take("\\");
    if (in_.done()) refuse("the pattern ends in an escape");
    const uint32_t c = in_.character();
    switch (c) {
      case 'd': return digits();
      case 'D': return digits().inverted();
      case 'w': return words();
      case 'W': return words().inverted();
      case 's': return spaces();
      case 'S': return spaces().inverted();
      case 'n': return {{'\n', '\n'}};
      case 't': return {{'\t', '\t'}};
      case 'r': return {{'\r', '\r'}};
      case 'f': return {{'\f', '\f'}};
      case 'v': return {{'\v', '\v'}};
      case 'a': return {{'\a', '\a'}};
      case 'x': {
        const auto code = in_.hex(2);
        if (!code) refuse("two hexadecimal digits are expected here");
        return {{*code, *code}};
      }
      case 'u': {
        const uint32_t code = unicode();
        return {{code, code}};
      }
      case 'c': {
        const char letter = in_.peek();
        if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'))) refuse("\\c needs a letter");
        const uint32_t code = in_.character() & 31;
        return {{code, code}};
      }
      case '0':
        if (in_.peek() >= '0' && in_.peek() <= '9') refuse("octal escapes are not supported; write \\xHH");
        return {{0, 0}};
      case 'b':
        if (in_class) return {{'\b', '\b'}};
        break;
      default: break;
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (!letter && !digit) return {{c, c}};
    in_.go_back(before);
    if (digit || c == 'k') refuse("backreferences are not supported");
    if (c == 'b' || c == 'B') refuse("\\b and \\B are not supported");
    if (c == 'p' || c == 'P') refuse("\\p{...} is not supported; write the characters' ranges");
    refuse(fmt::format("the escape \\{} is not known", static_cast<char>(c)));
  }

  CodePointSet char_class() {
    in_.take("[");
    const bool inverted = in_.take("^");
    if (in_.peek() == ']') refuse("an empty class, or one that begins with ], means different things; write \\]");
    CodePointSet set;
    while (!in_.take("]")) {
      if (in_.done()) refuse("the class has no end: ] is missing");
      if (in_.rest().starts_with("[:")) refuse("classes by name such as [:alpha:] are not supported");
      CodePointSet first = class_part();
      if (in_.peek() != '-' || in_.rest().size() < 2 || in_.rest()[1] == ']') {
        set.add(first);
        continue;
      }
      in_.take("-");
      const CodePointSet last = class_part();
      const auto is_one = [](const CodePointSet& part) {
        return part.ranges().size() == 1 && part.ranges()[0].first == part.ranges()[0].last;
      };
      if (!is_one(first) || !is_one(last)) refuse("a range needs single characters at its ends; put - last");
      if (first.ranges()[0].first > last.ranges()[0].first) refuse("the range's end comes before its beginning");
      set.add(first.ranges()[0].first, last.ranges()[0].first);
    }
    return inverted ? set.inverted() : set;
  }

  CodePointSet class_part() {
    if (in_.done()) refuse("the class has no end: ] is missing");
    if (in_.peek() == '\\') return escaped(true);
    const uint32_t c = in_.character();
    return {{c, c}};
  }

  PatternReader in_;
};

class Writer {
 public:
  Writer(GrammarBuilder& builder, std::string_view pattern, const RegexOptions& options)
      : builder_(builder), pattern_(pattern), options_(options) {}

  // `lead` and `tail`: whether nothing of the pattern comes before, or behind.
  NodeId write(const Tree& tree, bool lead, bool tail) {
    switch (tree.kind) {
      case TreeKind::begin:
      case TreeKind::end: {
        const bool begin = tree.kind == TreeKind::begin;
        if (!(begin ? lead : tail))
          refuse_at(pattern_.substr(0, tree.at), 0,
                    begin ? "^ may only stand at the beginning" : "$ may only stand at the end");
        return between(begin ? false : lead, builder_.empty(), begin ? tail : false);
      }
      case TreeKind::chars: return between(lead, write_chars(tree.chars), tail);
      case TreeKind::repeat:
        return between(lead, builder_.repeat(write(tree.parts.front(), false, false), tree.min, tree.max), tail);
      case TreeKind::choice: {
        std::vector<NodeId> options;
        const bool push_in = tree.anchored;  // else what stands around it is there once
        for (const Tree& part : tree.parts) options.push_back(write(part, push_in && lead, push_in && tail));
        const NodeId choice = builder_.choice(options);
        return push_in ? choice : between(lead, choice, tail);
      }
      case TreeKind::sequence: break;
    }
    return write_sequence(tree, lead, tail);
  }

 private:
  NodeId write_sequence(const Tree& tree, bool lead, bool tail) {
    std::size_t first = 0, last = tree.parts.size();
    bool begins = false, ends = false;
    for (; lead && first < last && tree.parts[first].kind == TreeKind::begin; ++first) begins = true;
    for (; tail && first < last && tree.parts[last - 1].kind == TreeKind::end; --last) ends = true;
    lead &= !begins;
    tail &= !ends;
    std::vector<NodeId> parts;
    if (first == last) return between(lead, builder_.empty(), tail);
    for (std::size_t i = first; i < last; ++i) parts.push_back(write(tree.parts[i], lead && i == first, tail && i + 1 == last));
    return builder_.sequence(parts);
  }

  NodeId between(bool lead, NodeId node, bool tail) {
    if (options_.whole || (!lead && !tail)) return node;
    std::vector<NodeId> parts;
    if (lead) parts.push_back(anything());
    parts.push_back(node);
    if (tail) parts.push_back(anything());
    return builder_.sequence(parts);
  }

  NodeId anything() {
    if (!anything_) anything_ = builder_.repeat(write_chars(CodePointSet::all()), 0, unbounded);
    return *anything_;
  }

  NodeId write_chars(const CodePointSet& set) { return options_.write ? options_.write(builder_, set) : builder_.chars(set); }

  GrammarBuilder& builder_;
  const std::string_view pattern_;
  const RegexOptions& options_;
  std::optional<NodeId> anything_;
};

}  // namespace

NodeId add_regex(GrammarBuilder& builder, std::string_view pattern, const RegexOptions& options) {
  if (pattern.size() > max_regex_bytes)
    fail(ErrorKind::bad_request, "the pattern has {} bytes, at most {} are read", pattern.size(), max_regex_bytes);
  if (!is_utf8(pattern)) fail(ErrorKind::bad_request, "the pattern is no UTF-8");
  const Tree tree = Parser(pattern).parse();
  return Writer(builder, pattern, options).write(tree, true, true);
}

}  // namespace fulmar
