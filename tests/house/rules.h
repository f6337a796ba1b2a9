// The rules that hold the shape of the source tree, as functions over text so that each can be shown to fail.
#pragma once
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fulmar::house {

// One file of the tree; the path is relative to its root and written with forward slashes.
struct SourceFile {
  std::string path;
  std::string text;
};

// "src/ops/tape.h:7: includes model/model.h, but src/ops may reach only ..."
using Findings = std::vector<std::string>;

// Every text file of the tree but build folders and what starts with a dot (except .ci).
std::vector<SourceFile> read_tree(const std::filesystem::path& root);

std::set<std::string> paths_of(const std::vector<SourceFile>& files);

// One row of the layer table.
struct Layer {
  std::string_view folder;  // or the beginning of a file's name; "server/api/*": each folder in it for itself
  std::vector<std::string_view> may_include;  // folders or single headers, besides the layer's own folder
};

// Lowest first.
const std::vector<Layer>& layers();

// The same table as docs/architecture.md shows it: folder (or what stands for it) to what its files may include.
std::map<std::string, std::set<std::string>> documented_layers(std::string_view document);

// Our own headers against the layer table, in include, src, server, tools and shaders.
Findings check_layers(const SourceFile& file, const std::set<std::string>& tree);

// Foreign headers against the list of who may use which: the compile firewalls.
Findings check_firewalls(const SourceFile& file);

// At most `max_lines` in every kind of source, build scripts and tests included.
inline constexpr int max_lines = 500;
Findings check_length(const SourceFile& file);

// A source opens with a comment (behind `#!` in scripts) that says what it is for.
Findings check_first_line(const SourceFile& file);

// Types, constants and functions in unnamed namespaces, of all files of a folder: they may be compiled in one go, where each name is one thing.
Findings check_own_names(const std::vector<SourceFile>& files);

// No path that exists only on the machine of whoever wrote it.
Findings check_machine_paths(const SourceFile& file);

}  // namespace fulmar::house
