// The rules about a file's text: its length, its first line and the paths it mentions; and the walk over the
// tree.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

#include "house/rules.h"

namespace fulmar::house {
namespace {

namespace fs = std::filesystem;

bool ends_with_any(std::string_view path, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view end) { return path.ends_with(end); });
}

bool is_c_like(std::string_view path) {
  return ends_with_any(path, {".cpp", ".h", ".glsl", ".comp", ".mjs", ".js"});
}

bool is_script(std::string_view path) {
  return ends_with_any(path, {".py", ".sh", ".cmake", "CMakeLists.txt"}) || path == ".ci/run";
}

bool is_text(std::string_view path) {
  return is_c_like(path) || is_script(path) || ends_with_any(path, {".md", ".json", ".txt", ".yml", ".in"});
}

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

std::vector<SourceFile> read_tree(const fs::path& root) {
  std::vector<SourceFile> files;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator();
       ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory()) {
      const bool hidden = name.starts_with('.') && name != ".ci";
      if (hidden || name.starts_with("build") || name == "__pycache__" || name == "node_modules") {
        entry.disable_recursion_pending();
      }
      continue;
    }
    const std::string path = entry->path().lexically_relative(root).generic_string();
    if (!entry->is_regular_file() || !is_text(path)) continue;
    std::ifstream in(entry->path(), std::ios::binary);
    files.push_back({path, std::string(std::istreambuf_iterator<char>(in), {})});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::set<std::string> paths_of(const std::vector<SourceFile>& files) {
  std::set<std::string> paths;
  for (const SourceFile& file : files) paths.insert(file.path);
  return paths;
}

Findings check_length(const SourceFile& file) {
  if (!is_c_like(file.path) && !is_script(file.path)) return {};
  auto lines = std::count(file.text.begin(), file.text.end(), '\n');
  if (!file.text.empty() && file.text.back() != '\n') ++lines;
  if (lines <= max_lines) return {};
  return {fmt::format("{}: {} lines, at most {} are allowed; split it by job", file.path, lines, max_lines)};
}

Findings check_first_line(const SourceFile& file) {
  if (!is_c_like(file.path) && !is_script(file.path)) return {};
  std::string_view rest = file.text;
  std::string_view line = next_line(rest);
  if (line.starts_with("#!")) line = next_line(rest);
  const bool comment =
      is_c_like(file.path) ? line.starts_with("// ") : line.starts_with("# ") || line.starts_with("\"\"\"");
  const auto words = std::count(line.begin(), line.end(), ' ');
  if (comment && words >= 3) return {};
  return {fmt::format("{}: the first line must be a comment that says what the file is for", file.path)};
}

Findings check_machine_paths(const SourceFile& file) {
  // Written without their slashes, so that this file passes its own test.
  std::vector<std::string_view> tops = {"work", "home", "root", "mnt", "Users"};
  // Every POSIX system has this one, and a shell example may use it; Windows has not, so code must ask for
  // it.
  if (is_c_like(file.path)) tops.push_back("tmp");
  Findings findings;
  std::string_view rest = file.text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view line = next_line(rest);
    for (const std::string_view top : tops) {
      const std::string needle = fmt::format("/{}/", top);
      for (size_t at = line.find(needle); at != line.npos; at = line.find(needle, at + 1)) {
        // Inside a longer path or an address ("src/data/", "http://host/home/") the word is nobody's disk.
        const auto before = static_cast<unsigned char>(at == 0 ? ' ' : line[at - 1]);
        if (std::isalnum(before) ||
            std::string_view("}]$_-./\\").find(static_cast<char>(before)) != line.npos)
          continue;
        findings.push_back(
            fmt::format("{}:{}: names {}..., a path of one machine", file.path, number, needle));
      }
    }
  }
  return findings;
}

}  // namespace fulmar::house
