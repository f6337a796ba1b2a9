// Finds the files that ship with the program: vocabularies and the demo model.
#pragma once
#include <filesystem>
#include <string>

namespace fulmar {

// The path of `name` in the first folder that has it: $FULMAR_DATA, then beside the running program in
// models/,
// ../models (a build folder inside the source tree) and ../share/fulmar (an installed program). Throws
// Error(not_found) naming every folder that was tried.
std::filesystem::path find_data_file(const std::string& name);

}  // namespace fulmar
