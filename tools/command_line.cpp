// The command line on CLI11; see command_line.h.
#include "command_line.h"

#include <CLI/CLI.hpp>
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
  option_->check(CLI::Range(low, high));
  return *this;
}

Option& Option::between(double low, double high) {
  option_->check(CLI::Range(low, high));
  return *this;
}

Option& Option::positive() {
  option_->check(CLI::PositiveNumber);
  return *this;
}

Option& Option::not_negative() {
  option_->check(CLI::NonNegativeNumber);
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
template Option Command::option(std::string, std::optional<uint64_t>&, std::string);

template <typename T>
Option Command::choice(std::string name, T& value, std::string description,
                       const std::map<std::string, T>& words) {
  return Option(app_->add_option(std::move(name), value, std::move(description))
                    ->transform(CLI::CheckedTransformer(words)));
}

template Option Command::choice(std::string, Think&, std::string, const std::map<std::string, Think>&);

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

void Command::runs(Run run) {
  app_->callback([chosen = chosen_, run = std::move(run)] { *chosen = run; });
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
