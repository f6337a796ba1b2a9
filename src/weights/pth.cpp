// torch.save's zip: the pickle names tensors and storages, each storage is one entry of the archive.
#include <algorithm>

#include "weights/containers.h"
#include "weights/torch_storage.h"
#include "weights/zip.h"

namespace fulmar {
namespace {

FileTensor place(const FileErrors& errors, PickledTensor&& tensor, const ZipEntries& entries,
                 const std::string& folder) {
  const std::string entry_name = folder + "data/" + std::string(tensor.key);
  const auto entry = entries.find(entry_name);
  if (entry == entries.end())
    errors.bad("{} lies in {}, which the archive does not have", tensor.name, entry_name);
  return place_in_storage(errors, std::move(tensor), entry->second, entry_name);
}

}  // namespace

SourcePtr open_pth(const FileErrors& errors, FilePtr file) {
  const ZipEntries entries = read_zip(errors, file->bytes());
  constexpr std::string_view pickle_name = "data.pkl";
  const auto pickle = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
    const std::string_view name = entry.first;
    return name == pickle_name ||
           (name.ends_with("/data.pkl") && std::count(name.begin(), name.end(), '/') == 1);
  });
  if (pickle == entries.end()) errors.bad("is a zip archive, but not one of torch.save: it has no data.pkl");
  const std::string folder = pickle->first.substr(0, pickle->first.size() - pickle_name.size());
  if (entries.contains(folder + "constants.pkl"))
    errors.unsupported(
        "is a TorchScript program and not a state dict: save the model's state_dict() instead");
  if (const auto order = entries.find(folder + "byteorder"); order != entries.end()) {
    const std::string_view word(reinterpret_cast<const char*>(order->second.data()), order->second.size());
    if (word != "little") errors.unsupported("was saved on a big-endian machine");
  }

  std::vector<FileTensor> tensors;
  for (PickledTensor& tensor : read_state_dict(errors, pickle->second))
    tensors.push_back(place(errors, std::move(tensor), entries, folder));
  return std::make_shared<FileSource>(errors, std::move(file), std::move(tensors), FileSource::Metadata{});
}

}  // namespace fulmar
