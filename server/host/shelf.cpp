// Paths are compared once links and dots are resolved.
#include "host/shelf.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/fail.h"
#include "base/utf8.h"

namespace fulmar::host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view endings[] = {".pth", ".safetensors", ".gguf", ".st", ".bin"};

std::string canonical_folder(const std::string& folder, std::string_view flag) {
  if (folder.empty()) return {};
  std::error_code bad;
  const fs::path found = fs::canonical(folder, bad);
  if (bad || !fs::is_directory(found, bad)) fail(ErrorKind::misuse, "{} {} is no folder that can be read", flag, folder);
  return found.string();
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

bool has_model_ending(const fs::path& path) {
  return std::ranges::find(endings, path.extension().string()) != std::end(endings);
}

// A folder as model hubs make them.
bool holds_weights(const fs::path& folder) {
  std::error_code bad;
  for (fs::directory_iterator at(folder, bad), end; !bad && at != end; at.increment(bad))
    if (has_model_ending(at->path()) && at->is_regular_file(bad)) return true;
  return false;
}

bool is_model(const fs::path& path) {
  std::error_code bad;
  if (fs::is_regular_file(path, bad)) return true;
  return fs::is_directory(path, bad) && holds_weights(path);
}

void refuse_odd_name(std::string_view name, const std::string& param) {
  const auto refuse = [&](std::string_view why) { throw Error(ErrorKind::bad_request, fmt::format("{} {}", param, why), param); };
  if (name.empty()) refuse("is empty; it names a file");
  if (name.size() > Shelf::kNameBytes) refuse(fmt::format("has more than {} bytes", Shelf::kNameBytes));
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), is_control) || !is_utf8(name))
    refuse("has a character that no file's name here has");
}

}  // namespace

Shelf::Shelf(const ShelfFolders& folders)
    : models_(canonical_folder(folders.models, "--models-dir")),
      states_(folders.states.empty() ? models_ : canonical_folder(folders.states, "--states-dir")) {}

std::string Shelf::find(std::string_view name, Kind kind, const std::string& param) const {
  refuse_odd_name(name, param);
  const fs::path folder = kind == Kind::state ? states_ : models_;
  if (folder.empty())
    throw Error(ErrorKind::unsupported,
                fmt::format("{} names a file, and this server was started without a folder for such: give it {}", param,
                            kind == Kind::state ? "--states-dir" : "--models-dir"),
                param);
  std::string wanted(name);
  std::replace(wanted.begin(), wanted.end(), '\\', '/');
  const fs::path given(wanted);
  std::vector<fs::path> places;
  if (given.is_absolute()) {
    places.push_back(given);
  } else {
    places.push_back(folder / given);
    // As clients name it who know the folder: "models/x.pth" of a folder models.
    const fs::path plain = given.lexically_normal();
    if (!plain.empty() && *plain.begin() == folder.filename()) places.push_back(folder.parent_path() / plain);
  }
  for (const fs::path& place : places) {
    std::vector<fs::path> spellings = {place};
    for (const std::string_view ending : endings) spellings.emplace_back(place.string() + std::string(ending));
    for (const fs::path& spelling : spellings) {
      std::error_code bad;
      const fs::path found = fs::canonical(spelling, bad);
      if (bad || !is_inside(found, folder) || found == folder) continue;
      if (kind == Kind::model ? is_model(found) : fs::is_regular_file(found, bad)) return found.string();
    }
  }
  throw Error(ErrorKind::not_found, fmt::format("there is no {} in the folder {} was given", name,
                                                kind == Kind::state && states_ != models_ ? "--states-dir" : "--models-dir"),
              param);
}

std::vector<Shelf::Model> Shelf::models() const {
  std::vector<Model> found;
  if (!is_open()) return found;
  std::error_code bad;
  for (fs::directory_iterator at(models_, bad), end; !bad && at != end && found.size() < kListed; at.increment(bad)) {
    std::error_code odd;
    const fs::path real = fs::canonical(at->path(), odd);
    if (odd || !is_inside(real, models_)) continue;
    const bool is_folder = fs::is_directory(real, odd);
    if (is_folder ? !holds_weights(real) : !has_model_ending(at->path())) continue;
    found.push_back({id_of(at->path().string()), real.string()});
  }
  std::ranges::sort(found, {}, &Model::id);
  const auto [first, last] = std::ranges::unique(found, {}, &Model::id);
  found.erase(first, last);
  return found;
}

std::string Shelf::without_folder(std::string sentence) const {
  if (!is_open()) return sentence;
  const std::string folder = (fs::path(models_) / "").string();
  for (size_t at = sentence.find(folder); at != sentence.npos; at = sentence.find(folder, at)) sentence.erase(at, folder.size());
  return sentence;
}

std::string Shelf::id_of(const std::string& path) {
  const fs::path name = fs::path(path).filename();
  return (has_model_ending(name) ? name.stem() : name).string();
}

std::optional<std::string> Shelf::path_of(std::string_view id) const {
  if (!is_open() || id.empty() || id.size() > Shelf::kNameBytes || id.find_first_of("/\\") != id.npos || id == "." || id == "..")
    return std::nullopt;
  const fs::path folder = models_;
  std::vector<std::string> names = {std::string(id)};
  for (const std::string_view ending : endings) names.push_back(std::string(id).append(ending));
  for (const std::string& name : names) {
    std::error_code bad;
    const fs::path found = fs::canonical(folder / name, bad);
    if (bad || !is_inside(found, folder) || id_of(name) != id) continue;
    const bool is_one = fs::is_directory(found, bad) ? holds_weights(found) : has_model_ending(name) && fs::is_regular_file(found, bad);
    if (is_one) return found.string();
  }
  return std::nullopt;
}

}  // namespace fulmar::host
