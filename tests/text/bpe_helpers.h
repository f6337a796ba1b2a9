// A tokenizer.json made for a test: all single bytes, and the merges and added tokens it names.
#pragma once
#include <array>
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fulmar::test {

// How byte-level vocabularies spell a byte: printable Latin-1 as itself, the rest from U+0100 up.
inline std::string spell(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    unsigned code = byte, hidden = 0;
    const auto printable = [](unsigned b) { return (b >= 33 && b <= 126) || (b >= 161 && b != 173); };
    for (unsigned b = 0; b < byte; ++b) hidden += !printable(b);
    if (!printable(byte)) code = 256 + hidden;
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else {
      text += static_cast<char>(0xc0 | code >> 6);
      text += static_cast<char>(0x80 | (code & 63));
    }
  }
  return text;
}

using Merges = std::vector<std::pair<std::string, std::string>>;  // in bytes
struct AddedToken {
  std::string text;
  int id;
  bool normalized;
  bool special = false;
};

// Byte b has id b, the first result that is new has id 256, and so on.
inline boost::json::object bpe_file(const Merges& merges, const std::vector<AddedToken>& added = {},
                                    bool nfc = true) {
  boost::json::object vocab;
  for (int byte = 0; byte < 256; ++byte) vocab[spell(std::string(1, static_cast<char>(byte)))] = byte;
  boost::json::array lines, extra;
  for (const auto& [left, right] : merges) {
    lines.emplace_back(spell(left) + " " + spell(right));
    vocab.insert({{spell(left + right), vocab.size()}});
  }
  for (const AddedToken& token : added) {
    extra.push_back({{"id", token.id},
                     {"content", token.text},
                     {"normalized", token.normalized},
                     {"special", token.special}});
  }
  boost::json::value normalizer = nullptr;
  if (nfc) normalizer = {{"type", "NFC"}};
  return {{"added_tokens", extra},
          {"normalizer", normalizer},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", lines}}}};
}

}  // namespace fulmar::test
