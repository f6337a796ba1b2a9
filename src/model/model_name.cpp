// Names from paths; see model_name.h.
#include "model/model_name.h"

#include "base/mapped_file.h"
#include "weights/source.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

// Without "." and "..", and without a slash at the end.
fs::path plain(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  const fs::path normal = (error ? path : whole).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// A folder's own name.
std::string folder_name(const fs::path& folder) {
  const fs::path above = folder.parent_path();
  const std::string repository = to_utf8(above.parent_path().filename());
  constexpr std::string_view prefix = "models--";
  const std::size_t name = repository.rfind("--");
  if (above.filename() == "snapshots" && repository.starts_with(prefix) && name >= prefix.size())
    return repository.substr(name + 2);
  return to_utf8(folder.filename());
}

}  // namespace

std::string model_name(const fs::path& model) {
  const fs::path path = plain(model);
  if (is_folder(path)) return folder_name(path);
  if (is_one_of_several(to_utf8(path.filename()))) return folder_name(path.parent_path());
  return to_utf8(path.stem());
}

fs::path vocabulary_beside(const fs::path& model) {
  fs::path path = plain(model);
  if (!is_folder(path)) return path.replace_extension(".vocab");
  path += ".vocab";
  return path;
}

}  // namespace fulmar
