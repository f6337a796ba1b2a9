// The rule about names that a file keeps for itself: its neighbours, compiled in one go with it, may not take them too.
#include <fmt/format.h>

#include <algorithm>

#include "house/rules.h"

namespace fulmar::house {
namespace {

// What a line without indentation, inside an unnamed namespace, gives a name to: a type, a constant, or a function with its
// parameters. Empty: none of these.
std::string_view named_by(std::string_view line) {
  constexpr std::string_view word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  if (line.starts_with(' ')) return {};
  for (const std::string_view kind : {"struct ", "class ", "enum class "})
    if (line.starts_with(kind)) {
      line.remove_prefix(kind.size());
      return line.find('{') == line.npos && line.find(':') == line.npos ? std::string_view() : line.substr(0, line.find_first_not_of(word));
    }
  if (line.starts_with("using ") && line.find(" = ") != line.npos) return line.substr(6, line.find(" = ") - 6);
  if (line.ends_with(") {")) return line;
  if (!line.starts_with("constexpr ") && !line.starts_with("const ")) return {};
  std::string_view before = line.substr(0, line.find_first_of("={[("));
  if (before.size() == line.size() || line[before.size()] == '(') return {};
  while (before.ends_with(' ')) before.remove_suffix(1);
  return before.substr(before.find_last_not_of(word) + 1);
}

bool is_compiled_together(const SourceFile& file) {
  const std::string_view path = file.path;
  const bool product = path.starts_with("src/") || path.starts_with("server/") || path.starts_with("tools/");
  return product && path.ends_with(".cpp") && !path.starts_with("src/client/") && !path.ends_with("_windows.cpp") &&
         file.text.find("\nusing enum ") == file.text.npos && file.text.find("HWY_NAMESPACE") == file.text.npos;
}

}  // namespace

Findings check_own_names(const std::vector<SourceFile>& files) {
  Findings findings;
  struct Owner {
    std::string path, line;
  };
  std::map<std::string, Owner> owners;  // of a name in a folder
  for (const SourceFile& file : files) {
    if (!is_compiled_together(file)) continue;
    bool unnamed = false;
    std::string_view rest = file.text;
    for (int number = 1; !rest.empty(); ++number) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (line == "namespace {") unnamed = true;
      if (line == "}  // namespace") unnamed = false;
      const std::string_view name = unnamed ? named_by(line) : std::string_view();
      if (name.empty()) continue;
      const std::string in_folder = fmt::format("{}/{}", file.path.substr(0, file.path.rfind('/')), name);
      const Owner owner = owners.try_emplace(in_folder, Owner{file.path, std::string(line)}).first->second;
      const bool is_same = owner.path == file.path || (line.starts_with("using ") && line == owner.line);
      if (!is_same)
        findings.push_back(fmt::format("{}:{}: {} is a name that {} has for something of its own; share it, or call this one otherwise",
                                       file.path, number, name, owner.path));
    }
  }
  return findings;
}

}  // namespace fulmar::house
