// The central directory of a zip archive, after PKWARE's APPNOTE 6.3.10 (section numbers below are its).
#include "weights/zip.h"

#include <algorithm>
#include <vector>

#include "base/utf8.h"
#include "weights/little_endian.h"

namespace fulmar {
namespace {

constexpr uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50;
constexpr uint32_t end64_mark = 0x06064b50, locator64_mark = 0x07064b50;
constexpr uint64_t local_size = 30, central_size = 46, end_size = 22, end64_size = 56, locator64_size = 20;
constexpr uint64_t max_entries = 2 * max_tensors;  // storages, and what torch.save puts beside them
constexpr uint32_t in_zip64 = 0xffffffff;          // a 32-bit field whose value is in the zip64 extra field

// Where the central directory lies.
struct Directory {
  uint64_t entries, size, offset;
};

struct ZipEntry {
  std::string name;
  uint64_t size, offset;  // of the local header
};

class ZipReader {
 public:
  ZipReader(const FileErrors& errors, std::span<const std::byte> archive) : errors_(errors), archive_(archive) {}

  ZipEntries read() {
    const Directory directory = find_directory();
    std::vector<ZipEntry> list = read_directory(directory);
    std::stable_sort(list.begin(), list.end(),
                     [](const ZipEntry& a, const ZipEntry& b) { return a.offset < b.offset; });
    ZipEntries entries;
    for (std::size_t i = 0; i < list.size(); ++i) {
      // An entry ends at the latest where the next one, or the directory, begins.
      const bool last = i + 1 == list.size();
      const auto data = locate(list[i], last ? directory.offset : list[i + 1].offset);
      if (!entries.emplace(list[i].name, data).second)
        errors_.bad("the archive lists {} twice", list[i].name);
    }
    return entries;
  }

 private:
  // Number at `at`; everything read goes through this check.
  template <typename T>
  T number(uint64_t at) const {
    if (at > archive_.size() || archive_.size() - at < sizeof(T))
      errors_.bad("the archive points past its end (byte {} of {}): is it cut short?", at, archive_.size());
    return little_endian<T>(archive_.data() + at);
  }

  // 4.3.16: the end record, before a comment of at most 65535 bytes that reaches to the file's end.
  uint64_t find_end_record() const {
    const uint64_t size = archive_.size();
    for (uint64_t comment = 0; comment <= 0xffff && end_size + comment <= size; ++comment) {
      const uint64_t at = size - end_size - comment;
      if (number<uint32_t>(at) == end_mark && number<uint16_t>(at + 20) == comment) return at;
    }
    errors_.bad("the archive has no directory at its end: is it cut short?");
  }

  Directory find_directory() const {
    const uint64_t end = find_end_record();
    Directory found{number<uint16_t>(end + 10), number<uint32_t>(end + 12), number<uint32_t>(end + 16)};
    uint64_t limit = end;
    bool split = number<uint16_t>(end + 4) != 0 || number<uint16_t>(end + 6) != 0;
    // 4.3.14, 4.3.15: the zip64 end record, found by its locator right before the end record.
    if (end >= locator64_size && number<uint32_t>(end - locator64_size) == locator64_mark) {
      const auto at = number<uint64_t>(end - locator64_size + 8);
      if (at > end - locator64_size || end - locator64_size - at < end64_size ||
          number<uint32_t>(at) != end64_mark)
        errors_.bad("the archive's zip64 record is damaged");
      found = {number<uint64_t>(at + 32), number<uint64_t>(at + 40), number<uint64_t>(at + 48)};
      split = number<uint32_t>(at + 16) != 0 || number<uint32_t>(at + 20) != 0;
      limit = at;
    }
    if (split) errors_.unsupported("the archive is split over several files");
    if (found.offset > limit || found.size > limit - found.offset)
      errors_.bad("the archive's directory of {} bytes at byte {} lies outside the file", found.size,
                  found.offset);
    if (found.entries > found.size / central_size)
      errors_.bad("the archive claims {} entries, more than its directory of {} bytes can hold",
                  found.entries, found.size);
    if (found.entries > max_entries)
      errors_.bad("the archive claims {} entries; at most {} are possible", found.entries, max_entries);
    return found;
  }

