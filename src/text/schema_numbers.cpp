// Reads decimal digits from the left and keeps what decides: the comparison so far, or the remainder.
#include "text/schema_numbers.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>

#include "base/fail.h"

namespace fulmar {
namespace {

// Where a spelling stands.
enum Phase : uint8_t { start, minus, zero, whole, point, fraction };

struct NumberPlace {
  Phase phase = start;
  bool negative = false;
  uint8_t order = 0;      // what is read so far against the bound: 0 less, 1 equal, 2 more
  uint32_t position = 0;  // digits of this part
  uint32_t rest = 0;      // modulo the divisor
  auto operator<=>(const NumberPlace&) const = default;
};

std::optional<Phase> after(Phase phase, char c) {
  const bool digit = c >= '0' && c <= '9';
  switch (phase) {
    case start:
      if (c == '-') return minus;
      [[fallthrough]];
    case minus:
      if (digit) return c == '0' ? zero : whole;
      return {};
    case whole:
      if (digit) return whole;
      [[fallthrough]];
    case zero:
      if (c == '.') return point;
      return {};
    default:
      if (digit) return fraction;
      return {};
  }
}
bool may_end(Phase phase) {
  return phase == zero || phase == whole || phase == fraction;
}

// All spellings for whose last place `accepts` holds; `step` changes the place that a digit leads to, or says
// no.
TextAutomaton explore(const std::function<bool(NumberPlace&, char)>& step,
                      const std::function<bool(const NumberPlace&)>& accepts) {
  std::map<NumberPlace, uint32_t> number{{NumberPlace{}, 0}};
  std::vector<NumberPlace> order{NumberPlace{}};
  std::vector<TextAutomaton::State> states;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const NumberPlace at = order[i];
    TextAutomaton::State state{may_end(at.phase) && accepts(at), {}};
    for (const char c : std::string_view("-.0123456789")) {
      const std::optional<Phase> phase = after(at.phase, c);
      if (!phase) continue;
      NumberPlace to = at;
      to.phase = *phase;
      if (c == '-') to.negative = true;
      if (!step(to, c)) continue;
      const auto [found, is_new] = number.try_emplace(to, static_cast<uint32_t>(order.size()));
      if (is_new) order.push_back(to);
      if (order.size() > 2 * max_automaton_states)
        fail(ErrorKind::bad_request, "needs an automaton of more than {} states", max_automaton_states);
      state.edges.push_back({static_cast<uint32_t>(c), static_cast<uint32_t>(c), found->second});
    }
    StepBudget::spend(10 + 10 * state.edges.size());
    states.push_back(std::move(state));
  }
  return TextAutomaton(std::move(states));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
uint8_t compared(char a, char b) {
  return a < b ? 0 : a == b ? 1 : 2;
}

}  // namespace

Decimal Decimal::of(std::string_view spelling) {
  Decimal made;
  if (spelling.starts_with('-')) made.negative = true, spelling.remove_prefix(1);
  const std::size_t e = spelling.find_first_of("eE");
  int exponent = 0;
  if (e != spelling.npos) {
    std::string_view power = spelling.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (error != std::errc{} || exponent > static_cast<int>(max_schema_digits) ||
        exponent < -static_cast<int>(max_schema_digits))
      fail(ErrorKind::bad_request, "has more than {} digits", max_schema_digits);
    spelling = spelling.substr(0, e);
  }
  const std::size_t dot = std::min(spelling.find('.'), spelling.size());
  std::string digits(spelling.substr(0, dot));
  auto places = static_cast<int>(dot) + exponent;  // digits before the point
  if (dot < spelling.size()) digits += spelling.substr(dot + 1);
  if (digits.size() > max_schema_digits)
    fail(ErrorKind::bad_request, "has more than {} digits", max_schema_digits);
  if (places < 0) digits.insert(0, static_cast<std::size_t>(-places), '0'), places = 0;
  if (static_cast<std::size_t>(places) > digits.size()) digits.resize(static_cast<std::size_t>(places), '0');
  made.whole = digits.substr(0, static_cast<std::size_t>(places));
  made.fraction = digits.substr(static_cast<std::size_t>(places));
  made.whole.erase(0, std::min(made.whole.find_first_not_of('0'), made.whole.size()));
  made.fraction.erase(made.fraction.find_last_not_of('0') + 1);
  if (made.whole.size() + made.fraction.size() > max_schema_digits)
    fail(ErrorKind::bad_request, "has more than {} digits", max_schema_digits);
  if (made.whole.empty()) made.whole.assign(1, '0');
  if (made.whole == "0" && made.fraction.empty()) made.negative = false;
  return made;
}

TextAutomaton plain_numbers() {
  return explore([](NumberPlace&, char) { return true; }, [](const NumberPlace&) { return true; });
}

TextAutomaton whole_numbers() {
  return explore([](NumberPlace& to, char c) { return to.phase != fraction || c == '0'; },
                 [](const NumberPlace&) { return true; });
}

TextAutomaton numbers_beside(const Decimal& bound, Side side) {
  const auto whole_size = static_cast<uint32_t>(bound.whole.size());
  const auto fraction_size = static_cast<uint32_t>(bound.fraction.size());
  const auto step = [&](NumberPlace& to, char c) {
    if (to.phase == zero || to.phase == whole) {
      const uint32_t read = to.position++;
      if (read == 0) to.order = 1;
      if (read >= whole_size) {
        to.order = 2, to.position = whole_size + 1;  // more digits than the bound has
      } else if (to.order == 1) {
        to.order = compared(c, bound.whole[read]);
      }
    } else if (to.phase == point) {
      if (to.position < whole_size) to.order = 0;
      to.position = 0;
    } else if (to.phase == fraction) {
      const uint32_t read = to.position;
      if (read < fraction_size) ++to.position;
      if (to.order == 1) to.order = compared(c, read < fraction_size ? bound.fraction[read] : '0');
      if (to.order != 1) to.position = fraction_size;
    }
    return true;
  };
  const auto accepts = [&](const NumberPlace& at) {
    int order = at.order - 1;  // of the absolute values
    if (at.phase != fraction) {
      if (at.position < whole_size) order = -1;
      if (order == 0 && fraction_size != 0) order = -1;
    } else if (order == 0 && at.position < fraction_size) {
      order = -1;
    }
    const bool both_zero = order == 0 && bound.whole == "0" && fraction_size == 0;
    if (both_zero) {
      order = 0;
    } else if (at.negative != bound.negative) {
      order = at.negative ? -1 : 1;
    } else if (at.negative) {
      order = -order;
    }
    switch (side) {
      case Side::below:
        return order < 0;
      case Side::not_above:
        return order <= 0;
      case Side::equal:
        return order == 0;
      case Side::not_below:
        return order >= 0;
      default:
        return order > 0;
    }
  };
  return explore(step, accepts);
}

// A whole divisor m * 10^z has multiples that end in z zeros, with one of m before them: the place knows that one's
// remainder and, as its position, how many zeros there are. Of "0" there are enough.
bool multiples_of(const Decimal& divisor, TextAutomaton& made) {
  const auto places = static_cast<uint32_t>(divisor.fraction.size());
  std::string digits = divisor.whole + divisor.fraction;
  const auto zeros = static_cast<uint32_t>(digits.size() - 1 - digits.find_last_not_of('0'));
  digits.resize(digits.size() - zeros);
  uint32_t size = 0;
  for (const char c : digits) {
    size = size * 10 + static_cast<uint32_t>(c - '0');
    if (size * (places + zeros + 1) > max_schema_multiple || places + zeros >= max_schema_multiple) return false;
  }
  const auto step = [&](NumberPlace& to, char c) {
    if (to.phase == point) {
      if (to.position < zeros || (places == 0 && to.rest != 0)) return false;
      to.position = 0;
    }
    if (!is_digit(c)) return true;
    const auto digit = static_cast<uint32_t>(c - '0');
    if (to.phase == fraction) {
      if (to.position == places) return c == '0';
      ++to.position;
    } else if (to.phase == zero) {
      to.position = zeros;
      return true;
    } else if (c == '0' && to.position < zeros) {
      ++to.position;
      return true;
    } else if (c != '0') {
      for (; to.position > 0; --to.position) to.rest = to.rest * 10 % size;
    }
    to.rest = (to.rest * 10 + digit) % size;
    return true;
  };
  const auto accepts = [&](const NumberPlace& at) {
    if (at.phase != fraction && at.position < zeros) return false;
    uint32_t rest = at.rest;
    for (uint32_t i = at.phase == fraction ? at.position : 0; i < places; ++i) rest = rest * 10 % size;
    return rest == 0;
  };
  made = explore(step, accepts);
  return true;
}

// 1 to 99 times the divisor, and those with the point moved to the right.
TextAutomaton some_multiples_of(const Decimal& divisor) {
  if (divisor.whole.size() + divisor.fraction.size() > max_long_divisor)
    fail(ErrorKind::bad_request, "is too long a divisor; at most {} digits are taken", max_long_divisor);
  std::vector<std::string> spellings{"0"};
  for (uint32_t times = 1; times < 100; ++times) {
    std::string digits;  // from the last one on
    uint32_t carry = 0;
    const std::string all = divisor.whole + divisor.fraction;
    for (auto digit = all.rbegin(); digit != all.rend() || carry > 0; carry /= 10) {
      if (digit != all.rend()) carry += times * static_cast<uint32_t>(*digit++ - '0');
      digits += static_cast<char>('0' + carry % 10);
    }
    std::reverse(digits.begin(), digits.end());
    for (std::size_t places = divisor.fraction.size() + 1; places-- > 0;) {
      const Decimal number = Decimal::of(fmt::format("{}.{}0", digits.substr(0, digits.size() - places), digits.substr(digits.size() - places)));
      spellings.push_back(number.is_whole() ? number.whole : number.whole + "." + number.fraction);
    }
    for (int zeros = 0; zeros < 6; ++zeros) spellings.push_back(spellings.back() + "0");
  }
  for (std::size_t i = spellings.size(); i-- > 1;) spellings.push_back("-" + spellings[i]);
  return TextAutomaton::one_of(spellings);
}

TextAutomaton offered_numbers(const TextAutomaton& numbers, uint32_t digits) {
  const uint32_t most = std::max(digits, max_answer_digits);
  const bool only_whole = (numbers - whole_numbers()).empty();
  const auto step = [&](NumberPlace& to, char c) {
    if (to.phase == point) to.position = 0;
    // `order`: 1 once a digit that is not 0 was read.
    if (is_digit(c) && c != '0') to.order = 1;
    if (is_digit(c) && to.position++ >= most) return false;
    return !(only_whole && to.phase == point);
  };
  return numbers & explore(step, [](const NumberPlace& at) { return !at.negative || at.order == 1; });
}

}  // namespace fulmar
