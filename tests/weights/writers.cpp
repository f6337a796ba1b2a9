// Bytes of safetensors files, zip archives and pickles.
#include "weights/writers.h"

#include <fstream>
#include <random>

namespace fulmar::test {

TempFile::TempFile(std::string_view bytes, std::string_view name)
    : folder_(std::filesystem::temp_directory_path() /
              ("fulmar_test_" + std::to_string(std::random_device{}()))),
      path_(folder_ / name) {
  std::filesystem::create_directories(folder_);
  rewrite(bytes);
}

void TempFile::rewrite(std::string_view bytes) const {
  std::ofstream(path_, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TempFile::~TempFile() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string little(uint64_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i, value >>= 8) bytes += static_cast<char>(value & 0xff);
  return bytes;
}

std::string safetensors(std::string_view header, std::string_view data) {
  return little(header.size(), 8).append(header).append(data);
}

std::string zip(const std::vector<ZipEntry>& entries, const ZipLies& lies) {
  // As torch.save does, the local header has an extra field that the directory does not.
  const std::string padding = "FB" + little(3, 2) + "ZZZ";
  std::string out, directory;
  for (const ZipEntry& entry : entries) {
    const std::string& local = entry.local_name.empty() ? entry.name : entry.local_name;
    const uint64_t at = entry.offset.value_or(out.size()), size = entry.size.value_or(entry.data.size()),
                   packed = entry.packed.value_or(entry.data.size());
    out += "PK\3\4" + little(20, 2) + little(entry.flags, 2) + little(entry.method, 2) + little(0, 16) +
           little(local.size(), 2) + little(padding.size(), 2) + local + padding + entry.data;
    std::string extra;
    if (lies.zip64)
      extra = little(1, 2) + little(24, 2) + little(size, 8) + little(packed, 8) + little(at, 8);
    const auto field = [&](uint64_t value) { return little(lies.zip64 ? 0xffffffff : value, 4); };
    directory += "PK\1\2" + little(20, 2) + little(20, 2) + little(entry.flags, 2) + little(entry.method, 2) +
                 little(0, 8) + field(packed) + field(size) + little(entry.name.size(), 2) +
                 little(extra.size(), 2) + little(0, 10) + field(at) + entry.name + extra;
  }
  const uint64_t count = lies.entries.value_or(entries.size()),
                 size = lies.directory_size.value_or(directory.size()),
                 offset = lies.directory_offset.value_or(out.size());
  out += directory;
  if (lies.zip64) {
    const uint64_t end64 = out.size();
    out += "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) + little(count, 8) +
           little(count, 8) + little(size, 8) + little(offset, 8);
    out += "PK\6\7" + little(0, 4) + little(end64, 8) + little(1, 4);
    return out + "PK\5\6" + little(0, 4) + little(0xffff, 2) + little(0xffff, 2) + little(0xffffffff, 4) +
           little(0xffffffff, 4) + little(0, 2);
  }
  return out + "PK\5\6" + little(0, 4) + little(count, 2) + little(count, 2) + little(size, 4) +
         little(offset, 4) + little(0, 2);
}

Pickle& Pickle::numbers(const std::vector<int64_t>& values) {
  op("(");
  for (const int64_t value : values) number(value);
  return op("t");
}

Pickle& Pickle::storage(std::string_view type, std::string_view key, int64_t elements) {
  return op("(").text("storage").global("torch", type).text(key).text("cpu").number(elements).op("tQ");
}

Pickle& Pickle::tensor(std::string_view name, std::string_view type, std::string_view key, int64_t elements,
                       int64_t offset, const std::vector<int64_t>& shape,
                       const std::vector<int64_t>& strides) {
  text(name).global("torch._utils", "_rebuild_tensor_v2").op("(").storage(type, key, elements).number(offset);
  numbers(shape).numbers(strides).op("\x89");
  return global("collections", "OrderedDict").op(")RtR");  // no hooks; arguments; call
}

std::vector<ZipEntry> pth_entries(std::string pickle, const std::vector<std::string>& storages) {
  std::vector<ZipEntry> entries{{"archive/data.pkl", std::move(pickle)}};
  for (std::size_t i = 0; i < storages.size(); ++i)
    entries.push_back({"archive/data/" + std::to_string(i), storages[i]});
  entries.push_back({"archive/version", "3\n"});
  return entries;
}

}  // namespace fulmar::test
