// The public face of the inference engine: load a model, submit requests, receive text as it is made.
//
// One engine thread owns the model. Any thread may call prepare() and submit(); a request's Sink is called on the engine
// thread and must not block. Errors are fulmar::Error (see error.h).
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fulmar/adapter.h"
#include "fulmar/error.h"

namespace fulmar {

using Token = int32_t;

// How the next token is drawn. Order: penalties and bias on the logits, temperature, top_k, top_p, min_p,
// draw.
struct Sampling {
  float temperature = 1.0f;       // 0: greedy
  int32_t top_k = 0;              // 0: all
  float top_p = 1.0f;             // 1: all; 0: the most likely token
  float min_p = 0.0f;             // tokens below min_p times the best probability are dropped
  float presence_penalty = 0.0f;  // logit -= presence once a token occurred, plus frequency times its count
  float frequency_penalty = 0.0f;
  float penalty_decay = 1.0f;  // counts are multiplied by this after every token
  std::vector<std::pair<Token, float>> logit_bias;
  std::optional<uint64_t> seed;  // same seed, same text; whatever else is in the batch: see EngineOptions
};

enum class Think { off, on, fake };  // see TurnOpening

struct ToolCall {
  std::string name, arguments;  // arguments: a JSON object as text
};

struct ChatMessage {
  std::string role;  // "system" or "developer", "user", "assistant", "tool"
  std::string content;
  std::vector<ToolCall> tool_calls{};  // that an assistant's turn made after its content
};

// What the chat template is told beside the messages.
struct TemplateOptions {
  Think think = Think::off;
  std::string user_name, assistant_name, system_name;  // empty: User, Assistant, System; 64 bytes, one line
  bool presystem = false;  // a first exchange in which the assistant promises to answer in full
  // Whether the last message's text goes on instead of a new turn; by default where it is the assistant's.
  std::optional<bool> continue_final_message;
};

// What to continue: `tokens` if any, else `messages` through the RWKV chat template, else `text` as it is. An
// empty prompt is allowed: the end-of-text token (id 0) is fed, so that there is a position to predict from.
struct PromptInput {
  std::string text;
  std::vector<Token> tokens;
  std::vector<ChatMessage> messages;
  TemplateOptions chat;
  bool keep_text = false;  // Prompt::text is wanted
};

// How the template left the turn that the model continues. The engine undoes it: a request's text is the
// answer alone.
enum class TurnOpening : uint8_t {
  none,     // no template, or a turn that has text already
  name,     // "Assistant:", and the model begins with a space
  thought,  // "Assistant: <think", and the model goes on with ">"; the text gets the tag back
  faked     // "Assistant: <think>\n</think", and the model goes on with ">" and white space
};

// A prompt is a value: made once by Engine::prepare and shared by all that continue it.
struct Prompt {
  std::string text;                // after the template; empty unless it was wanted
  std::vector<Token> tokens;       // never empty
  std::vector<std::string> stops;  // of the template: the next turn's beginnings
  TurnOpening opening = TurnOpening::none;
};

struct Request {
  std::shared_ptr<const Prompt> prompt;
  Sampling sampling;
  uint32_t max_tokens = 512;  // 0: the prompt is fed, and that is all
  // Generation ends before the first of these; never shown. Empty strings are skipped.
  std::vector<std::string> stop;
  std::vector<Token> stop_tokens;
  // Goes on past the ends that the model makes: token 0 (where the vocabulary has no text for it), and the
  // prompt's own stops.
  bool ignore_eos = false;
};

enum class Finish : uint8_t {
  none,       // more will come
  stop,       // a stop string, a stop token or the end of text
  length,     // max_tokens
  cancelled,  // the engine was drained or destroyed first; a closed sink hears nothing more
  failed      // see Event::error
};

struct Event {
  std::string_view text;          // new text: whole UTF-8 characters, never part of a stop string
  std::span<const Token> tokens;  // sampled since the last event, the one that stopped it included
  Finish finish = Finish::none;   // the last event of a request has one
  uint32_t prompt_tokens = 0, completion_tokens = 0;  // so far
  uint64_t step = 0;                                  // the engine step that made it
  const Error* error = nullptr;                       // with Finish::failed
  // A token that completes no text makes no event of its own: it comes with the next one.
};

// Where a request's events go. Keep it alive by the shared_ptr given to submit(); call close() when nobody
// listens any more: the slot is free within one step and no further event arrives after the one in flight.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void on_event(const Event& event) = 0;
  void close() { closed_.store(true, std::memory_order_release); }
  bool closed() const { return closed_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> closed_{false};
};

// One request and where its answers go: choice i differs from the others, also under one seed.
struct Submission {
  Request request;
  std::vector<std::shared_ptr<Sink>> choices;
};

struct EngineOptions {
  std::string model;     // file or folder
  std::string name;      // the model's id; empty: the name of the file without its ending, or the folder's
  std::string vocab;     // file, "bytes", or empty: the model's own, else World
  std::string strategy;  // "vulkan fp16"; empty or "auto": chosen by free memory
  uint64_t memory_limit = 0;  // bytes of memory of each GPU; 0: all of it
  std::optional<float> head_norm_eps;
  std::vector<Adapter> adapters;  // merged into the model's weights in this order
  std::string state;              // file with a tuned initial state of every sequence; empty: the model's own
  std::string state_order;  // of that file's matrices: "value-key", "key-value"; empty: what the file tells
  uint32_t slots = 0;     // requests generating at once; 0: as many as an eighth of the weights' memory holds
  uint32_t queue = 1024;  // choices waiting; one more is Error(busy)
  uint64_t queue_tokens = 4 << 20;         // tokens of the prompts waiting, each prompt once; more: Error(busy)
  uint32_t max_prompt_tokens = 256 << 10;  // of one prompt, whose text has at most 16 bytes for each
  uint32_t step_tokens = 256;  // rows of the largest step, at least `slots`: decode rows first, then prompts
  uint32_t threads = 0;        // CPU threads; 0: one per core
  bool matrix_units = true;    // of GPUs, where they have them and passed a try
  // The same seed gives the same text in any company on every device, at the price of speed on some. Without
  // it that holds on CPUs without AVX-512, and elsewhere in steps of few rows; docs/http-api.md has it all.
  bool reproducible = false;
  std::function<void(uint64_t done, uint64_t total)> progress;  // while loading, in bytes
};

struct ModelInfo {
  std::string id;        // EngineOptions::name, or what stands for it
  std::string version;   // "v7"
  std::string strategy;  // as resolved
  std::string device;
  uint32_t layers = 0, channels = 0, vocab = 0;
  uint64_t parameters = 0, weight_bytes = 0, state_bytes = 0;
  int64_t created = 0;  // Unix time of loading
};

struct EngineStats {
  uint64_t steps = 0, prompt_tokens = 0, completion_tokens = 0;
  uint32_t live = 0, queued = 0;  // requests in slots and waiting
};

class Engine {
 public:
  // Loads the model; throws Error. The engine is ready when this returns.
  static std::unique_ptr<Engine> create(const EngineOptions& options);
  virtual ~Engine() = default;  // cancels what is in flight

