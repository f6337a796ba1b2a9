// The metadata of a GGUF file: typed values by key, left where they lie in the file.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "weights/file_source.h"

namespace fulmar {

// A cursor over the file's header; everything read is checked against the file's length.
class GgufCursor {
 public:
  GgufCursor(const FileErrors& errors, std::span<const std::byte> bytes) : errors_(errors), bytes_(bytes) {}
  uint32_t u32();
  uint64_t u64();
  std::string_view text();  // a u64 length and the bytes
  std::span<const std::byte> take(uint64_t count);
  uint64_t at() const { return at_; }
  uint64_t left() const { return bytes_.size() - at_; }

 private:
  const FileErrors& errors_;
  std::span<const std::byte> bytes_;
  uint64_t at_ = 0;
};

// A value's type as the file numbers it.
enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };

struct GgufValue {
  GgufType type = GgufType::u8;
  std::string_view text = {};             // of a text
  std::span<const std::byte> bytes = {};  // of a number; of an array's elements, one after the other
  GgufType element = GgufType::u8;        // of an array
  uint64_t count = 0;                     // of an array
};

class GgufMetadata {
 public:
  // Reads `count` pairs at the cursor.
  GgufMetadata(const FileErrors& errors, GgufCursor& cursor, uint64_t count);

  const GgufValue* find(std::string_view key) const;  // null where there is no such key
  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<uint64_t> whole(std::string_view key) const;       // of any integer type, from 0
  std::optional<double> real(std::string_view key) const;          // of any number type
  std::optional<std::string> printed(std::string_view key) const;  // a text or a number as text

 private:
  std::map<std::string_view, GgufValue> values_;
};

// The tokens of a vocabulary of kind "rwkv", which llama.cpp's converter writes as the inside of Python bytes
// literals; nothing where the file has another kind, or none.
std::optional<EmbeddedVocabulary> gguf_vocabulary(const FileErrors& errors, const GgufMetadata& metadata);

}  // namespace fulmar
