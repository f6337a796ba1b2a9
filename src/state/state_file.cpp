// Writing a state and reading one that may be anything; see state_file.h.
#include "state/state_file.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <map>

#include "base/checksum.h"
#include "base/fail.h"
#include "base/half.h"
#include "base/pages.h"
#include "base/utf8.h"
#include "fulmar/state_store.h"
#include "weights/containers.h"
#include "weights/safetensors_head.h"

namespace fulmar {
namespace {

constexpr std::string_view format_name = "fulmar state";
constexpr uint64_t newest_version = 1;

// Of everything that the file says but the checksum itself.
std::string checksum_of(const std::map<std::string, std::string>& metadata, std::span<const std::byte> floats,
                        std::span<const std::byte> unfed) {
  uint64_t sum = 0;
  for (const auto& [key, value] : metadata) {
    const std::string line = fmt::format("{}={}\n", key, value);
    sum = checksum64(std::as_bytes(std::span(line)), sum);
  }
  return fmt::format("{:016x}", checksum64(unfed, checksum64(floats, sum)));
}

const char* word_of(StatePrecision precision) {
  return precision == StatePrecision::f16 ? "f16" : "f32";
}

std::map<std::string, std::string> described(const State& state, StatePrecision precision, std::string_view session) {
  return {{"format", std::string(format_name)},
          {"version", std::to_string(newest_version)},
          {"fingerprint", state.model.hex()},
          {"fed", std::to_string(state.fed)},
          {"token_hash", state.hash.value().hex()},
          {"precision", word_of(precision)},
          {"session", std::string(session)}};
}

// Where a float is infinite or no number; the size where none is.
size_t first_not_finite(std::span<const float> floats) {
  constexpr uint32_t exponent = 0x7f800000;
  constexpr size_t block = 4096;  // within which the compiler takes several at once
  for (size_t begin = 0; begin < floats.size(); begin += block) {
    const std::span<const float> part = floats.subspan(begin, std::min(block, floats.size() - begin));
    uint32_t bad = 0;
    for (const float f : part) bad |= (std::bit_cast<uint32_t>(f) & exponent) == exponent ? 1u : 0u;
    if (bad == 0) continue;
    for (size_t i = 0; i < part.size(); ++i)
      if ((std::bit_cast<uint32_t>(part[i]) & exponent) == exponent) return begin + i;
  }
  return floats.size();
}

std::vector<std::byte> halves_of(std::span<const float> floats) {
  std::vector<std::byte> bytes(floats.size() * 2);
  for (size_t i = 0; i < floats.size(); ++i) {
    const uint16_t half = f32_to_f16(floats[i]);
    if ((half & 0x7c00) == 0x7c00)
      fail(ErrorKind::unsupported, "the state cannot be written as f16: number {} of it is {}, and f16 ends at 65504; "
           "write it as f32", i, floats[i]);
    std::memcpy(&bytes[2 * i], &half, 2);
  }
  return bytes;
}

void refuse_what_is_not_finite(const State& state) {
  const size_t bad = first_not_finite(state.floats);
  if (bad < state.floats.size())
    fail(ErrorKind::unsupported, "the state cannot be written: number {} of it is {}", bad, state.floats[bad]);
}

// The file up to its floats, which are in the precision's format.
std::string head_of(const State& state, StatePrecision precision, std::string_view session,
                    std::span<const std::byte> floats) {
  const std::span<const std::byte> unfed = std::as_bytes(std::span(state.unfed));
  std::vector<SafetensorsEntry> entries;
  if (!floats.empty())
    entries.push_back({"state", precision == StatePrecision::f16 ? Format::f16 : Format::f32, {state.floats.size()},
                       floats.size()});
  if (!unfed.empty()) entries.push_back({"unfed", Format::i32, {state.unfed.size()}, unfed.size()});
  std::map<std::string, std::string> metadata = described(state, precision, session);
  metadata["checksum"] = checksum_of(metadata, floats, unfed);
  return safetensors_head(entries, metadata);
}

// Without filling the numbers with zeros first, which costs as much as copying them.
void copy_floats(const Tensor& tensor, std::vector<float>& floats) {
  const std::byte* const at = tensor.data.data();
  if (tensor.format != Format::f32 || reinterpret_cast<uintptr_t>(at) % alignof(float) != 0) {
    floats = to_floats(tensor);
    return;
  }
  const auto* const first = reinterpret_cast<const float*>(at);
  floats.reserve(tensor.data.size() / sizeof(float));
  use_large_pages(floats.data(), tensor.data.size());
  floats.assign(first, first + tensor.data.size() / sizeof(float));
}

// A state file while it is read.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& label) : errors_{label} {
    if (bytes.size() < 9 || bytes[8] != std::byte{'{'}) errors_.bad("is no state: it does not begin as safetensors do");
    source_ = open_safetensors(errors_, std::make_shared<const MappedFile>(bytes));
    uint64_t header = 0;  // which open_safetensors() has found to fit
    std::memcpy(&header, bytes.data(), sizeof header);
    header_ = sizeof header + header;
    size_ = bytes.size();
  }

