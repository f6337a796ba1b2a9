// Reads the header of a safetensors file, checking every number against the file's length.
#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <limits>

#include "weights/containers.h"
#include "weights/little_endian.h"
#include "weights/safetensors_types.h"

namespace fulmar {
namespace {

// The format allows 100 MB; 65,536 tensors with names of 256 bytes take 25 MiB.
constexpr uint64_t max_header = uint64_t{32} << 20;
constexpr std::size_t max_metadata = max_tensors + 1024;  // a matrix in a block format has one
constexpr std::size_t max_dimensions = 8;

// A tensor's entry while the header is parsed.
struct Entry {
  FileTensor tensor;
  bool has_dtype = false, has_shape = false, has_offsets = false;
  std::vector<uint64_t> offsets;  // begin, end
};

// Takes the parser's events apart: { name: { "dtype": "F16", "shape": [..], "data_offsets": [b, e] }, ... }.
// Events rather than a document, because a document would silently keep one of two tensors with the same
// name.
class Handler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = 4096;
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  using error = boost::json::error_code;
  using text = boost::json::string_view;

  explicit Handler(const FileErrors& errors) : errors_(errors) {}
  std::vector<Entry> entries;
  FileSource::Metadata metadata;

  bool on_document_begin(error&) { return true; }
  bool on_document_end(error&) { return true; }
  bool on_object_begin(error&) {
    if (++depth_ == 2 && !in_metadata_) {
      refuse_too_many(errors_, entries.size());
      entries.emplace_back().tensor.name = name_;
    }
    if (depth_ > 2) wrong_value();
    return true;
  }
  bool on_object_end(std::size_t, error&) {
    --depth_;
    return true;
  }
  bool on_array_begin(error&) {
    if (depth_ != 2 || in_metadata_ || (field_ != "shape" && field_ != "data_offsets")) wrong_value();
    depth_ = 3;
    return true;
  }
  bool on_array_end(std::size_t, error&) {
    depth_ = 2;
    return true;
  }
  bool on_key_part(text part, std::size_t, error&) { return append(part); }
  bool on_key(text part, std::size_t, error&) {
    append(part);
    std::string key = std::exchange(part_, {});
    if (depth_ == 1) {
      name_ = std::move(key);
      if (name_.size() > max_tensor_name)
        errors_.bad("a tensor's name is longer than {} bytes", max_tensor_name);
      in_metadata_ = name_ == "__metadata__";
    } else {
      field_ = std::move(key);
      if (!in_metadata_) begin_field();
    }
    return true;
  }
  bool on_string_part(text part, std::size_t, error&) { return append(part); }
  bool on_string(text part, std::size_t, error&) {
    append(part);
    std::string value = std::exchange(part_, {});
    if (depth_ == 2 && in_metadata_) {
      if (metadata.size() == max_metadata) errors_.bad("the metadata has more than {} entries", max_metadata);
      if (!metadata.emplace(field_, std::move(value)).second)
        errors_.bad("the metadata has \"{}\" twice", field_);
    } else if (depth_ == 2 && field_ == "dtype") {
      set_type(std::move(value));
    } else {
      wrong_value();
    }
    return true;
  }
  bool on_number_part(text, error&) { return true; }
  bool on_int64(int64_t value, text, error&) {
    if (value < 0) wrong_value();
    return number(static_cast<uint64_t>(value));
  }
  bool on_uint64(uint64_t value, text, error&) { return number(value); }
  bool on_double(double, text, error&) { wrong_value(); }
  bool on_bool(bool, error&) { wrong_value(); }
  bool on_null(error&) { wrong_value(); }
  bool on_comment_part(text, error&) { return true; }
  bool on_comment(text, error&) { return true; }

 private:
  bool append(text part) {
    part_.append(part.data(), part.size());
    return true;
  }
  void begin_field() {
    Entry& entry = entries.back();
    bool* seen = field_ == "dtype"          ? &entry.has_dtype
                 : field_ == "shape"        ? &entry.has_shape
                 : field_ == "data_offsets" ? &entry.has_offsets
                                            : nullptr;
    if (!seen) errors_.bad("{} has an unknown field \"{}\" in the header", name_, field_);
    if (std::exchange(*seen, true)) errors_.bad("{} has \"{}\" twice in the header", name_, field_);
  }
  void set_type(std::string value) {
    FileTensor& tensor = entries.back().tensor;
    for (const SafetensorsType& type : safetensors_types)
      if (type.name == value) tensor.format = type.format;
    tensor.dtype = std::move(value);
  }
  bool number(uint64_t value) {
    if (depth_ != 3) wrong_value();
    Entry& entry = entries.back();
    std::vector<uint64_t>& list = field_ == "shape" ? entry.tensor.shape : entry.offsets;
    if (list.size() == max_dimensions) errors_.bad("{} has a \"{}\" of more than 8 numbers", name_, field_);
    list.push_back(value);
    return true;
  }
  [[noreturn]] void wrong_value() const {
    if (depth_ == 0) errors_.bad("the header is not a JSON object");
    if (depth_ == 1) errors_.bad("the header's entry for {} is not an object", name_);
    if (in_metadata_) errors_.bad("the metadata's \"{}\" is not a string", field_);
    errors_.bad("{} has a damaged \"{}\" in the header: expected {}", name_, field_,
                field_ == "dtype" ? "a string" : "a list of whole numbers from 0");
  }

