// What a client asks for: a prompt, how tokens are drawn, and where the text ends.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fulmar/model.h"
#include "fulmar/state.h"

namespace fulmar {

// How the answer's thought begins. standard: as the template has it where nobody asks for anything.
enum class Think : uint8_t {
  standard,
  off,
  open,    // the model thinks first
  fake,    // an empty thought: it answers at once
  chinese  // a thought whose first word is Chinese
};
// A word about the thought's length at the end of the last user's text.
enum class ThinkWord : uint8_t {
  none,
  think,  // " (think)"
  a_bit,  // " (think a bit)"
  a_lot   // " (think a lot)"
};

struct ToolCall {
  std::string name, arguments;  // arguments: a JSON object as text
};

// A function that the model may ask the client to call.
struct Tool {
  std::string name, description, parameters;  // parameters: a JSON schema as text; empty: it takes none
  bool strict = false;  // the arguments of each call are bound to the schema
  std::string field{};  // of the request, that has the schema: what errors call it
};

struct ChatMessage {
  std::string role;  // "system" or "developer", "user", "assistant", "tool"
  std::string content;
  std::vector<ToolCall> tool_calls{};  // that an assistant's turn made after its content
};

// What the chat template is told beside the messages, and what becomes of a thought.
struct TemplateOptions {
  std::string name;  // of a template of text/chat_template.h; empty: the model's own
  Think think = Think::standard;
  ThinkWord word = ThinkWord::none;
  bool word_if_trained = false;  // `word` is left out where the model was not trained on such
  std::optional<uint32_t> thinking_budget;  // tokens of the thought, which is closed after them; 0: see Think::fake
  bool thoughts_in_text = false;            // a thought is part of the answer's text, as <think>...</think>
  std::string user_name, assistant_name, system_name;  // empty: the template's; 64 bytes, one line
  std::vector<Tool> tools;        // that the model is told of, and whose calls are read out of the answer
  bool must_call = false;         // the answer is calls and nothing else
  std::string called_tool;        // and then of this one alone, once; empty: of any
  bool parallel_calls = true;     // false: the answer ends after the first call
  bool after_tool_turns = false;  // there were calls or outputs of tools before the messages
  bool tells_tools = false;       // of tools in the next turn of a session too, which was told of none or of others
  bool presystem = false;  // a beginning in which the assistant promises to answer in full
  // The messages come after an answer that has ended, as the next turn of a session: what stands between two turns comes
  // first, and nothing that stands at a beginning.
  bool continues = false;
  // Whether the last message's text goes on instead of a new turn; by default where it is the assistant's.
  std::optional<bool> continue_final_message;