  ReadState read() {
    if (source_->metadata("format").value_or("") != format_name)
      errors_.bad("is no state that was exported: the metadata's \"format\" is {}, expected \"{}\" (a tuned state of a "
                  "trainer is given as --state)", shown(source_->metadata("format").value_or("missing")), format_name);
    const uint64_t version = number("version");
    if (version > newest_version)
      errors_.unsupported("is a state of version {}, and this program knows {}: a newer program wrote it, take that",
                          version, newest_version);
    if (version == 0) errors_.bad("the metadata's \"version\" is 0, and the first one was 1");
    ReadState made;
    made.state = std::make_shared<State>();
    State& state = *made.state;
    state.model = digits("fingerprint");
    state.hash = TokenHash::from(digits("token_hash"));
    state.fed = number("fed");
    made.session = text("session");
    check_session(made.session);
    Tensor floats, unfed;
    for (const std::string& name : source_->names()) {
      if (name != "state" && name != "unfed") errors_.bad("{} is no part of a state", shown(name));
      Tensor& tensor = name == "state" ? floats : unfed;
      tensor = source_->load(name);
      if (tensor.shape.size() != 1)
        errors_.bad("{} has the shape {}, expected one extent", name, to_string(tensor.shape));
    }
    const std::string precision = text("precision");
    if (precision != "f32" && precision != "f16")
      errors_.bad("the metadata's \"precision\" is {}, expected f32 or f16", shown(precision));
    made.precision = precision == "f16" ? StatePrecision::f16 : StatePrecision::f32;
    if (floats.owner && info(floats.format).name != precision)
      errors_.bad("state holds {}, but the metadata says {}", info(floats.format).name, precision);
    if (unfed.owner && unfed.format != Format::i32) errors_.bad("unfed holds {}, expected I32", info(unfed.format).name);
    if (state.fed > 0 && floats.data.empty())
      errors_.bad("{} tokens are said to be in it, but it has no floats", state.fed);

    if (const size_t whole = header_ + floats.data.size() + unfed.data.size(); whole != size_)
      errors_.bad("has {} bytes, expected the {} of its header and its numbers", size_, whole);
    const std::string sum = checksum_of(described(state, made.precision, made.session), floats.data, unfed.data);
    if (const std::string told = text("checksum"); std::string_view(told) != sum)
      errors_.bad("is damaged: its checksum is {}, that of what it holds {}", shown(told), sum);
    if (!floats.data.empty()) copy_floats(floats, state.floats);
    const size_t bad = first_not_finite(state.floats);
    if (bad < state.floats.size()) errors_.bad("number {} of the state is {}", bad, state.floats[bad]);
    state.unfed.resize(unfed.data.size() / sizeof(Token));
    if (!unfed.data.empty()) std::memcpy(state.unfed.data(), unfed.data.data(), unfed.data.size());
    for (const Token token : state.unfed)
      if (token < 0) errors_.bad("has the unfed token {}, and tokens are numbers from 0", token);
    return made;
  }

