// The instructions torch.save emits (protocols 2 to 4 of Python's pickle; Lib/pickletools.py names and
// describes them).
#include "weights/pickle_machine.h"

#include <bit>
#include <limits>

#include "base/utf8.h"
#include "weights/little_endian.h"
#include "weights/pickle_names.h"

namespace fulmar::pickle {
namespace {

// Far above what any model needs (about 20 values a tensor), far below what hurts.
constexpr std::size_t max_values = 1 << 20, max_stack = 1 << 16, max_memo = 1 << 20, max_marks = 1 << 10;
constexpr std::size_t max_pickle_dimensions = 8;
constexpr Id no_value = std::numeric_limits<Id>::max();

}  // namespace

std::string_view word(Kind kind) {
  constexpr std::string_view words[] = {"None",     "a number",     "a string",     "a tuple",
                                        "a list",   "a dictionary", "a function",   "a storage",
                                        "a tensor", "an object",    "another value"};
  return words[static_cast<std::size_t>(kind)];
}

Id Machine::run() {
  while (!stopped_) {
    const auto code = take_number<uint8_t>();
    if (!step(code))
      errors_.bad("the pickle has an instruction {:#04x} at byte {} that no model needs", code, at() - 1);
  }
  return pop();
}

bool Machine::step(uint8_t code) {
  switch (code) {
    case 0x80:  // PROTO
      if (const auto version = take_number<uint8_t>(); version > 5)
        errors_.unsupported("the pickle is of protocol {}, newer than 5", version);
      return true;
    case 0x95:  // FRAME: a promise about lengths that a reader of a whole buffer does not need
      if (take_number<uint64_t>() > code_.size() - at())
        errors_.bad("a frame of the pickle runs past its end");
      return true;
    case '.':
      stopped_ = true;
      return true;  // STOP
    case 'c': {     // GLOBAL
      const std::string_view module = take_line(), name = take_line();
      global(module, name);
      return true;
    }
    case 0x93: {  // STACK_GLOBAL
      const Id name = pop(), module = pop();
      global(expect(module, Kind::text, "a module's name").text, expect(name, Kind::text, "a name").text);
      return true;
    }
    case 0x92:  // NEWOBJ_EX: with named arguments
      pop();
      [[fallthrough]];
    case 0x81:  // NEWOBJ
    case 'R':
      reduce();
      return true;
    case 'Q':
      persistent_id();
      return true;  // BINPERSID
    case 'b': {     // BUILD: attributes of a state dict (`_metadata`); nothing here needs them
      pop();
      if (stack_.empty()) errors_.bad("the pickle is damaged at byte {}: attributes of nothing", at());
      if (value(stack_.back()).kind != Kind::object)
        expect(stack_.back(), Kind::dict, "an object that takes attributes");
      return true;
    }
    default:
      return step_value(code) || step_container(code) || step_memo(code);
  }
}

bool Machine::step_value(uint8_t code) {
  const auto push_number = [&](int64_t number) { push({.kind = Kind::number, .number = number}); };
  const auto push_text = [&](uint64_t count) {
    const std::string_view text = take_text(count);
    push({.kind = Kind::text, .text = text});
  };
  const auto push_bytes = [&](uint64_t count) {
    take(count);
    push({.kind = Kind::other});
  };
  switch (code) {
    case 'N':
      push({});
      return true;  // NONE
    case 0x88:
      push_number(1);
      return true;  // NEWTRUE
    case 0x89:
      push_number(0);
      return true;  // NEWFALSE
    case 'K':
      push_number(take_number<uint8_t>());
      return true;  // BININT1
    case 'M':
      push_number(take_number<uint16_t>());
      return true;  // BININT2
    case 'J':
      push_number(static_cast<int32_t>(take_number<uint32_t>()));
      return true;  // BININT
    case 0x8a:
      push_number(take_long(take_number<uint8_t>()));
      return true;  // LONG1
    case 'G':
      take(8);
      push({.kind = Kind::other});
      return true;  // BINFLOAT: never part of a tensor
    case 0x8c:
      push_text(take_number<uint8_t>());
      return true;  // SHORT_BINUNICODE
    case 'X':
      push_text(take_number<uint32_t>());
      return true;  // BINUNICODE
    case 0x8d:
      push_text(take_number<uint64_t>());
      return true;  // BINUNICODE8
    case 'U':
      push_text(take_number<uint8_t>());
      return true;  // SHORT_BINSTRING
    case 'T':
      push_text(take_number<uint32_t>());
      return true;  // BINSTRING
    case 'C':
      push_bytes(take_number<uint8_t>());
      return true;  // SHORT_BINBYTES
    case 'B':
      push_bytes(take_number<uint32_t>());
      return true;  // BINBYTES
    case 0x8e:
    case 0x96:
      push_bytes(take_number<uint64_t>());
      return true;  // BINBYTES8, BYTEARRAY8
    default:
      return false;
  }
}

bool Machine::step_container(uint8_t code) {
  switch (code) {
    case '(':  // MARK
      if (marks_.size() == max_marks) errors_.bad("the pickle nests more than {} deep", max_marks);
      marks_.push_back(stack_.size());
      return true;
    case ')':
      push({.kind = Kind::tuple});
      return true;
    case ']':
      push({.kind = Kind::list});
      return true;
    case '}':
      push({.kind = Kind::dict});
      return true;
    case 't':
      push({.kind = Kind::tuple, .items = pop_to_mark()});
      return true;
    case 0x85:
      push_tuple(1);
      return true;
    case 0x86:
      push_tuple(2);
      return true;
    case 0x87:
      push_tuple(3);
      return true;
    case 'a': {  // APPEND
      const Id item = pop();
      add_items(Kind::list, {item});
      return true;
    }
    case 'e':
      add_items(Kind::list, pop_to_mark());
      return true;  // APPENDS
    case 's': {     // SETITEM
      const Id item = pop(), key = pop();
      add_items(Kind::dict, {key, item});
      return true;
    }
    case 'u':
      add_items(Kind::dict, pop_to_mark());
      return true;  // SETITEMS
    case 0x8f:
      push({.kind = Kind::object, .text = "set", .key = "builtins"});
      return true;  // EMPTY_SET
    case 0x90:      // ADDITEMS
      pop_to_mark();
      if (stack_.empty()) errors_.bad("the pickle is damaged at byte {}: items of nothing", at());
      expect(stack_.back(), Kind::object, "a set");
      return true;
    case 0x91:
      pop_to_mark();
      push({.kind = Kind::object, .text = "frozenset", .key = "builtins"});
      return true;  // FROZENSET
    case '0':
      pop();
      return true;  // POP
    case '1':
      pop_to_mark();
      return true;  // POP_MARK
    default:
      return false;
  }
}

bool Machine::step_memo(uint8_t code) {
  const auto put = [&](uint64_t slot) {
    if (slot >= max_memo) errors_.bad("the pickle's memo slot {} is past the limit of {}", slot, max_memo);
    if (stack_.empty())
      errors_.bad("the pickle is damaged at byte {}: it remembers a value that is not there", at());
    if (slot >= memo_.size()) memo_.resize(slot + 1, no_value);
    memo_[slot] = stack_.back();
  };
  const auto get = [&](uint64_t slot) {
    if (slot >= memo_.size() || memo_[slot] == no_value)
      errors_.bad("the pickle recalls slot {}, which it never filled", slot);
    push_id(memo_[slot]);
  };
  switch (code) {
    case 'q':
      put(take_number<uint8_t>());
      return true;  // BINPUT
    case 'r':
      put(take_number<uint32_t>());
      return true;  // LONG_BINPUT
    case 0x94:
      put(memo_.size());
      return true;  // MEMOIZE
    case 'h':
      get(take_number<uint8_t>());
      return true;  // BINGET
    case 'j':
      get(take_number<uint32_t>());
      return true;  // LONG_BINGET
    default:
      return false;
  }
}

void Machine::global(std::string_view module, std::string_view name) {
  Value value{.kind = Kind::function, .text = name};
  if (module == "collections" && name == "OrderedDict") {
    value.function = Function::ordered_dict;
  } else if (module == "torch._utils" && (name == "_rebuild_tensor_v2" || name == "_rebuild_tensor")) {
    value.function = Function::rebuild_tensor;
  } else if (module == "torch._utils" &&
             (name == "_rebuild_parameter" || name == "_rebuild_parameter_with_state")) {
    value.function = Function::rebuild_parameter;
  } else if (is_torch_tensor_kind(module, name)) {
    errors_.unsupported(
        "the pickle holds a tensor of a kind that {}.{} makes: where it was made, save it with plain tensors, "
        "torch.save({{k: v.detach().clone() for k, v in model.state_dict().items()}}, file)",
        module, name);
  } else if (!is_torch_name(module, name)) {
    if (is_refused(module, name))
      errors_.bad("Fulmar refuses to run {}.{}, which the pickle asks for: a model needs nothing but tensors",
                  replace_bad_utf8(module), replace_bad_utf8(name));
    value.function = Function::foreign;
    value.key = module;
  }
  push(std::move(value));
}

void Machine::reduce() {
  const Id arguments_id = pop(), function_id = pop();
  const std::vector<Id>& arguments = expect(arguments_id, Kind::tuple, "arguments").items;
  const Value& function = expect(function_id, Kind::function, "a function");
  switch (function.function) {
    case Function::ordered_dict:
      if (!arguments.empty()) errors_.bad("the pickle gives OrderedDict arguments, as no model does");
      push({.kind = Kind::dict});
      return;
    case Function::rebuild_tensor:
      rebuild_tensor(arguments);
      return;
    case Function::rebuild_parameter:  // (tensor, requires_grad, hooks), perhaps its attributes
      if (arguments.empty()) errors_.bad("the pickle has a parameter without a tensor");
      expect(arguments[0], Kind::tensor, "a parameter's tensor");
      push_id(arguments[0]);
      return;
    case Function::foreign:
      push({.kind = Kind::object, .text = function.text, .key = function.key});
      return;
    case Function::name:
      errors_.bad("the pickle calls {}, which is a type and no function here", function.text);
  }
}

// (storage, offset, shape, strides, ...): what follows is about gradients.
void Machine::rebuild_tensor(const std::vector<Id>& arguments) {
  if (arguments.size() < 4)
    errors_.bad("the pickle rebuilds a tensor from {} arguments, expected 4 or more", arguments.size());
  expect(arguments[0], Kind::storage, "a tensor's storage");
  expect(arguments[1], Kind::number, "a tensor's offset");
  for (const std::size_t which : {2, 3}) {
    const std::vector<Id>& list = expect(arguments[which], Kind::tuple, "a tensor's shape or strides").items;
    if (list.size() > max_pickle_dimensions) errors_.bad("the pickle has a tensor of {} dimensions", list.size());
    for (const Id item : list) expect(item, Kind::number, "a number in a tensor's shape or strides");
  }
  push({.kind = Kind::tensor, .items = {arguments.begin(), arguments.begin() + 4}});
}

// ("storage", type, key, device, element count); before PyTorch 1.6 also (key, offset, length) of a view.
void Machine::persistent_id() {
  const Id id = pop();
  const std::vector<Id>& parts = expect(id, Kind::tuple, "a storage's description").items;
  if (parts.size() < 5 || expect(parts[0], Kind::text, "a storage's tag").text != "storage")
    errors_.bad("the pickle refers to something that is not a storage, at byte {}", at());
  const Value& type = expect(parts[1], Kind::function, "a storage's type");
  if (type.function != Function::name) errors_.bad("the pickle has a storage of type {}", type.text);
  if (parts.size() > 5 && value(parts[5]).kind != Kind::none)
    errors_.unsupported(
        "the pickle has storages that are parts of others: save it again with a newer PyTorch");
  const Value& key = expect(parts[2], Kind::text, "a storage's key");
  const Value& count = expect(parts[4], Kind::number, "a storage's element count");
  if (count.number < 0) errors_.bad("storage {} has {} elements", key.text, count.number);
  push({.kind = Kind::storage, .number = count.number, .text = type.text, .key = key.text});
}

std::span<const std::byte> Machine::take(uint64_t count) {
  if (count > code_.size() - position_)
    errors_.bad("the pickle ends too early, at byte {}: is it cut short?", code_.size());
  position_ += count;
  return code_.subspan(position_ - count, count);
}

template <typename T>
T Machine::take_number() {
  return little_endian<T>(take(sizeof(T)).data());
}

std::string_view Machine::take_text(uint64_t count) {
  const auto bytes = take(count);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view Machine::take_line() {
  const std::string_view rest(reinterpret_cast<const char*>(code_.data()) + position_,
                              code_.size() - position_);
  const std::size_t length = rest.substr(0, 256).find('\n');
  if (length == std::string_view::npos) errors_.bad("the pickle has a name without an end at byte {}", at());
  position_ += length + 1;
  return rest.substr(0, length);
}

// Two's complement of any length; more than 8 bytes count nothing in a file.
int64_t Machine::take_long(uint64_t count) {
  if (count > 8) errors_.bad("the pickle has a number of {} bytes at byte {}", count, at());
  const auto bytes = take(count);
  uint64_t number = count > 0 && std::to_integer<uint8_t>(bytes[count - 1]) >= 0x80 ? ~uint64_t{0} : 0;
  for (std::size_t i = count; i-- > 0;) number = number << 8 | std::to_integer<uint8_t>(bytes[i]);
  return std::bit_cast<int64_t>(number);
}

void Machine::push(Value value) {
  if (values_.size() == max_values) errors_.bad("the pickle builds more than {} values", max_values);
  values_.push_back(std::move(value));
  push_id(static_cast<Id>(values_.size() - 1));
}

void Machine::push_id(Id id) {
  if (stack_.size() == max_stack) errors_.bad("the pickle's stack grows past {} values", max_stack);
  stack_.push_back(id);
}

Id Machine::pop() {
  if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back()))
    errors_.bad("the pickle is damaged at byte {}: it takes a value that is not there", at());
  const Id id = stack_.back();
  stack_.pop_back();
  return id;
}

std::vector<Id> Machine::pop_to_mark() {
  if (marks_.empty()) errors_.bad("the pickle is damaged at byte {}: a list ends that never began", at());
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Id> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

void Machine::push_tuple(std::size_t count) {
  std::vector<Id> items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  push({.kind = Kind::tuple, .items = std::move(items)});
}

// Appends to the container on top of the stack.
void Machine::add_items(Kind kind, const std::vector<Id>& items) {
  if (kind == Kind::dict && items.size() % 2 != 0)
    errors_.bad("the pickle has a key without a value at byte {}", at());
  const Id to = pop();
  // Objects may be dictionaries or lists of a kind of their own: what has a name is kept.
  const bool object = value(to).kind == Kind::object;
  if (!object) expect(to, kind, "a container");
  if (!object || kind == Kind::dict)
    values_[to].items.insert(values_[to].items.end(), items.begin(), items.end());
  push_id(to);
}

const Value& Machine::expect(Id id, Kind kind, std::string_view what) const {
  const Value& value = values_[id];
  if (value.kind != kind)
    errors_.bad("the pickle has {} where {} belongs ({}), at byte {}", word(value.kind), word(kind), what,
                at());
  return value;
}

}  // namespace fulmar::pickle
