// From the value a pickle builds to a flat list of tensors.
#include "weights/pickle.h"

#include "base/utf8.h"
#include "weights/pickle_machine.h"

namespace fulmar {
namespace {

using pickle::Id, pickle::Kind, pickle::Machine, pickle::Value;

constexpr std::size_t max_depth = 16, max_visits = 1 << 20;

class Flattener {
 public:
  Flattener(const FileErrors& errors, const Machine& machine) : errors_(errors), machine_(machine) {}
  std::vector<PickledTensor> tensors;

  // Dictionaries are walked, tensors kept; numbers, lists, objects and the like (the settings of an optimizer
  // or a trainer) are passed over.
  void walk(Id id, const std::string& name, std::size_t depth) {
    // Shared values make a small pickle a huge tree, and a value inside itself an endless one.
    if (++visits_ > max_visits) errors_.bad("the pickle's dictionaries hold more than {} values", max_visits);
    if (depth > max_depth) errors_.bad("the pickle nests dictionaries more than {} deep", max_depth);
    const Value& value = machine_.value(id);
    if (value.kind == Kind::tensor) {
      refuse_too_many(errors_, tensors.size());
      tensors.push_back(describe(value, name));
    } else if (value.kind == Kind::dict || value.kind == Kind::object) {
      for (std::size_t i = 0; i < value.items.size(); i += 2)
        if (const Value& key = machine_.value(value.items[i]); !is_foreign(key))
          walk(value.items[i + 1], join(name, key), depth + 1);
    }
  }

 private:
  // Keys that name no tensor: Lightning keeps its callbacks' values by their classes.
  static bool is_foreign(const Value& key) {
    return key.kind == Kind::object || key.kind == Kind::function || key.kind == Kind::other ||
           key.kind == Kind::tuple;
  }

  std::string join(const std::string& prefix, const Value& key) const {
    std::string name = prefix.empty() ? prefix : prefix + ".";
    if (key.kind == Kind::number) {
      name += std::to_string(key.number);
    } else if (key.kind == Kind::text && is_utf8(key.text)) {
      name += key.text;
    } else {
      errors_.bad("the pickle has {} as a tensor's name below \"{}\"",
                  key.kind == Kind::text ? "text that is not UTF-8" : pickle::word(key.kind), prefix);
    }
    if (name.size() > max_tensor_name)
      errors_.bad("a tensor's name is longer than {} bytes", max_tensor_name);
    return name;
  }

  PickledTensor describe(const Value& tensor, const std::string& name) const {
    const Value& storage = machine_.value(tensor.items[0]);
    PickledTensor out{name, storage.text, storage.key, static_cast<uint64_t>(storage.number), 0, {}, {}};
    out.offset = whole(tensor.items[1], name, "offset");
    for (const Id item : machine_.value(tensor.items[2]).items)
      out.shape.push_back(whole(item, name, "shape"));
    for (const Id item : machine_.value(tensor.items[3]).items)
      out.strides.push_back(whole(item, name, "stride"));
    if (out.shape.size() != out.strides.size())
      errors_.bad("{} has {} dimensions and {} strides", name, out.shape.size(), out.strides.size());
    return out;
  }

  uint64_t whole(Id id, const std::string& name, const char* what) const {
    const int64_t number = machine_.value(id).number;
    if (number < 0) errors_.bad("{} has {} in its {}: it must not be negative", name, number, what);
    return static_cast<uint64_t>(number);
  }

  const FileErrors& errors_;
  const Machine& machine_;
  std::size_t visits_ = 0;
};

// ChatRWKV writes models for one strategy: transposed, rescaled or quantized, and only itself knows how.
void refuse_converted(const FileErrors& errors, const Machine& machine, const Value& dict) {
  for (std::size_t i = 0; i < dict.items.size(); i += 2) {
    const Value &key = machine.value(dict.items[i]), &value = machine.value(dict.items[i + 1]);
    if (key.kind == Kind::text && key.text == "_strategy")
      errors.unsupported(
          "was converted by ChatRWKV for its strategy \"{}\" and fits no other program: take the .pth that "
          "it was "
          "converted from",
          value.kind == Kind::text ? replace_bad_utf8(value.text.substr(0, 100)) : "");
  }
}

}  // namespace

std::vector<PickledTensor> read_state_dict(const FileErrors& errors, std::span<const std::byte> pickle) {
  return read_state_dict_prefix(errors, pickle).tensors;
}

StateDict read_state_dict_prefix(const FileErrors& errors, std::span<const std::byte> data) {
  Machine machine(errors, data);
  const Id root = machine.run();
  const Value& whole = machine.value(root);
  if (whole.kind == Kind::object && whole.items.empty())
    errors.bad(
        "the pickle holds an object of {}.{} and no dictionary of tensors: where it was made, save it with "
        "torch.save(model.state_dict(), file)",
        replace_bad_utf8(whole.key), replace_bad_utf8(whole.text));
  if (whole.kind != Kind::dict && whole.kind != Kind::object)
    errors.bad("the pickle holds {}, expected a dictionary of tensors", pickle::word(whole.kind));
  refuse_converted(errors, machine, whole);
  Flattener flattener(errors, machine);
  flattener.walk(root, {}, 0);
  StateDict out{std::move(flattener.tensors), {}, machine.used()};
  for (Id id = 0; id < machine.count(); ++id)
    if (const Value& value = machine.value(id); value.kind == Kind::storage)
      out.storages.push_back({value.key, value.text, static_cast<uint64_t>(value.number)});
  return out;
}

PickledTexts read_text_list_prefix(const FileErrors& errors, std::span<const std::byte> data) {
  Machine machine(errors, data);
  const Value& root = machine.value(machine.run());
  PickledTexts out{{}, machine.used()};
  if (root.kind != Kind::list) return out;
  for (const Id id : root.items) {
    if (machine.value(id).kind != Kind::text)
      errors.bad("the pickle's list holds {}, expected strings", pickle::word(machine.value(id).kind));
    out.texts.push_back(machine.value(id).text);
  }
  return out;
}

}  // namespace fulmar
