// Files that requests may name: those in the folders that the server was started with, and no others.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulmar::host {

struct ShelfFolders {
  std::string models;  // models and adapters; empty: none may be named
  std::string states;  // tuned states; empty: the models' folder
};

enum class Kind : uint8_t { model, adapter, state };

class Shelf {
 public:
  // Throws Error(misuse) for a folder that is none.
  explicit Shelf(const ShelfFolders& folders);

  bool is_open() const { return !models_.empty(); }
  // The path of what a request calls `name`: a path below the folder, with or without the folder's own name in front
  // and, for models, with or without its ending; or an absolute path that leads into it. Links are followed, and where they
  // lead out of the folder it is not in it. Throws Error(bad_request) for what no path can be, Error(not_found) for what is
  // not there or outside, Error(unsupported) where no folder was given; `param` is the field it came in.
  std::string find(std::string_view name, Kind kind, const std::string& param) const;
  // The models in the folder, by name: files and folders with weights. At most kListed.
  struct Model {
    std::string id, path;
  };
  static constexpr size_t kListed = 1000;    // these two are in docs/switching.md too
  static constexpr size_t kNameBytes = 1024;  // of what a request calls a file
  std::vector<Model> models() const;
  std::optional<std::string> path_of(std::string_view id) const;  // of a listed one
  // A sentence in which its files have no folder in front, as clients are told.
  std::string without_folder(std::string sentence) const;
  static std::string id_of(const std::string& path);              // the name of the file without its ending, or the folder's

 private:
  std::string models_, states_;  // canonical
};

}  // namespace fulmar::host
