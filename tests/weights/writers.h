// Tiny writers of model files for tests: good ones, and ones that lie at any chosen place.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulmar::test {

// A file that is gone when the test ends.
class TempFile {
 public:
  explicit TempFile(std::string_view bytes, std::string_view name = "model.bin");
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile();
  void rewrite(std::string_view bytes) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path folder_, path_;
};

// `count` bytes of `value`, lowest first.
std::string little(uint64_t value, int count);
// Numbers as they lie in a file.
template <typename T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// The header's true length, the header, the data.
std::string safetensors(std::string_view header, std::string_view data);

// One entry of an archive; what is set lies.
struct ZipEntry {
  std::string name, data;
  uint16_t method = 0, flags = 0;
  std::optional<uint64_t> size = {}, packed = {}, offset = {};  // in the directory
  std::string local_name = {};                                  // empty: `name`
};
struct ZipLies {
  bool zip64 = false;
  std::optional<uint64_t> entries = {}, directory_size = {}, directory_offset = {};
};
std::string zip(const std::vector<ZipEntry>& entries, const ZipLies& lies = {});

// Instructions of a pickle, appended one after the other.
class Pickle {
 public:
  explicit Pickle(int protocol = 2) : code_{'\x80', static_cast<char>(protocol)} {}
  Pickle& op(std::string_view code) { return code_ += code, *this; }
  Pickle& text(std::string_view text) { return op("X").op(little(text.size(), 4)).op(text); }
  Pickle& number(int64_t value) { return op("\x8a\x08").op(little(static_cast<uint64_t>(value), 8)); }
  Pickle& global(std::string_view module, std::string_view name) {
    return op("c").op(module).op("\n").op(name).op("\n");
  }
  // A storage as torch.save refers to it.
  Pickle& storage(std::string_view type, std::string_view key, int64_t elements);
  // A dictionary's key and the tensor of that name.
  Pickle& tensor(std::string_view name, std::string_view type, std::string_view key, int64_t elements,
                 int64_t offset, const std::vector<int64_t>& shape, const std::vector<int64_t>& strides);
  Pickle& numbers(const std::vector<int64_t>& values);  // a tuple
  std::string stop() const { return code_ + "."; }

 private:
  std::string code_;
};

// An archive as torch.save lays it out: archive/data.pkl, then archive/data/0 and so on.
std::vector<ZipEntry> pth_entries(std::string pickle, const std::vector<std::string>& storages);

}  // namespace fulmar::test