  // Template and tokens, on the caller's thread; any thread may call it. Throws Error(bad_request), naming
  // the field, for a prompt that is too long, cannot be spelled in this vocabulary or breaks the template.
  virtual std::shared_ptr<const Prompt> prepare(const PromptInput& input) const = 0;

  // Takes all of them or, with an Error, none. Error(busy) when the queue has no room for them now,
  // Error(unavailable) while draining or after the device was lost, Error(bad_request) for what can never
  // run. Events may come before this returns.
  virtual void submit(std::vector<Submission> all) = 0;

  virtual const ModelInfo& model() const = 0;
  virtual EngineStats stats() const = 0;
  // Empty while healthy, else the sentence that says why requests are refused (draining counts).
  virtual std::string trouble() const = 0;

  // Merges these adapters into the model in place of those it has now; none: the model as its file has it.
  // Only matrices that the old or the new ones change are merged and sent to the device again. Requests under
  // way end first, with the weights they began with, while those in the queue wait. Returns when it is done.
  // Throws Error(busy) where requests are still under way after `seconds`, Error(unavailable) while draining,
  // Error(bad_file) or Error(unsupported) for an adapter that does not fit; the model is then what it was.
  // Not for the engine thread, so not from a sink.
  virtual void set_adapters(const std::vector<Adapter>& adapters, double seconds) = 0;

  // Refuses new requests and returns when those in flight have ended; what still runs after `seconds` is
  // cancelled. Not for the engine thread, so not from a sink.
  virtual void drain(double seconds) = 0;
};

}  // namespace fulmar
