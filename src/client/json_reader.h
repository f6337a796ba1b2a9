// A cursor over one JSON text (RFC 8259): it copies nothing but the strings it is asked for, so that hostile texts cost no memory.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace fulmar::client::impl {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_(text) { skip_blanks(); }

  // Each reads the value that comes next and answers true; where that is of another kind it stays, and the answer is false.
  // `member(name)` and `element()` may read their value; what they leave is skipped.
  template <typename Member>
  bool object(Member member);
  template <typename Element>
  bool array(Element element);
  bool text(std::string& out);  // half a surrogate pair is U+FFFD; other bytes are as they came
  bool integer(int64_t& out);

  bool at(char first) const { return rest_.starts_with(first); }  // '{', '[', '"', 'n' of null
  void skip();
  // The text was one value and nothing else, and well formed.
  bool whole() const { return !failed_ && rest_.empty(); }

 private:
  static constexpr int deepest = 64;

  bool fail();  // false; nothing more is read
  void skip_blanks();
  bool take(char expected);
  bool string(std::string* out);
  bool escape(std::string* out);
  bool hex(uint32_t& unit);
  bool number(std::string_view& out);
  bool enter(char open);
  void skip_unless_read(std::string_view before);

  std::string_view rest_;
  int depth_ = 0;
  bool failed_ = false;
};

template <typename Member>
bool JsonReader::object(Member member) {
  if (!enter('{')) return false;
  if (!take('}')) {
    do {
      std::string name;
      if (!text(name) || !take(':')) return fail();
      const std::string_view before = rest_;
      member(std::string_view(name));
      skip_unless_read(before);
    } while (take(','));
    if (!take('}')) return fail();
  }
  --depth_;
  return !failed_;
}

template <typename Element>
bool JsonReader::array(Element element) {
  if (!enter('[')) return false;
  if (!take(']')) {
    do {
      const std::string_view before = rest_;
      element();
      skip_unless_read(before);
    } while (take(','));
    if (!take(']')) return fail();
  }
  --depth_;
  return !failed_;
}

}  // namespace fulmar::client::impl
