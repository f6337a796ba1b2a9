// Sampling tensors; see fingerprint.h.
#include "model/fingerprint.h"

#include <algorithm>
#include <cstring>

namespace fulmar {
namespace {

constexpr uint64_t small = 1 << 16;     // elements
constexpr size_t piece = 1024, pieces = 4;  // bytes of a tensor that are looked at, if it has more
constexpr size_t some_large = 16, some_adapted = 8;
constexpr size_t vocabulary_bytes = 4;  // of a fingerprint

void add(TokenHash& hash, std::span<const std::byte> bytes) {
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), sizeof(Token)))) {
    Token word = 0;
    std::memcpy(&word, bytes.data(), std::min(bytes.size(), sizeof word));
    hash.add(word);
  }
}

void add(TokenHash& hash, std::string_view text) {
  hash.add(static_cast<Token>(text.size()));
  add(hash, std::as_bytes(std::span(text)));
}

void add_pieces(TokenHash& hash, const Tensor& tensor) {
  const std::span<const std::byte> data = tensor.data;
  if (data.size() <= pieces * piece) return add(hash, data);
  for (size_t i = 0; i < pieces; ++i) add(hash, data.subspan((data.size() - piece) / (pieces - 1) * i, piece));
}

// So many of them, spread evenly.
std::vector<std::string> spread(const std::vector<std::string>& names, size_t count) {
  std::vector<std::string> some;
  for (size_t i = 0; i < std::min(count, names.size()); ++i)
    some.push_back(names[i * names.size() / std::min(count, names.size())]);
  return some;
}

}  // namespace

Fingerprint fingerprint_of(const ModelSource& source) {
  TokenHash hash;
  std::vector<std::string> names = source.file->names(), large, adapted;
  std::ranges::sort(names);  // the order in a file is no part of a model
  for (const std::string& name : names) {
    const auto tensor = source.file->info(name);
    if (!tensor) continue;
    add(hash, name);
    add(hash, info(tensor->format).name);
    add(hash, to_string(tensor->shape));
    if (element_count(tensor->shape) <= small)
      add_pieces(hash, source.file->load(name));
    else
      large.push_back(name);
    if (source.adapted->changes(name)) adapted.push_back(name);
  }
  for (const std::string& name : spread(large, some_large)) add_pieces(hash, source.file->load(name));
  for (const std::string& name : adapted) add(hash, name);
  for (const std::string& name : spread(adapted, some_adapted)) add_pieces(hash, source.adapted->load(name));
  return hash.value();
}

Bytes16 hash_of(const Tokenizer& tokenizer) {
  TokenHash hash;
  for (Token token = 0; token < tokenizer.size(); ++token) {
    hash.add(static_cast<Token>(tokenizer.bytes(token).size()));
    for (const char byte : tokenizer.bytes(token)) hash.add(static_cast<Token>(static_cast<unsigned char>(byte)));
  }
  return hash.value();
}

Fingerprint joined(Fingerprint weights, const Bytes16& vocabulary) {
  std::copy_n(vocabulary.bytes.begin(), vocabulary_bytes, weights.bytes.end() - vocabulary_bytes);
  return weights;
}

bool is_of_vocabulary(const Fingerprint& joined, const Bytes16& vocabulary) {
  return std::equal(joined.bytes.end() - vocabulary_bytes, joined.bytes.end(), vocabulary.bytes.begin());
}

}  // namespace fulmar
