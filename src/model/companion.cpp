// Looks before it opens; see companion.h.
#include "model/companion.h"

#include <fstream>

#include "base/log.h"
#include "base/mapped_file.h"
#include "text/json_fields.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t max_companion = max_json_fields_bytes;

}  // namespace

bool is_there(const fs::path& path) {
  std::error_code ignored;
  const fs::file_type type = fs::symlink_status(path, ignored).type();
  return type != fs::file_type::none && type != fs::file_type::not_found;
}

std::string fault_of(const fs::path& path) {
  std::error_code error;
  switch (fs::status(path, error).type()) {
    case fs::file_type::regular: return fs::file_size(path, error) == 0 ? "is empty" : "";
    case fs::file_type::not_found: return "is a link that leads nowhere";
    case fs::file_type::directory: return "is a folder";
    case fs::file_type::none: return "cannot be opened: " + error.message();
    default: return "is no file";
  }
}

bool is_of_use(const fs::path& path) {
  if (!is_there(path)) return false;
  const std::string fault = fault_of(path);
  if (!fault.empty()) log_warning("{}: {}; it is passed over", to_utf8(path), fault);
  return fault.empty();
}

std::optional<TextFile> bounded(TextFile file) {
  if (file.text.empty()) return std::nullopt;
  if (file.text.size() <= max_companion) return file;
  log_warning("{}: is larger than {} MiB: no model has such a one; it is passed over", file.where,
              max_companion >> 20);
  return std::nullopt;
}

std::optional<TextFile> read_companion(const fs::path& path) {
  if (!is_of_use(path)) return std::nullopt;
  TextFile file{to_utf8(path), {}};
  std::ifstream stream(path, std::ios::binary);
  file.text.resize(max_companion + 1);
  stream.read(file.text.data(), static_cast<std::streamsize>(file.text.size()));
  if (!stream && !stream.eof()) {
    log_warning("{}: this file cannot be read; it is passed over", file.where);
    return std::nullopt;
  }
  file.text.resize(static_cast<std::size_t>(stream.gcount()));
  return bounded(std::move(file));
}

}  // namespace fulmar
