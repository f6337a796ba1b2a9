// torch.save's format before PyTorch 1.6: pickles of a magic number, a version, the machine and the tensors,
// then a pickled list of storage keys and, in its order, each storage: u64 number of elements, elements.
#include <algorithm>
#include <map>

#include "weights/containers.h"
#include "weights/little_endian.h"
#include "weights/torch_storage.h"

namespace fulmar {
namespace {

// PROTO n, LONG1 of 10 bytes: 0x1950a86a20f9469cfc6c, STOP.
constexpr std::string_view magic_number("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 13);

class LegacyReader {
 public:
  LegacyReader(const FileErrors& errors, std::span<const std::byte> bytes) : errors_(errors), bytes_(bytes) {}

  std::vector<FileTensor> read() {
    at_ = 2 + magic_number.size();
    at_ += read_text_list_prefix(errors_, rest()).bytes;  // 1001
    at_ += read_text_list_prefix(errors_, rest()).bytes;  // the machine's type sizes
    StateDict dict = read_state_dict_prefix(errors_, rest());
    at_ += dict.bytes;
    const PickledTexts keys = read_text_list_prefix(errors_, rest());
    at_ += keys.bytes;
    read_storages(dict, keys.texts);
    std::vector<FileTensor> tensors;
    for (PickledTensor& tensor : dict.tensors) {
      const auto storage = storages_.find(tensor.key);
      if (storage == storages_.end())
        errors_.bad("{} lies in storage {}, which the file does not have", tensor.name, tensor.key);
      const std::string where = "storage " + std::string(tensor.key);
      tensors.push_back(place_in_storage(errors_, std::move(tensor), storage->second, where));
    }
    return tensors;
  }

 private:
  std::span<const std::byte> rest() const { return bytes_.subspan(at_); }

  void read_storages(const StateDict& dict, const std::vector<std::string_view>& keys) {
    std::map<std::string_view, std::string_view> types;
    for (const PickledStorage& storage : dict.storages) types.emplace(storage.key, storage.type);
    for (const std::string_view key : keys) {
      const auto type = types.find(key);
      const auto format = type == types.end() ? std::nullopt : format_of_storage(type->second);
      if (!format)
        errors_.unsupported(
            "storage {} is of type {}, so that what follows it cannot be found: convert it "
            "to float16, bfloat16 or float32",
            key, type == types.end() ? "unknown" : type->second);
      if (rest().size() < 8) errors_.bad("the file ends before storage {}: is it cut short?", key);
      const auto elements = little_endian<uint64_t>(rest().data());
      at_ += 8;
      const uint64_t size = info(*format).scalar_bytes;
      if (elements > rest().size() / size)
        errors_.bad("storage {} claims {} elements of {} bytes, but only {} bytes are left: is it cut short?",
                    key, elements, size, rest().size());
      if (!storages_.emplace(key, rest().first(elements * size)).second)
        errors_.bad("the file lists storage {} twice", key);
      at_ += elements * size;
    }
  }

  const FileErrors& errors_;
  std::span<const std::byte> bytes_;
  uint64_t at_ = 0;
  std::map<std::string_view, std::span<const std::byte>> storages_;
};

}  // namespace

bool is_legacy_pth(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x80' && bytes.substr(2).starts_with(magic_number);
}

SourcePtr open_legacy_pth(const FileErrors& errors, FilePtr file) {
  const std::span<const std::byte> bytes = file->bytes();
  if (!is_legacy_pth({reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
    errors.bad("the file does not begin as torch.save's old files do");
  std::vector<FileTensor> tensors = LegacyReader(errors, bytes).read();
  return std::make_shared<FileSource>(errors, std::move(file), std::move(tensors), FileSource::Metadata{});
}

}  // namespace fulmar