 private:
  static std::string shown(std::string_view words) {
    constexpr size_t most = 100;
    return '"' + escape_controls(words.substr(0, most)) + (words.size() > most ? "\"..." : "\"");
  }

  std::string text(const char* key) const {
    std::optional<std::string> found = source_->metadata(key);
    if (!found) errors_.bad("the metadata's \"{}\" is missing", key);
    return std::move(*found);
  }
  uint64_t number(const char* key) const {
    const std::string words = text(key);
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), value);
    // Tokens are counted in 63 bits elsewhere.
    if (error != std::errc() || end != words.data() + words.size() || value >> 62 != 0 || words != std::to_string(value))
      errors_.bad("the metadata's \"{}\" is {}, expected a whole number", key, shown(words));
    return value;
  }
  Bytes16 digits(const char* key) const {
    const std::string words = text(key);
    const std::optional<Bytes16> value = Bytes16::from_hex(words);
    if (!value) errors_.bad("the metadata's \"{}\" is {}, expected 32 digits of hexadecimal", key, shown(words));
    return *value;
  }
  void check_session(const std::string& session) const {
    if (session.empty()) return;
    try {
      check_session_id(session);
    } catch (const Error& error) {
      errors_.bad("the metadata's \"session\" is no name: {}", error.what());
    }
  }

  FileErrors errors_;
  SourcePtr source_;
  size_t header_ = 0, size_ = 0;  // bytes
};

}  // namespace

std::vector<std::byte> write_state(const State& state, StatePrecision precision, std::string_view session) {
  refuse_what_is_not_finite(state);
  const bool half = precision == StatePrecision::f16;
  const std::vector<std::byte> halves = half ? halves_of(state.floats) : std::vector<std::byte>();
  const std::span<const std::byte> floats = half ? std::span(halves) : std::as_bytes(std::span(state.floats));
  const std::span<const std::byte> unfed = std::as_bytes(std::span(state.unfed));
  const std::string head = head_of(state, precision, session, floats);
  std::vector<std::byte> bytes;
  bytes.reserve(head.size() + floats.size() + unfed.size());
  for (const std::span<const std::byte> part : {std::as_bytes(std::span(head)), floats, unfed})
    bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

StateImage::StateImage(StatePtr state) : state_(std::move(state)) {
  refuse_what_is_not_finite(*state_);
  head_ = head_of(*state_, StatePrecision::f32, {}, std::as_bytes(std::span(state_->floats)));
}

std::array<std::span<const std::byte>, 3> StateImage::runs() const {
  return {std::as_bytes(std::span(head_)), std::as_bytes(std::span(state_->floats)), std::as_bytes(std::span(state_->unfed))};
}

uint64_t StateImage::size() const {
  uint64_t size = 0;
  for (const std::span<const std::byte> run : runs()) size += run.size();
  return size;
}

std::span<const std::byte> StateImage::piece(uint64_t begin, size_t count, std::vector<std::byte>& room) const {
  room.clear();
  for (const std::span<const std::byte> run : runs()) {
    if (begin >= run.size()) {
      begin -= run.size();
      continue;
    }
    const auto here = run.subspan(begin, std::min<size_t>(count - room.size(), run.size() - begin));
    if (here.size() == count) return here;
    room.insert(room.end(), here.begin(), here.end());
    if (room.size() == count) break;
    begin = 0;
  }
  return room;
}

ReadState read_state(std::span<const std::byte> bytes, const std::string& label) {
  return Reader(bytes, label).read();
}

void refuse_foreign(const State& state, const Fingerprint& model, uint64_t model_floats, const std::string& label) {
  if (state.model != model)
    fail(ErrorKind::bad_file, "{}: is a state of the model {}, and this is {}: weights, adapters or vocabulary differ",
         label, state.model.hex(), model.hex());
  if (!state.floats.empty() && state.floats.size() != model_floats)
    fail(ErrorKind::bad_file, "{}: is a state of {} numbers, and this model's has {}", label, state.floats.size(),
         model_floats);
}

}  // namespace fulmar
