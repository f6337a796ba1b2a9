// The command line as commands write it down: their flags, where each value goes and what it must be. The
// library that reads it is slow to compile and stands behind this, in command_line.cpp alone.
#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace fulmar::tools {

// One flag or positional word; what is said of it is checked when the line is read.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option& required(bool yes = true);
  Option& show_default();              // in --help
  Option& between(int low, int high);  // both allowed
  Option& between(double low, double high);
  Option& natural();  // what 64 bits hold
  Option& positive();
  Option& not_negative();
  Option& one_of(std::initializer_list<const char*> words);
  Option& split_at(char separator);  // a list in one word: 1,2,4
  Option& one_word_each();           // of a list: the next word is another flag's, or the command's
  Option& size_in_bytes();           // 500M, 2G
  Option& needs(const Option& other);
  Option& excludes(const Option& other);

 private:
  // `what` a good value is, for --help and for complaints.
  Option& is(const std::function<bool(double)>& good, const std::string& what);

  CLI::Option* option_;
};

// Answers the exit code; Error(misuse) becomes 2 and every other error 1.
using Run = std::function<int()>;

template <typename T>
struct WordValue {
  using type = T;
};
template <typename T>
struct WordValue<std::optional<T>> {
  using type = T;
};
// What words a value has, and what each means.
template <typename T>
using Words = std::map<std::string, typename WordValue<T>::type>;

// One command. What its flags write to must live until the command has run.
class Command {
 public:
  Command(CLI::App* app, Run* chosen) : app_(app), chosen_(chosen) {}
  // "--model" for a flag with a value, "in" for a positional word. T: what command_line.cpp lists.
  template <typename T>
  Option option(std::string name, T& value, std::string description = {});
  // A flag whose value is one of these words; an optional one is nothing where it is not given.
  template <typename T>
  Option choice(std::string name, T& value, std::string description, const Words<T>& words);
  Option flag(std::string name, bool& value, std::string description);
  Option find(const std::string& name);
  Command& hide();  // from --help
  // One behind this: `fulmar NAME ITS-NAME`. Where it is given, this one does not run.
  Command command(std::string name, std::string description);
  void runs(Run run);

 private:
  CLI::App* app_;
  Run* chosen_;
};

class CommandLine {
 public:
  CommandLine(std::string description, std::string program, std::string version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  Command command(std::string name, std::string description);
  // What to run: the chosen command, or nothing more where --help or --version has been printed. Throws
  // Error(misuse).
  Run read(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
  Run chosen_;
};

}  // namespace fulmar::tools
