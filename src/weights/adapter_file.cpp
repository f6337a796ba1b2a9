// Names as trainers write them (RWKV-PEFT: blocks.3.att.key.lora_A; PEFT:
// base_model.model.<...>.lora_A.weight), held against the model's own.
#include "weights/adapter_file.h"

#include <algorithm>
#include <array>

#include "weights/names.h"

namespace fulmar {
namespace {

using ChangeKind = MatrixChange::Kind;

struct Mode {
  std::string_view word;
  std::vector<ChangeKind> kinds;
};

const Mode& mode_of(const OpenAdapter& adapter) {
  static const std::vector<ChangeKind> all = {ChangeKind::lora, ChangeKind::dora, ChangeKind::pissa, ChangeKind::bone, ChangeKind::disha};
  // Whether a LoRA file is DoRA shows by its magnitudes, so the mode of one takes the other.
  static const std::vector<Mode> modes = {{"auto", all},
                                          {"hybrid", all},
                                          {"lora", {ChangeKind::lora, ChangeKind::dora}},
                                          {"dora", {ChangeKind::dora}},
                                          {"bone", {ChangeKind::bone, ChangeKind::disha}},
                                          {"disha", {ChangeKind::bone, ChangeKind::disha}},
                                          {"pissa", {ChangeKind::pissa}},
                                          {"mole", {}}};
  if (adapter.mode.empty()) return modes[0];
  for (const Mode& mode : modes)
    if (mode.word == adapter.mode) return mode;
  std::vector<std::string_view> words;
  for (const Mode& mode : modes) words.push_back(mode.word);
  fail(ErrorKind::misuse, "{}: there is no adapter mode '{}'; modes are {}", adapter.file->label(),
       adapter.mode, fmt::join(words, ", "));
}

// The pieces of a matrix's adapter, by the last words of their names.
constexpr std::array pieces = {"lora_A", "lora_B", "lora_M", "init_lora_A", "init_lora_B", "bone", "disha"};

// "blocks.0.att.key.lora_A.default.weight" -> "blocks.0.att.key" and "lora_A"; an empty piece for names that
// have none of them.
std::pair<std::string_view, std::string_view> split_piece(std::string_view name) {
  for (const std::string_view tail : {".default.weight", ".default", ".weight", ""}) {
    if (!name.ends_with(tail)) continue;
    const std::string_view head = name.substr(0, name.size() - tail.size());
    const std::size_t dot = head.rfind('.');
    if (dot == head.npos) continue;
    const auto piece = std::find(pieces.begin(), pieces.end(), head.substr(dot + 1));
    if (piece != pieces.end()) return {head.substr(0, dot), *piece};
  }
  return {name, {}};
}

// Tensors that a model need not have and that mean something where they are: a tuned initial state; layer 0's
// value residual, which trainers write and no model uses.
bool may_be_added(std::string_view name) {
  if (name.starts_with("blocks.0.att.v") && name.size() == 15) return name[14] >= '0' && name[14] <= '2';
  return name.starts_with("blocks.") && name.ends_with(".att.time_state");
}

Shape without_ones(Shape shape) {
  while (shape.size() > 1 && shape[0] == 1) shape.erase(shape.begin());
  return shape;
}

// Mixtures of LoRA experts stay apart from the matrices they belong to: a token decides which of them it has.
bool is_mixture(std::string_view name) {
  return name.find(".ffn.expert_") != name.npos || name.find(".ffn.router.") != name.npos ||
         name.ends_with("moe_info");
}

// One adapter: a file, or the files of a PiSSA that belong together.
class PairReader {
 public:
  PairReader(const Source& model, const OpenAdapter& adapter)
      : model_(model), adapter_(adapter), mode_(mode_of(adapter)) {}

  void add(const SourcePtr& file) {
    const FileErrors errors{file->label()};
    if (label_.empty()) label_ = errors.label;
    const std::vector<std::string> names = file->names();
    if (names.empty()) errors.bad("holds no tensors: it is no adapter");
    for (const std::string& full : names) {
      const auto [name, piece] = split_piece(without_adapter_wrappers(full));
      require_floats(errors, *file, full);
      if (!piece.empty()) {
        auto& found = matrices_[std::string(name)];
        if (!found.emplace(piece, AdapterTensor{file, full}).second)
          errors.bad("{} is there twice, under other names or in another file", full);
      } else {
        place_whole(errors, file, full, std::string(name));
      }
    }
  }

