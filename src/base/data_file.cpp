// Looks for shipped files around the running program.
#include "base/data_file.h"

#include <cstdlib>
#include <vector>

#include "base/fail.h"
#include "base/platform.h"

namespace fulmar {
std::filesystem::path find_data_file(const std::string& name) {
  std::vector<std::filesystem::path> folders;
  if (const char* folder = std::getenv("FULMAR_DATA"); folder != nullptr && *folder != '\0') {
    folders.emplace_back(folder);
  }
  if (const std::filesystem::path program = program_folder(); !program.empty()) {
    for (const char* beside : {"models", "../models", "../share/fulmar"}) {
      folders.push_back((program / beside).lexically_normal());
    }
  }
  std::string tried;
  for (const std::filesystem::path& folder : folders) {
    std::error_code error;
    if (std::filesystem::is_regular_file(folder / name, error)) return folder / name;
    tried += (tried.empty() ? "" : ", ") + folder.string();
  }
  fail(ErrorKind::not_found, "{} was not found in {}; set FULMAR_DATA to the folder that has it", name,
       tried.empty() ? "any folder" : tried);
}

}  // namespace fulmar
