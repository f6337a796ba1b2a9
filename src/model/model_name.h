// What a model is called where nobody says: after its file or its folder.
#pragma once
#include <filesystem>
#include <string>

namespace fulmar {

// "rwkv7-g1-0.4b" of rwkv7-g1-0.4b.pth; a folder's whole name, with or without a slash behind it; for an
// index or one of several files of a model, the name of the folder they lie in. A folder in Hugging Face's
// cache (models--ORG--NAME/snapshots/COMMIT) is called NAME.
std::string model_name(const std::filesystem::path& model);

// The vocabulary that lies beside a model and is named after it; the file need not exist.
std::filesystem::path vocabulary_beside(const std::filesystem::path& model);

}  // namespace fulmar