  AdapterContents finish() {
    check_mixture();
    for (const auto& [prefix, found] : matrices_) {
      const std::string name = prefix + ".weight";
      const auto& [piece, tensor] = *found.begin();
      const FileErrors errors{tensor.file->label()};
      const auto matrix = model_.info(name);
      if (!matrix && prefix.find("_lora.lora.") != prefix.npos)
        errors.unsupported("{} changes a small factor, which only PEFT can merge: merge the adapter with it",
                           original(tensor.name));
      if (!matrix)
        errors.bad("{}: the model {} has no {}: this adapter is for another model", tensor.name,
                   model_.label(), name);
      if (matrix->shape.size() != 2 || element_count(matrix->shape) == 0)
        errors.bad("{}: the model's {} is {}, no matrix that an adapter can change", tensor.name, name,
                   to_string(matrix->shape));
      if (contents_.replaced.contains(name))
        errors.bad("{} is there beside {}: one of the two must be left out", tensor.name, name);
      MatrixChange change = change_of(errors, prefix, found);
      if (std::find(mode_.kinds.begin(), mode_.kinds.end(), change.kind) == mode_.kinds.end())
        errors.bad("{} is {}, which adapter mode {} does not take: use mode {}", tensor.name,
                   word(change.kind), mode_.word, word(change.kind));
      check(errors, change, name, matrix->shape);
      if (change.kind == ChangeKind::lora || change.kind == ChangeKind::dora)
        change.s = strength(errors, change) * adapter_.scale;
      else if (adapter_.scale != 1)
        fail(ErrorKind::bad_request, "{}: {} is {}, which counts wholly or not at all: its scale is 1 or 0", errors.label, tensor.name,
             word(change.kind));
      contents_.changes.emplace(name, std::move(change));
    }
    return std::move(contents_);
  }

 private:
  using Found = std::map<std::string_view, AdapterTensor>;  // by piece

  // RWKV's servers load mixtures under the names of their parts' kinds.
  void check_mixture() const {
    const bool wanted = mode_.word == "mole";
    const bool allowed = wanted || mode_.word == "auto" || mode_.word == "hybrid" || mode_.word == "lora" ||
                         mode_.word == "bone";
    if (wanted && mixture_.name.empty())
      fail(ErrorKind::bad_file, "{}: is no mixture of experts: it has no tensors blocks.0.ffn.expert_0",
           label_);
    if (!allowed && !mixture_.name.empty())
      fail(ErrorKind::bad_file,
           "{}: {} is part of a mixture, which adapter mode {} does not take: use mode mole", label_,
           mixture_.name, mode_.word);
  }

  static std::string_view word(ChangeKind kind) {
    constexpr std::string_view words[] = {"lora", "dora", "pissa", "bone", "disha"};
    return words[static_cast<std::size_t>(kind)];
  }

  static void require_floats(const FileErrors& errors, const Source& file, const std::string& name) {
    const FormatInfo& format = info(file.info(name)->format);
    if (&format != &info(Format::f64) && !format.decode_row)
      errors.bad("{} holds {}, expected floats", name, format.name);
  }

  void place_whole(const FileErrors& errors, const SourcePtr& file, const std::string& full,
                   std::string name) {
    const auto own = model_.info(name);
    const Shape shape = file->info(full)->shape;
    if (own && without_ones(own->shape) != without_ones(shape))
      errors.bad("{} is {}, but the model's is {}: this adapter is for another model", full, to_string(shape),
                 to_string(own->shape));
    if (is_mixture(name)) mixture_ = {file, full};
    if (!own && !may_be_added(name) && !is_mixture(name))
      errors.bad(
          "{} belongs to nothing in the model {}: this adapter is for another model, or of a kind that "
          "is not supported",
          full, model_.label());
    auto& list = own ? contents_.replaced : contents_.added;
    if (!list.emplace(std::move(name), AdapterTensor{file, full}).second)
      errors.bad("{} is there twice, under other names or in another file", full);
  }

  MatrixChange change_of(const FileErrors& errors, const std::string& prefix, const Found& found) const {
    const auto has = [&](std::string_view piece) { return found.contains(piece); };
    const auto take = [&](std::string_view piece) {
      const auto at = found.find(piece);
      if (at == found.end())
        errors.bad("{}.{} is missing beside {}", prefix, piece, found.begin()->second.name);
      return at->second;
    };
    MatrixChange change;
    if (has("bone") || has("disha")) {
      if (found.size() > 1)
        errors.bad("{} has {} tensors of several kinds of adapters: it must be one kind", prefix,
                   found.size());
      change.D = found.begin()->second;
      change.kind = shape_of(change.D).size() == 3 ? ChangeKind::bone : ChangeKind::disha;
      return change;
    }
    if (has("init_lora_A") || has("init_lora_B") || mode_.word == "pissa") {
      if (!has("lora_A") && !has("lora_B"))
        errors.bad("{} is the start of a PiSSA, which is merged together with the trained file: {}",
                   found.begin()->second.name,
                   mode_.word == "pissa" ? "give that as one more adapter of mode pissa, beside this one"
                                         : "give both, one after the other, with --adapter-mode pissa");
      if (!has("init_lora_A") && !has("init_lora_B"))
        errors.bad(
            "{} needs the factors it started from ({}.init_lora_A): give the file that has them as one "
            "more adapter of mode pissa",
            found.begin()->second.name, prefix);
      if (has("lora_M")) errors.bad("{}.lora_M is there beside init_lora_A: PiSSA has no magnitudes", prefix);
      change.kind = ChangeKind::pissa;
      change.A0 = take("init_lora_A");
      change.B0 = take("init_lora_B");
    } else if (has("lora_M")) {
      change.kind = ChangeKind::dora;
      change.M = take("lora_M");
    }
    change.A = take("lora_A");
    change.B = take("lora_B");
    return change;
  }

