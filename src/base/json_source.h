// Places in JSON text that a parser has taken already: for values whose spelling counts, as numbers in a tool's
// arguments, which a parser makes binary.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fulmar {

// A value at the beginning of a text of valid JSON, a byte order mark before it at most; or none. Each function reads the value once from its beginning.
class JsonSource {
 public:
  JsonSource() = default;
  explicit JsonSource(std::string_view text);

  bool is_object() const { return text_.starts_with('{'); }
  bool is_list() const { return text_.starts_with('['); }
  bool is_null() const { return text_.empty() || text_.starts_with("null"); }  // or none
  // What the string says, where it is one.
  std::optional<std::string> text() const;
  // The object's last member of this name, as the parser takes it; none where there is none.
  JsonSource member(std::string_view name) const;
  // The list's, in order; none of them where it is no list.
  std::vector<JsonSource> entries() const;
  // The object's, by their names; none of them where it is no object.
  std::vector<std::pair<std::string, JsonSource>> members() const;
  // Without white space between values and with the fewest escapes, but numbers and members as they are written.
  std::string compact() const;

 private:
  std::string_view text_;
};

}  // namespace fulmar
