// Reads calls of tools out of an answer: what the model writes becomes text and calls.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json_scanner.h"
#include "fulmar/request.h"

namespace fulmar {

struct CallText {
  std::string text;             // before, between and behind the calls, without the white space around these
  std::vector<ToolCall> calls;  // the arguments a JSON object as text; the first may be more arguments of the call before, without a name
};

// Takes an answer apart, however its text is cut into pieces. What may become a call is held back until it is one, or until
// it cannot be one any more: then it is text, and nothing of it is lost. Spellings, whichever the model was told:
//   **Tool Call:** and a block of JSON; <tool_call>JSON</tool_call>; <tool_calls>[JSON, ...]</tool_calls>; or blocks of JSON and
//   nothing else, whose calls are of tools that there are. JSON is {"name": ..., "arguments": ...}, a list of those too; each
//   mark may have several, a block's fence or a mark's end may be missing.
//   A tool's name and a block with tool_call("key"="value"), at a line's beginning: RWKV-Runner's.
// A call is told when its JSON is whole; those that stand without a mark are when nothing else can follow. But where calls are
// bound, which cannot go wrong, its name is told at once and its arguments as they come. In a turn that is `together` the thought
// is passed over.
class CallReader {
 public:
  explicit CallReader(const Turn& turn);
  CallText push(std::string_view piece);
  // What was held back, when generation ended.
  CallText finish();
  // As many calls as the answer may have were read; what comes now is not looked at.
  bool full() const { return made_ >= reading_.most; }
  // The arguments of the last call that was told are not whole.
  bool is_within_call() const { return at_ == At::arguments; }

 private:
  struct Spelling;
  static const Spelling spellings[], python_spelling;

  bool step(CallText& out);  // false: more text is needed
  bool pass_thought(CallText& out);
  bool read_text(CallText& out);
  bool begin_call(size_t at, bool at_line, bool& may_begin);
  bool read_head(CallText& out);
  bool read_json(CallText& out);
  bool begin_bound(CallText& out);
  bool read_arguments(CallText& out);
  bool read_brace();
  bool read_python(CallText& out);
  bool read_tail();
  bool read_bare_end(CallText& out);
  bool fits(const std::vector<ToolCall>& calls) const;
  void add(std::vector<ToolCall> calls, CallText& out);
  bool ends_mark(std::string_view text) const;
  void give_up(CallText& out);
  void release(size_t bytes, CallText& out);
  void begin_value(size_t at);

  enum class At : uint8_t {
    thought,  // together: a thought may come, or goes on
    text,
    head,     // behind a mark, before its JSON
    json,
    arguments,  // of a call that is bound
    brace,      // behind these
    python,   // in the brackets
    tail,     // behind a call: more of them, and what ends its mark
    bare_end  // behind JSON without a mark: its fence
  };

  const CallReading reading_;
  At at_ = At::text;
  std::string held_;               // not given out yet
  const Spelling* spelling_ = nullptr;
  size_t start_ = 0, value_ = 0;   // where in it a call may begin, and its JSON
  size_t scanned_ = 0;             // bytes of it that the scanner has seen
  JsonScanner scanner_;
  std::string name_;               // python
  char quote_ = '\0';
  bool escaped_ = false, in_string_ = false;
  std::vector<ToolCall> bare_;     // read in the first `bare_end_` bytes of what is held
  size_t bare_end_ = 0;
  bool untouched_ = true;          // no text was given out but white space
  bool drops_white_ = false;       // a call came before
  bool in_thought_ = false;
  std::string last_;               // of a thought: its last bytes
  uint32_t made_ = 0;
};

}  // namespace fulmar