  // 4.3.12
  std::vector<ZipEntry> read_directory(const Directory& directory) const {
    std::vector<ZipEntry> list;
    uint64_t at = directory.offset;
    const uint64_t end = directory.offset + directory.size;
    for (uint64_t i = 0; i < directory.entries; ++i) {
      if (end - at < central_size || number<uint32_t>(at) != central_mark)
        errors_.bad("the archive's directory is damaged at entry {}", i);
      const uint64_t name = number<uint16_t>(at + 28), extra = number<uint16_t>(at + 30),
                     comment = number<uint16_t>(at + 32);
      if (end - at - central_size < name + extra + comment)
        errors_.bad("the archive's directory is damaged at entry {}", i);
      list.push_back(read_entry(at, name, extra));
      at += central_size + name + extra + comment;
    }
    return list;
  }

  ZipEntry read_entry(uint64_t at, uint64_t name_size, uint64_t extra_size) const {
    ZipEntry entry{text(at + central_size, name_size), 0, 0};
    if (!is_utf8(entry.name)) errors_.bad("an entry of the archive has a name that is not UTF-8");
    if (number<uint16_t>(at + 8) & 1) errors_.unsupported("{} is encrypted", entry.name);
    if (const auto method = number<uint16_t>(at + 10); method != 0)
      errors_.unsupported(
          "{} is compressed (method {}): torch.save stores entries as they are, so unpack the archive and "
          "pack it "
          "again without compression (zip -0)",
          entry.name, method);
    uint64_t packed = number<uint32_t>(at + 20);
    entry.size = number<uint32_t>(at + 24);
    entry.offset = number<uint32_t>(at + 42);
    read_zip64(entry, packed, at + central_size + name_size, extra_size);
    if (packed != entry.size)
      errors_.bad("{} claims {} bytes stored as {}: they must be equal", entry.name, entry.size, packed);
    return entry;
  }

  // 4.5.3: of the fields size, packed size and offset, those that are 0xffffffff, in this order.
  void read_zip64(ZipEntry& entry, uint64_t& packed, uint64_t at, uint64_t size) const {
    if (entry.size != in_zip64 && packed != in_zip64 && entry.offset != in_zip64) return;
    const uint64_t end = at + size;
    while (end - at >= 4) {
      const auto id = number<uint16_t>(at);
      const uint64_t length = number<uint16_t>(at + 2);
      at += 4;
      if (length > end - at) break;
      if (id == 1) {
        const uint64_t field_end = at + length;
        for (uint64_t* field : {&entry.size, &packed, &entry.offset}) {
          if (*field != in_zip64 || field_end - at < 8) continue;
          *field = number<uint64_t>(at);
          at += 8;
        }
        return;
      }
      at += length;
    }
  }

  // 4.3.7: the local header repeats name and extra field, with lengths of its own.
  std::span<const std::byte> locate(const ZipEntry& entry, uint64_t limit) const {
    const uint64_t at = entry.offset;
    if (at > archive_.size() || number<uint32_t>(at) != local_mark)
      errors_.bad("{} does not begin at byte {}, where the archive's directory says", entry.name, at);
    const uint64_t name = number<uint16_t>(at + 26), extra = number<uint16_t>(at + 28);
    if (text(at + local_size, name) != entry.name)
      errors_.bad("{} has another name where it lies than in the archive's directory", entry.name);
    const uint64_t begin = at + local_size + name + extra;
    if (begin > limit || entry.size > limit - begin)
      errors_.bad("{} of {} bytes at byte {} runs into what comes next in the archive", entry.name,
                  entry.size, begin);
    return archive_.subspan(begin, entry.size);
  }

  std::string text(uint64_t at, uint64_t size) const {
    if (at > archive_.size() || size > archive_.size() - at)
      errors_.bad("the archive's names point past its end");
    return {reinterpret_cast<const char*>(archive_.data()) + at, size};
  }

  const FileErrors& errors_;
  std::span<const std::byte> archive_;
};

}  // namespace

ZipEntries read_zip(const FileErrors& errors, std::span<const std::byte> archive) {
  return ZipReader(errors, archive).read();
}

}  // namespace fulmar
