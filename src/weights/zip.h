// A reader of zip archives whose entries are stored, not compressed, as torch.save writes them: entries are
// views of the mapped file.
#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "weights/file_source.h"

namespace fulmar {

// Names and bytes of all entries. Zip64 is understood. Every offset is checked against the archive's length;
// an entry that is compressed, encrypted, listed twice or overlaps another is refused.
using ZipEntries = std::map<std::string, std::span<const std::byte>, std::less<>>;
ZipEntries read_zip(const FileErrors& errors, std::span<const std::byte> archive);

}  // namespace fulmar
