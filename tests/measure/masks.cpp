// Measures what a form costs: making it, and the set of tokens that may come next, token by token along texts.
//
//     measure_masks json_schema|grammar|regex FORM_FILE TEXTS_FILE      (a text a line, as JSON is written on one)
//
// The vocabulary is World's, of 65,536 tokens. Each text is read twice: cold, by a form of which nothing is known yet but
// what is made with it, and warm, when all of its states were visited. tests/measure/masks.py runs it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>

#include "fulmar/error.h"
#include "text/constraint.h"
#include "text/constraint_input.h"

namespace fulmar {
namespace {

// The processor's time of this thread, in microseconds: others' work on the machine does not count.
double now() {
  std::timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

std::string content(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void print(const char* name, std::vector<double> times) {
  std::ranges::sort(times);
  const auto at = [&](double share) {
    return times[std::min(times.size() - 1, static_cast<std::size_t>(share * static_cast<double>(times.size())))];
  };
  fmt::print("{} tokens {} p50_us {:.2f} p99_us {:.2f} worst_us {:.2f}\n", name, times.size(), at(0.5), at(0.99), times.back());
}

// What the tokens of a text take; false where it is not of the form.
bool read(const std::shared_ptr<const Constraint>& constraint, const Tokenizer& tokenizer, std::string_view text, std::vector<double>& times) {
  ConstraintRun run(constraint);
  for (const Token token : tokenizer.encode_plain(text)) {
    const double begun = now();
    const auto mask = run.mask();
    const bool taken = run.accept(tokenizer.bytes(token));
    times.push_back(now() - begun);
    if (std::getenv("SLOW") && times.back() > 50)
      fmt::print("{:.0f} us before \"{}\" in {}\n", times.back(), tokenizer.bytes(token), text.substr(0, 40));
    if (!taken) {
      fmt::print("not of the form at \"{}\": {}\n", tokenizer.bytes(token), text);
      return false;
    }
  }
  if (!run.may_end()) fmt::print("not whole: {}\n", text);
  return true;
}

int measure(std::string_view kind, const char* form, const char* texts) {
  const auto tokenizer = open_tokenizer("");
  constexpr uint32_t vocab = 65536;
  double begun = now();
  const auto trie = std::make_shared<const TokenTrie>(*tokenizer, vocab);
  const Constraint any(grammar_of({}), trie);  // of any JSON object: makes what is kept for all forms
  fmt::print("vocabulary ms {:.1f}\n", (now() - begun) / 1000);
  ConstraintInput input;
  input.kind = kind == "grammar"     ? ConstraintInput::Kind::grammar
               : kind == "regex"     ? ConstraintInput::Kind::regex
                                     : ConstraintInput::Kind::json_schema;
  input.text = content(form);
  input.field = form;
  std::vector<double> cold, warm, compiles;
  std::istringstream lines(content(texts));
  for (std::string text; std::getline(lines, text);) {
    begun = now();
    const auto constraint = std::make_shared<const Constraint>(grammar_of(input), trie);
    compiles.push_back((now() - begun) / 1000);
    if (!read(constraint, *tokenizer, text, cold) || !read(constraint, *tokenizer, text, warm)) return 1;
  }
  if (compiles.empty()) return 2;
  std::ranges::sort(compiles);
  fmt::print("compile ms {:.2f}\n", compiles[compiles.size() / 2]);
  print("cold", cold);
  print("warm", warm);
  return 0;
}

}  // namespace
}  // namespace fulmar

int main(int count, char** arguments) {
  if (count != 4) return 2;
  try {
    return fulmar::measure(arguments[1], arguments[2], arguments[3]);
  } catch (const std::exception& error) {
    fmt::print("{}\n", error.what());
    return 1;
  }
}
