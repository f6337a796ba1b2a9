// The formats whose texts are held to their grammar.
#include "text/schema_formats.h"

#include <fmt/format.h>

#include "text/regex.h"

namespace fulmar {
namespace {

TextAutomaton automaton_of(std::string_view pattern, bool whole) {
  GrammarBuilder builder;
  RegexOptions options;
  options.whole = whole;
  const NodeId node = add_regex(builder, pattern, options);
  return TextAutomaton::of(builder.build(node, "pattern"));
}

TextAutomaton whole(std::string_view pattern) {
  return automaton_of(pattern, true);
}

// RFC 3339 with a pattern behind it; without leap seconds, and from the year 1 on, as Python has them.
TextAutomaton date(std::string_view behind) {
  const TextAutomaton days =
      whole(fmt::format("(\\d{{4}}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|"
                        "02-(0[1-9]|1\\d|2[0-8]))|"
                        "(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29){}",
                        behind));
  return days - whole("0000-.*");
}
constexpr std::string_view time_pattern =
    "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)";

// RFC 3339, appendix A.
TextAutomaton duration() {
  constexpr std::string_view time = "T(\\d{1,9}H(\\d{1,9}M(\\d{1,9}S)?)?|\\d{1,9}M(\\d{1,9}S)?|\\d{1,9}S)";
  return whole(
      fmt::format("P(\\d{{1,9}}W|(\\d{{1,9}}Y(\\d{{1,9}}M(\\d{{1,9}}D)?)?|\\d{{1,9}}M(\\d{{1,9}}D)?|\\d{{1,9}"
                  "}D)({0})?|{0})",
                  time));
}

// At most 253 characters, which no automaton of a few states counts: up to eight short labels or up to three
// of any length. Labels with hyphens at 3 and 4 are for other alphabets and not checked here, so they are
// left out.
TextAutomaton hostname() {
  constexpr std::string_view any = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
                             brief = "[A-Za-z0-9]([A-Za-z0-9-]{0,28}[A-Za-z0-9])?";
  const TextAutomaton names = whole(fmt::format("{0}(\\.{0}){{0,2}}|{1}(\\.{1}){{0,7}}", any, brief));
  return names - whole("(.*\\.)?[^.]{2}--.*");
}

constexpr std::string_view byte_pattern = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

TextAutomaton ipv4() {
  return whole(fmt::format("{0}(\\.{0}){{3}}", byte_pattern));
}

TextAutomaton ipv6() {
  const std::string group = "[0-9A-Fa-f]{1,4}";
  const std::string last = fmt::format("({0}:{0}|{1}(\\.{1}){{3}})", group, byte_pattern);
  std::string pattern = fmt::format("({}:){{6}}{}", group, last);
  // With "::" for one group of zeros or more: `before` groups in front of it at most, and the others behind.
  for (int before = 0; before <= 7; ++before) {
    const std::string front = before == 0 ? "" : fmt::format("({0}(:{0}){{0,{1}}})?", group, before - 1);
    const int behind = 7 - before;  // groups
    pattern += fmt::format("|{}::", front);
    if (behind == 1) pattern += group;
    if (behind >= 2) pattern += fmt::format("({}:){{{}}}{}", group, behind - 2, last);
  }
  return whole(pattern);
}

TextAutomaton email() {
  constexpr std::string_view word = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+",
                             label = "[A-Za-z0-9]([A-Za-z0-9-]{0,28}[A-Za-z0-9])?";
  const TextAutomaton addresses = whole(fmt::format("{0}(\\.{0})*@{1}(\\.{1}){{0,7}}", word, label));
  return addresses & (TextAutomaton::anything() - whole("[^@]{65,}@.*"));
}

}  // namespace

TextSet matching(std::string_view pattern) {
  return TextSet::of(automaton_of(pattern, false));
}

TextSet texts_of_format(std::string_view name) {
  if (name == "date") return TextSet::of(date(""));
  if (name == "time") return TextSet::of(whole(time_pattern));
  if (name == "date-time") return TextSet::of(date(fmt::format("[Tt]{}", time_pattern)));
  if (name == "duration") return TextSet::of(duration());
  if (name == "email") return TextSet::of(email());
  if (name == "hostname") return TextSet::of(hostname());
  if (name == "ipv4") return TextSet::of(ipv4());
  if (name == "ipv6") return TextSet::of(ipv6());
  if (name == "uuid") return TextSet::of(whole("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"));
  return {};
}

}  // namespace fulmar
