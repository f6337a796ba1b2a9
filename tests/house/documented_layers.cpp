// Reads the layer table of docs/architecture.md.
#include <algorithm>

#include "house/rules.h"

namespace fulmar::house {
namespace {

// What stands between backquotes.
std::vector<std::string> quoted(std::string_view cell) {
  std::vector<std::string> words;
  for (size_t open = cell.find('`'); open != cell.npos;) {
    const size_t close = cell.find('`', open + 1);
    if (close == cell.npos) break;
    words.emplace_back(cell.substr(open + 1, close - open - 1));
    open = cell.find('`', close + 1);
  }
  return words;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  while (line.starts_with('|')) {
    line.remove_prefix(1);
    const size_t end = line.find('|');
    if (end == line.npos) break;
    cells.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return cells;
}

}  // namespace

std::map<std::string, std::set<std::string>> documented_layers(std::string_view document) {
  std::map<std::string, std::set<std::string>> table;
  const size_t head = document.find("| folder |");
  if (head == document.npos) return table;
  for (std::string_view rest = document.substr(head); rest.starts_with('|');) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::vector<std::string_view> cells = cells_of(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (cells.size() != 3) continue;
    for (const std::string& folder : quoted(cells[0]))
      for (const std::string& word : quoted(cells[2])) table[folder].insert(word);
  }
  return table;
}

}  // namespace fulmar::house
