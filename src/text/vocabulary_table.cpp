// Reads the compact vocabulary table: sorted tokens, each as what differs from the one before.
#include <vector>

#include "base/fail.h"
#include "text/vocabulary.h"

namespace fulmar {
namespace {

// A cursor over the file that never leaves it.
class TableReader {
 public:
  TableReader(std::string_view file, const std::string& name) : file_(file), name_(name) {}

  std::string_view take(uint64_t count) {
    if (count > file_.size() - at_) refuse("the table is cut short");
    const std::string_view part = file_.substr(at_, count);
    at_ += count;
    return part;
  }
  uint64_t fixed(std::size_t bytes) {
    uint64_t value = 0;
    const std::string_view part = take(bytes);
    for (std::size_t i = 0; i < bytes; ++i) value |= uint64_t{static_cast<unsigned char>(part[i])} << (8 * i);
    return value;
  }
  // Seven bits a byte, lowest first; the top bit says that more follow. At most 32 bits.
  uint32_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      if (at_ == file_.size()) refuse("the table is cut short");
      const auto byte = static_cast<unsigned char>(file_[at_++]);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        if (value > 0xffffffffu) break;
        return static_cast<uint32_t>(value);
      }
    }
    refuse("a number has more than 32 bits");
  }
  std::string_view rest() const { return file_.substr(at_); }
  [[noreturn]] void refuse(std::string_view reason) const {
    fail(ErrorKind::bad_file, "{}: damaged vocabulary table at byte {}: {}", name_, at_, reason);
  }

 private:
  std::string_view file_;
  const std::string& name_;
  std::size_t at_ = 0;
};

uint64_t fnv1a(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

Vocabulary parse_vocabulary_table(std::string_view file, const std::string& name) {
  TableReader reader(file, name);
  if (reader.take(vocabulary_magic.size()) != vocabulary_magic) reader.refuse("the magic is not there");
  const uint64_t count = reader.fixed(4), payload = reader.fixed(4), checksum = reader.fixed(8);
  if (payload != reader.rest().size()) {
    reader.refuse(fmt::format("{} bytes follow, the header says {}", reader.rest().size(), payload));
  }
  if (fnv1a(reader.rest()) != checksum) reader.refuse("the checksum does not fit");
  constexpr std::size_t smallest_record = 4;  // three varints and a byte
  if (count == 0 || count > payload / smallest_record) {
    reader.refuse(fmt::format("{} tokens cannot be in {} bytes", count, payload));
  }

  Vocabulary vocabulary;
  vocabulary.entries.reserve(count);
  vocabulary.text.reserve(payload);
  std::vector<bool> used;
  Vocabulary::Entry last;
  for (uint64_t i = 0; i < count; ++i) {
    const uint32_t id = reader.varint(), shared = reader.varint();
    const std::string_view rest = reader.take(reader.varint());
    if (id > static_cast<uint32_t>(max_token_id)) reader.refuse(fmt::format("id {} is too large", id));
    if (id >= used.size()) used.resize(id + 1);
    if (used[id]) reader.refuse(fmt::format("id {} is given twice", id));
    used[id] = true;
    if (shared > last.length) reader.refuse("a token shares more bytes than the one before has");
    if (shared + rest.size() > max_token_bytes ||
        vocabulary.text.size() + shared + rest.size() > max_token_bytes_together)
      reader.refuse("the tokens are too long");
    // Ascending and without twins: after the shared bytes, this token's byte is the larger one.
    const std::string_view before = vocabulary.bytes(last);
    if (rest.empty() || (shared < last.length &&
                         static_cast<unsigned char>(before[shared]) >= static_cast<unsigned char>(rest[0]))) {
      reader.refuse("the tokens are not sorted");
    }
    const auto begin = static_cast<uint32_t>(vocabulary.text.size());
    vocabulary.text.append(vocabulary.text, last.begin, shared);
    vocabulary.text.append(rest);
    last = {static_cast<Token>(id), begin, shared + static_cast<uint32_t>(rest.size())};
    vocabulary.entries.push_back(last);
  }
  if (!reader.rest().empty()) reader.refuse("bytes are left over after the last token");
  return vocabulary;
}

}  // namespace fulmar
