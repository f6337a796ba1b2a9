// The stack machine behind read_state_dict(): values, memo and one method per kind of instruction.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "weights/pickle.h"

namespace fulmar::pickle {

// An object is one of a class that this machine does not know; nothing of it was run.
enum class Kind : uint8_t { none, number, text, tuple, list, dict, function, storage, tensor, object, other };
std::string_view word(Kind kind);  // for messages: "a tuple"

// The functions a state dict may call, the names it may mention, and those of other programs.
enum class Function : uint8_t { ordered_dict, rebuild_tensor, rebuild_parameter, name, foreign };

using Id = uint32_t;  // index of a Value in the machine

// One value. Containers hold ids, so that values shared or cyclic through the memo cost nothing and free
// themselves.
struct Value {
  Kind kind = Kind::none;
  Function function = Function::name;
  int64_t number = 0;          // number; a storage's element count
  std::string_view text = {};  // text; the name of a function, of a storage's type, of an object's class
  std::string_view key = {};   // a storage's entry; the module of a foreign function or class
  // tuple, list; dict and object: key, value, key, value; tensor: storage, offset, shape, strides
  std::vector<Id> items = {};
};

class Machine {
 public:
  Machine(const FileErrors& errors, std::span<const std::byte> code) : errors_(errors), code_(code) {}
  Id run();  // the value the pickle leaves
  const Value& value(Id id) const { return values_[id]; }
  Id count() const { return static_cast<Id>(values_.size()); }  // values built
  uint64_t used() const { return position_; }                   // bytes of code read

 private:
  // Instructions; false for codes this machine does not know.
  bool step(uint8_t code);
  bool step_value(uint8_t code);
  bool step_container(uint8_t code);
  bool step_memo(uint8_t code);
  void global(std::string_view module, std::string_view name);
  void reduce();
  void rebuild_tensor(const std::vector<Id>& arguments);
  void persistent_id();

  // The code's bytes.
  std::span<const std::byte> take(uint64_t count);
  template <typename T>
  T take_number();
  std::string_view take_text(uint64_t count);
  std::string_view take_line();
  int64_t take_long(uint64_t count);

  // The stack.
  void push(Value value);
  void push_id(Id id);
  Id pop();
  std::vector<Id> pop_to_mark();
  void push_tuple(std::size_t count);
  void add_items(Kind kind, const std::vector<Id>& items);
  const Value& expect(Id id, Kind kind, std::string_view what) const;
  uint64_t at() const { return position_; }

  const FileErrors& errors_;
  std::span<const std::byte> code_;
  uint64_t position_ = 0;
  std::vector<Value> values_;
  std::vector<Id> stack_, memo_;
  std::vector<std::size_t> marks_;
  bool stopped_ = false;
};

}  // namespace fulmar::pickle