  const FileErrors& errors_;
  std::string part_, name_, field_;
  int depth_ = 0;
  bool in_metadata_ = false;
};

void parse_header(const FileErrors& errors, std::string_view header,
                  boost::json::basic_parser<Handler>& parser) {
  boost::json::error_code error;
  const std::size_t used = parser.write_some(false, header.data(), header.size(), error);
  if (error) errors.bad("the header is not valid JSON near byte {}: {}", 8 + used, error.message());
  if (header.find_first_not_of(" \t\r\n", used) != std::string_view::npos)
    errors.bad("the header goes on after its JSON object ends at byte {}", 8 + used);
}

// Fills in where the tensor lies; `data` is everything behind the header.
void place(const FileErrors& errors, Entry& entry, std::span<const std::byte> data) {
  FileTensor& tensor = entry.tensor;
  if (!entry.has_dtype || !entry.has_shape || !entry.has_offsets)
    errors.bad("{} lacks \"{}\" in the header", tensor.name,
               !entry.has_dtype   ? "dtype"
               : !entry.has_shape ? "shape"
                                  : "data_offsets");
  if (entry.offsets.size() != 2)
    errors.bad("{} has {} data_offsets, expected 2", tensor.name, entry.offsets.size());
  const uint64_t begin = entry.offsets[0], end = entry.offsets[1];
  if (begin > end) errors.bad("{} ends at {}, before it begins at {}", tensor.name, end, begin);
  if (end > data.size())
    errors.bad("{} ends at byte {} of the data, but the file holds only {}: is it cut short?", tensor.name,
               end, data.size());
  if (tensor.format) {
    const uint64_t bytes =
        checked_bytes(errors, tensor.name, tensor.shape, info(*tensor.format).scalar_bytes);
    if (bytes != end - begin)
      errors.bad("{} has {} bytes, but {} of {} take {}", tensor.name, end - begin, to_string(tensor.shape),
                 tensor.dtype, bytes);
  }
  tensor.data = data.subspan(begin, end - begin);
}

// Reads "i8 [768,768]"; false where that is not what the text says.
bool parse_block_format(std::string_view text, Format& format, Shape& shape) {
  const std::size_t space = text.find(' ');
  if (space == text.npos || !text.substr(space).starts_with(" [") || !text.ends_with(']')) return false;
  const std::optional<Format> named = format_of_name(text.substr(0, space));
  if (!named || info(*named).scalar_bytes != 0) return false;
  format = *named;
  const char *at = text.data() + space + 2, *end = text.data() + text.size() - 1;
  while (at < end && shape.size() < max_dimensions) {
    const auto [next, error] = std::from_chars(at, end, shape.emplace_back());
    if (error != std::errc() || (next < end && *next != ',') || next + 1 == end) return false;
    at = next + (next < end);
  }
  return at == end && shape.size() >= 2;
}

// Bytes that the metadata says to be a matrix in a block format.
void read_block_format(const FileErrors& errors, FileTensor& tensor, const std::string& text) {
  Format format{};
  Shape shape;
  if (!parse_block_format(text, format, shape))
    errors.bad("the metadata's \"{}{}\" is \"{}\", expected a format and a shape such as \"i8 [768,768]\"",
               block_format_key, tensor.name, text);
  if (tensor.format != Format::u8 || tensor.shape.size() != 1)
    errors.bad("{} is {} of {}, but the metadata says that it holds the bytes of {}", tensor.name,
               to_string(tensor.shape), tensor.dtype, text);
  const uint64_t K = shape.back(), elements = checked_bytes(errors, tensor.name, shape, 1);
  if (elements == 0 || K % info(format).block != 0)
    errors.bad("{} cannot be {}: rows divide into blocks of {}", tensor.name, text, info(format).block);
  // Few bits a weight, but no format has less than one; so the sum below cannot overflow.
  if (elements / 8 > tensor.data.size() || info(format).matrix_bytes(elements / K, K) != tensor.data.size())
    errors.bad("{} has {} bytes, which do not make {}", tensor.name, tensor.data.size(), text);
  tensor.format = format;
  tensor.shape = std::move(shape);
}

}  // namespace

SourcePtr open_safetensors(const FileErrors& errors, FilePtr file) {
  const std::span<const std::byte> bytes = file->bytes();
  if (bytes.size() < 8) errors.bad("is only {} bytes long: too short for a safetensors file", bytes.size());
  const auto length = little_endian<uint64_t>(bytes.data());
  if (length > bytes.size() - 8)
    errors.bad("the header claims {} bytes, but the file holds only {} more: is it cut short?", length,
               bytes.size() - 8);
  if (length > max_header)
    errors.bad("the header claims {} bytes; at most {} are allowed", length, max_header);

  boost::json::parse_options options;
  options.max_depth = 4;  // one more than a header needs
  boost::json::basic_parser<Handler> parser(options, errors);
  parse_header(errors, {reinterpret_cast<const char*>(bytes.data()) + 8, length}, parser);

  std::vector<Entry>& entries = parser.handler().entries;
  for (Entry& entry : entries) place(errors, entry, bytes.subspan(8 + length));
  std::vector<FileTensor> tensors;
  tensors.reserve(entries.size());
  for (Entry& entry : entries) {
    const auto& metadata = parser.handler().metadata;
    const auto block = metadata.find(std::string(block_format_key) + entry.tensor.name);
    if (block != metadata.end()) read_block_format(errors, entry.tensor, block->second);
    tensors.push_back(std::move(entry.tensor));
  }
  refuse_overlaps(errors, tensors);
  return std::make_shared<const FileSource>(errors, std::move(file), std::move(tensors),
                                            std::move(parser.handler().metadata));
}

}  // namespace fulmar