  // Whether calls are bound: to be there, or to have arguments by their schemas. They have one spelling then.
  bool binds_calls() const {
    bool strict = must_call;
    for (const Tool& tool : tools) strict = strict || tool.strict;
    return strict && !tools.empty();
  }
};

// What to continue: `tokens` if any, then `messages` through the RWKV chat template, where there are neither `text` as it is. An
// empty prompt is allowed: the end-of-text token (id 0) is fed, so that there is a position to predict from.
struct PromptInput {
  std::string text;
  std::vector<Token> tokens;
  std::vector<ChatMessage> messages;
  TemplateOptions chat;
  bool keep_text = false;  // Prompt::text is wanted
  bool may_be_empty = false;  // and then no token is fed: what goes on from a state may have nothing new to read
  bool embed = false;      // it is the text of a request for an embedding
};

// How the template left the turn that the model continues.
enum class TurnOpening : uint8_t {
  raw,        // no turn: what the model writes is the text
  name,       // "Assistant:", and the model begins with a space
  thought,    // "Assistant: <think", and the model goes on with ">"
  faked,      // "Assistant: <think></think", and the model goes on with ">" and white space
  continued,  // a turn that has text already
  spaced      // the same, and a space at the text's end was not fed: the model makes it again
};

// How calls of tools are spelled. Models write what they were told, or what they were trained with: text/call_reader.h has all
// that is read.
enum class CallForm : uint8_t {
  none,    // nobody looks for calls
  marked,  // a line with a mark, and a block of JSON
  python   // RWKV-Runner's, for models before RWKV-7: NAME, and a block with tool_call("key"="value")
};

constexpr uint32_t most_calls = 128;                          // of an answer, which ends after them
constexpr std::size_t most_call_bytes = std::size_t{256} << 10;  // of one; what is longer is text

struct CallReading {
  CallForm form = CallForm::none;
  std::vector<std::string> names;  // of the tools
  uint32_t most = most_calls;
  bool bound = false;  // no other spelling than the first one is a call
};

// The turn that the model continues. The engine takes it apart into the thought and the answer: see
// text/turn_reader.h.
struct Turn {
  TurnOpening opening = TurnOpening::raw;
  std::string begun;      // what of it is in the prompt already, after the speaker's name: "<think"
  bool together = false;  // TemplateOptions::thoughts_in_text
  std::optional<uint32_t> thinking_budget;
  std::vector<Token> closing;  // what is fed to end a thought
  CallReading calls;
};

// A prompt is a value: made once by Engine::prepare and shared by all that continue it.
struct Prompt {
  std::string text;                // after the template; empty unless it was wanted
  std::vector<Token> tokens;       // never empty, unless PromptInput::may_be_empty
  std::vector<std::string> stops;  // of the template: the next turn's beginnings
  std::vector<Token> stop_tokens;  // those of the stops that are one token
  std::string chat_template;       // the name of the one that was applied
  Turn turn;
  uint32_t shared = 0;             // tokens that prompts to come will begin with as well: what was read of them is kept
};

// What a text goes on from, and the name under which what became of it is kept. A request has one, or several: all of
// them are fed the same tokens, their logits are mixed by their gates, and one token is drawn for all (MRSS).
struct Stream {
  std::string from;         // a session (state_store.h); empty, or where there is none of that name: `start`
  StatePtr start;           // null: what the model starts from
  bool must_exist = false;  // the session; else Error(not_found)
  float gate = 1;           // its share of the mixture: over the sum of all, or as it is where that is 0
  std::string keep;         // the session that the turn is kept in; empty: it is forgotten
  bool replace = false;     // whatever `keep` stands for; else that must be `from`'s turn, or not exist
  bool fresh = false;       // `keep` must not exist, whatever `from` is
};

// What is wanted of the logits beside the text: natural logarithms of probabilities, of the model's own distribution,
// before penalties and temperature. Each is the number of the likeliest tokens to name beside the one that came: 0: none.
struct Report {
  std::optional<uint16_t> logprobs;         // of the answer's tokens
  bool stop_token = false;                  // and of the one that ended it
  // Of the prompt's, but for the first; it is then read from its first token on. Of several choices the one hears them that
  // reads it.
  std::optional<uint16_t> prompt_logprobs;
  bool progress = false;  // an event after each step that read some of the prompt
};
inline constexpr uint16_t max_logprobs = 128;

// What an answer has to be.
struct ConstraintInput {
  enum class Kind : uint8_t {
    json_object,  // any JSON object
    json_schema,  // JSON of this schema
    regex,        // a text that the whole expression matches
    grammar,      // one of this grammar, in llama.cpp's GBNF
    literal,      // this text
    any_of,       // one of the parts
    sequence,     // the parts, one after the other
    repeated,     // the part, once or up to `most` times, with `text` between
    text_before   // any text without `text` in it; or up to there, and then the part
  };
  Kind kind = Kind::json_object;
  std::string text;
  std::vector<ConstraintInput> parts{};
  std::string field{};    // of the request: what errors call it
  uint32_t most = 1;      // of what is repeated
  bool in_order = false;  // objects' members stand as the schema has them, where they could stand in any order
  bool lenient = false;   // any JSON object will do where this schema is one that cannot be kept to
};
class Constraint;  // Engine::constrain makes one

struct Request {
  std::shared_ptr<const Prompt> prompt;
  // In its place where the first stream's session has read something before: what is new since then. Null: `prompt`.
  std::shared_ptr<const Prompt> continued;
  std::vector<Stream> streams;  // none: one that starts as the model does
  // What of its answer another request drew, which was paused, and whose states the streams go on from: it counts for
  // penalties, random numbers and stops, was shown as far as no stop held it back, and is no part of `max_tokens`.
  std::vector<Token> drawn;
  Sampling sampling;
  uint32_t max_tokens = 512;  // 0: the prompt is fed, and that is all
  EmbeddingTask task = EmbeddingTask::retrieval;
  bool embed = false;         // Event::embedding is wanted of the prompt; with max_tokens 0
  Report report;
  // The answer is one of its texts, if `max_tokens` and `stop` let it end; a thought before it is free. The template's own
  // ends count where the answer may end, and nowhere else. Null: any text.
  std::shared_ptr<const Constraint> constraint;
  bool report_states = false;  // Event::states is wanted
  bool report_turn = false;    // Event::turn is wanted
  std::string tenant;  // whose: prompts of others are not gone on from, so that nobody learns of them by how fast he is answered
  bool use_prefix_cache = true;  // the states of other prompts that begin alike may be gone on from
  std::string note;           // of the caller, kept with the turn: at most max_note bytes
  // Generation ends before the first of these; never shown. Empty strings are skipped.
  std::vector<std::string> stop;
  uint32_t shown_stops = 0;  // the first so many of these are shown where they end the text, for it is asked for
  std::vector<Token> stop_tokens;
  // Goes on past the ends that the model makes: token 0 (where the vocabulary has no text for it), and the
  // prompt's own stops.
  bool ignore_eos = false;
};

}  // namespace fulmar
