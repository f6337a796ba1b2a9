// Tokenizers written as JSON: tells their kinds apart and reads those that are lists of texts.
#pragma once
#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace fulmar {

// A file of one of these kinds:
// - tokenizer.json of Hugging Face's tokenizers whose model is a RwkvTrie: the longest match over World's
// texts, each
//   spelled in the byte alphabet;
// - ai00's and web-rwkv's, {"ID": "TEXT" or [BYTE, ...]};
// - tokenizer.json of a byte-level BPE, see bpe.h.
// In the first two the id 0 of "<|endoftext|>" ends a text and has none. Throws Error(bad_file) or
// Error(unsupported).
std::shared_ptr<const Tokenizer> parse_json_tokenizer(std::string_view file, const std::string& name);

// Calls `use` with the file's object. Throws Error(bad_file) where it is none, or has more than
// max_bpe_json_bytes.
void with_json_object(std::string_view file, const std::string& name,
                      const std::function<void(const boost::json::object&)>& use);

}  // namespace fulmar
