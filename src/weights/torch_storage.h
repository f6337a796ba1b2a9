// Placing a pickled tensor in the bytes of its storage: what zip and legacy .pth files have in common.
#pragma once
#include <span>
#include <string>

#include "weights/file_source.h"
#include "weights/pickle.h"

namespace fulmar {

// The element type of "HalfStorage" and so on; nothing for types this program does not read.
std::optional<Format> format_of_storage(std::string_view storage_type);

// `where` names the storage in messages. Strides and offset are checked against the storage's bytes.
FileTensor place_in_storage(const FileErrors& errors, PickledTensor&& tensor,
                            std::span<const std::byte> storage, const std::string& where);

}  // namespace fulmar
