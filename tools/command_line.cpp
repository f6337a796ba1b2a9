// The command line on CLI11; see command_line.h.
#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "fulmar/engine.h"

namespace fulmar::tools {

Option& Option::required(bool yes) {
  option_->required(yes);
  return *this;
}

Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}

Option& Option::between(int low, int high) {
  return between(static_cast<double>(low), static_cast<double>(high));
}

Option& Option::between(double low, double high) {
  return is([low, high](double value) { return value >= low && value <= high; },
            fmt::format("a number between {} and {}", low, high));
}

Option& Option::positive() {
  return is([](double value) { return value > 0 && std::isfinite(value); }, "a number above 0");
}

Option& Option::not_negative() {
  return is([](double value) { return value >= 0 && std::isfinite(value); }, "0 or a number above it");
}

Option& Option::natural() {
  option_->check([](const std::string& word) -> std::string {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    return error == std::errc{} && end == word.data() + word.size()
               ? std::string()
               : fmt::format("{} is not a whole number from 0 to {}", word, std::numeric_limits<uint64_t>::max());
  });
  return *this;
}

// NaN is in no range.
Option& Option::is(const std::function<bool(double)>& good, const std::string& what) {
  const auto check = [good, what](const std::string& word) -> std::string {
    double value = 0;
    return CLI::detail::lexical_cast(word, value) && good(value) ? std::string()
                                                                 : fmt::format("{} is not {}", word, what);
  };
  option_->check(check, what);
  return *this;
}

Option& Option::one_of(std::initializer_list<const char*> words) {
  option_->check(CLI::IsMember(std::vector<std::string>(words.begin(), words.end())));
  return *this;
}

Option& Option::split_at(char separator) {
  option_->delimiter(separator);
  return *this;
}

Option& Option::one_word_each() {
  option_->allow_extra_args(false);
  return *this;
}

Option& Option::size_in_bytes() {
  option_->transform(CLI::AsSizeValue(false));
  return *this;
}

Option& Option::needs(const Option& other) {
  option_->needs(other.option_);
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

template <typename T>
Option Command::option(std::string name, T& value, std::string description) {
  return Option(app_->add_option(std::move(name), value, std::move(description)));
}

// All that a flag's value can be.
template Option Command::option(std::string, std::string&, std::string);
template Option Command::option(std::string, std::optional<std::string>&, std::string);
template Option Command::option(std::string, std::vector<std::string>&, std::string);
template Option Command::option(std::string, float&, std::string);
template Option Command::option(std::string, std::optional<float>&, std::string);
template Option Command::option(std::string, std::vector<float>&, std::string);
template Option Command::option(std::string, double&, std::string);
template Option Command::option(std::string, int32_t&, std::string);
template Option Command::option(std::string, uint16_t&, std::string);
template Option Command::option(std::string, uint32_t&, std::string);
template Option Command::option(std::string, std::vector<uint32_t>&, std::string);
template Option Command::option(std::string, uint64_t&, std::string);
template Option Command::option(std::string, std::optional<int32_t>&, std::string);
template Option Command::option(std::string, std::optional<uint32_t>&, std::string);
template Option Command::option(std::string, std::optional<uint64_t>&, std::string);

namespace {

// One of the words, which becomes its number: as the library reads what is not a text.
template <typename T>
CLI::Validator one_of_words(const std::map<std::string, T>& words) {
  std::vector<std::string> known;
  for (const auto& [word, meaning] : words) known.push_back(word);
  const std::string one_of = fmt::format("one of {}", fmt::join(known, ", "));
  const auto number = [words, one_of](std::string& word) -> std::string {
    const auto found = words.find(word);
    if (found == words.end()) return fmt::format("{} is not {}", word, one_of);
    word = std::to_string(static_cast<int>(found->second));
    return {};
  };
  return CLI::Validator(number, one_of);
}

}  // namespace

template <typename T>
Option Command::choice(std::string name, T& value, std::string description, const Words<T>& words) {
  return Option(
      app_->add_option(std::move(name), value, std::move(description))->transform(one_of_words(words)));
}

template Option Command::choice(std::string, Think&, std::string, const Words<Think>&);
template Option Command::choice(std::string, ThinkWord&, std::string, const Words<ThinkWord>&);
template Option Command::choice(std::string, std::optional<PenaltyRule>&, std::string,
                                const Words<PenaltyRule>&);

Option Command::flag(std::string name, bool& value, std::string description) {
  return Option(app_->add_flag(std::move(name), value, std::move(description)));
}

Option Command::find(const std::string& name) {
  return Option(app_->get_option(name));
}

Command& Command::hide() {
  app_->group("");
  return *this;
}

Command Command::command(std::string name, std::string description) {
  return {app_->add_subcommand(std::move(name), std::move(description)), chosen_};
}

void Command::runs(Run run) {
  app_->callback([app = app_, chosen = chosen_, run = std::move(run)] {
    if (app->get_subcommands().empty()) *chosen = run;
  });
}

CommandLine::CommandLine(std::string description, std::string program, std::string version)
    : app_(std::make_unique<CLI::App>(std::move(description), std::move(program))) {
  app_->set_version_flag("--version", std::move(version));
  app_->require_subcommand(0, 1);  // none is told below, in better words
}

CommandLine::~CommandLine() = default;

Command CommandLine::command(std::string name, std::string description) {
  return {app_->add_subcommand(std::move(name), std::move(description)), &chosen_};
}

Run CommandLine::read(int argc, char** argv) {
  constexpr const char* help = " (see fulmar --help)";
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0)
      return [code = app_->exit(error)] { return code; };  // --help and --version
    throw Error(ErrorKind::misuse, std::string(error.what()) + help);
  }
  if (!chosen_)
    throw Error(ErrorKind::misuse, std::string("a command is needed, such as serve or chat") + help);
  return chosen_;
}

}  // namespace fulmar::tools
