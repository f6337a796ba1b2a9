// Chooses each tensor's format, then hands over to the container's writer; see conversion.h.
#include "model/conversion.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "model/carried.h"
#include "model/gguf_head.h"
#include "model/model_folder.h"
#include "model/strategy.h"
#include "rwkv/config.h"
#include "rwkv/tensors.h"
#include "weights/ggml_types.h"
#include "weights/gguf_layout.h"

namespace fulmar {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return matches(pattern.substr(1), text) || (!text.empty() && matches(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         matches(pattern.substr(1), text.substr(1));
}

Format parse_type(const std::string& word, bool gguf) {
  std::optional<Format> format = format_of_name(word);
  if (!format) format = format_of_precision(word);
  if (!format)
    fail(ErrorKind::misuse, "there is no type '{}'; types are {}", word,
         fmt::join(writable_types(gguf), ", "));
  if (gguf && !ggml_of_format(*format))
    fail(ErrorKind::misuse, "GGUF has no type '{}'; it has {}; a .safetensors file can hold {}", word,
         fmt::join(writable_types(true), ", "), word);
  return *format;
}

// Decides in which format each tensor is written.
class Types {
 public:
  Types(const ConvertOptions& options, const rwkv::Config& config, const Source& source, bool gguf)
      : gguf_(gguf) {
    if (!options.type.empty()) type_ = parse_type(options.type, gguf);
    for (const TypeFor& t : options.type_for) wanted_.push_back({t.pattern, parse_type(t.type, gguf)});
    for (const rwkv::NeededTensor& needed : rwkv::needed_tensors(config, source))
      if (rwkv::canonical_shape(needed).size() == 2) matrices_.insert(needed.stored);
  }

  // Matrices whose rows do not divide into the blocks of the type that was asked for.
  std::size_t undivided() const { return undivided_.size(); }
  std::string type() const { return type_ ? std::string(info(*type_).name) : std::string(); }

  // `name` is BlinkDL's, `written` the container's; `tensor` as it is to be written but for the format.
  Format of(const std::string& name, const std::string& written, const TensorRef& tensor) {
    const Format chosen = choose(name, written, tensor);
    if (gguf_ && !ggml_of_format(chosen))
      fail(ErrorKind::misuse, "{} is in {}, which GGUF does not have; give --type one of {}", name,
           info(chosen).name, fmt::join(writable_types(true), ", "));
    return chosen;
  }

 private:
  struct Wanted {
    std::string pattern;
    Format format;
  };

  Format choose(const std::string& name, const std::string& written, const TensorRef& tensor) {
    const Format own = info(tensor.format).encode_row ? tensor.format : Format::f32;
    const bool matrix = matrices_.contains(name) && tensor.shape.size() == 2;
    for (const Wanted& wanted : wanted_)
      if (matches(wanted.pattern, name) || matches(wanted.pattern, written)) {
        const bool fits = matrix && tensor.shape[1] % info(wanted.format).block == 0;
        return is_block(wanted.format) && !fits ? own : wanted.format;
      }
    if (!matrices_.contains(name) || !type_) return type_ == Format::f32 ? Format::f32 : own;
    StrategyPart rule;
    if (!is_block(*type_)) {
      rule.base = type_;
    } else {
      if (!is_block(own) && info(own).scalar_bytes > 2) rule.base = Format::f16;
      // Tables that are looked up are read a row a token from the file. They take no memory on a device and
      // no time, so they keep their precision.
      if (matrix && !name.ends_with("emb.weight")) rule.matrices = type_;
      if (name.ends_with(".weight") && tensor.shape.back() % info(*type_).block != 0) undivided_.insert(name);
    }
    return choose_format(rule, name, tensor.format, static_cast<uint32_t>(tensor.shape.back()));
  }

  bool gguf_;
  std::optional<Format> type_;
  std::vector<Wanted> wanted_;
  std::set<std::string, std::less<>> matrices_, undivided_;
};

void to_safetensors(const ConvertOptions& options, const Source& source, const ModelFolder& folder,
                    Types& types, AtomicFile& file) {
  std::vector<OutTensor> tensors;
  for (const std::string& name : source.names())
    tensors.push_back({name, types.of(name, name, *source.info(name))});
  std::map<std::string, std::string> metadata = carried_texts(folder);
  metadata["format"] = "pt";  // which other readers ask for
  metadata[inner_name_key] = replace_bad_utf8(carried_name(folder));
  if (const uint32_t context = trained_context(folder, source).tokens)
    metadata[trained_context_key] = std::to_string(context);
  for (const char* key : {"gn_eps", "ln_eps"})
    if (const auto value = source.metadata(key)) metadata[key] = *value;
  write_safetensors(source, tensors, metadata, file, options.progress);
}

void to_gguf(const ConvertOptions& options, const SourcePtr& source, const ModelFolder& folder,
             const rwkv::Config& config, Types& types, AtomicFile& file) {
  const GgufHead head = gguf_head(options, *source, folder, config);
  const GgufLayout layout = gguf_layout(source, config.version == rwkv::Version::v7, config.N);
  std::vector<OutTensor> tensors;
  for (const GgufTensor& tensor : layout.tensors) {
    const TensorRef found = *layout.source->info(tensor.name);
    tensors.push_back({tensor.name, tensor.f32 ? Format::f32 : types.of(tensor.from, tensor.name, found)});
  }
  write_gguf(*layout.source, tensors, head, file, options.progress);
}

}  // namespace

std::vector<std::string> writable_types(bool gguf) {
  std::vector<std::string> names;
  for (const Format format : matrix_formats())
    if (!gguf || ggml_of_format(format)) names.emplace_back(info(format).name);
  return names;
}

void convert(const ConvertOptions& options) {
  const std::string ending = lower_ascii(options.out.extension().string());
  const bool gguf = ending == ".gguf";
  if (!gguf && ending != ".safetensors" && ending != ".st")
    fail(ErrorKind::misuse, "{}: the name must end in .safetensors or .gguf, which says what to write",
         to_utf8(options.out));
  if (!options.type.empty()) parse_type(options.type, gguf);  // before a large file is opened
  AtomicFile file(options.out,
                  options.replace ? AtomicFile::Existing::replace : AtomicFile::Existing::refuse);
  const SourcePtr source = open_weights(options.in);
  const rwkv::Config config = rwkv::detect(*source);
  Types types(options, config, *source, gguf);
  const ModelFolder folder = look_around(options.in, *source);
  if (gguf)
    to_gguf(options, source, folder, config, types, file);
  else
    to_safetensors(options, *source, folder, types, file);
  if (const std::string changed = changed_mapped_file(); !changed.empty())
    fail(ErrorKind::bad_file, "{}: the file changed while it was read: nothing was written", changed);
  file.commit();
  if (!gguf) carry_vocabulary(options, *source, folder);
  if (types.undivided() > 0)
    options.note(
        fmt::format("the rows of {} matrices do not divide into blocks of {}: they keep 16 bits or more",
                    types.undivided(), types.type()));
}

}  // namespace fulmar