  std::string_view original(std::string_view name) const {
    const auto found = adapter_.original.find(name);
    return found == adapter_.original.end() ? name : std::string_view(found->second);
  }

  // What was asked for, else what the trainer wrote down, else what RWKV's servers take.
  float strength(const FileErrors& errors, const MatrixChange& change) const {
    constexpr float usual = 2;
    if (adapter_.scaling) return *adapter_.scaling;
    if (!adapter_.config) return usual;
    const PeftConfig& config = *adapter_.config;
    if (config.rank && *config.rank != change.r)
      errors.bad("{} has rank {}, but adapter_config.json says {}", change.A.name, change.r, *config.rank);
    const auto module = split_piece(without_adapter_wrappers(original(change.A.name))).first;
    return config.scaling(module, change.r);
  }

  static Shape shape_of(const AdapterTensor& tensor) { return tensor.file->info(tensor.name)->shape; }

  // Shapes of the pieces against the matrix [out, in].
  static void check(const FileErrors& errors, MatrixChange& change, const std::string& name,
                    const Shape& matrix) {
    const uint64_t out = matrix[0], in = matrix[1];
    const auto expect = [&](const AdapterTensor& tensor, bool fits, const std::string& expected) {
      if (!fits)
        errors.bad("{} is {}, expected {} for {} {}: this adapter is for another model", tensor.name,
                   to_string(shape_of(tensor)), expected, name, to_string(matrix));
    };
    const auto factors = [&](const AdapterTensor& A, const AdapterTensor& B) {
      const Shape a = shape_of(A), b = shape_of(B);
      expect(A, a.size() == 2 && a[0] > 0 && a[1] == in, fmt::format("[r,{}]", in));
      expect(B, b.size() == 2 && b[0] == out && b[1] == a[0], fmt::format("[{},{}]", out, a[0]));
      return a[0];
    };
    switch (change.kind) {
      case ChangeKind::pissa:
        factors(change.A0, change.B0);
        [[fallthrough]];
      case ChangeKind::lora:
        change.r = factors(change.A, change.B);
        return;
      case ChangeKind::dora:
        change.r = factors(change.A, change.B);
        expect(change.M, without_ones(shape_of(change.M)) == Shape{in}, fmt::format("[1,{}]", in));
        return;
      case ChangeKind::bone: {
        const Shape d = shape_of(change.D);
        change.r = d[1];
        expect(change.D, d[1] > 0 && d[1] == d[2] && in % d[1] == 0 && out % d[1] == 0 && d[0] == in / d[1],
               fmt::format("[{}/r,r,r] with r a divisor of {} and {}", in, in, out));
        return;
      }
      case ChangeKind::disha: {
        const Shape d = shape_of(change.D);
        expect(change.D, d.size() == 2 && d[0] > 0 && d[1] == out,
               fmt::format("[r,{}] or three dimensions", out));
        change.r = d[0];
        return;
      }
    }
  }

  const Source& model_;
  const OpenAdapter& adapter_;  // the first of several that are read as one
  const Mode& mode_;
  std::map<std::string, Found> matrices_;  // by the matrix's name without ".weight"
  std::string label_;                      // of the first file
  AdapterTensor mixture_;                  // one of its tensors, where there are any
  AdapterContents contents_;
};

}  // namespace

std::vector<AdapterContents> read_adapters(const Source& model, const std::vector<OpenAdapter>& adapters) {
  std::vector<AdapterContents> list;
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    PairReader reader(model, adapters[i]);
    reader.add(adapters[i].file);
    for (; adapters[i].mode == "pissa" && i + 1 < adapters.size() && adapters[i + 1].mode == "pissa"; ++i)
      reader.add(adapters[i + 1].file);
    list.push_back(reader.finish());
  }
  return list;
}

}  // namespace fulmar
