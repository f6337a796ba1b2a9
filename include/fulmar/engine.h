// The public face of the inference engine: load a model, submit requests, receive text as it is made.
//
// One engine thread owns the model. Any thread may call submit(); a request's Sink is called on the engine
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
  // Same seed, same text. Whatever else is in the batch: on CPUs without AVX-512 always, with it in steps of
  // up to 16 rows, on Vulkan of up to 8, else up to rounding (docs/http-api.md, Seeds).
  std::optional<uint64_t> seed;
};

enum class Think { off, on, fake };  // see ChatMessage: how the assistant's turn is opened

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

// What to continue: `tokens` if any, else `messages` through the RWKV chat template, else `text` as it is. An
// empty prompt is allowed: the end-of-text token (id 0) is fed, so that there is a position to predict from.
struct Request {
  std::string text;
  std::vector<Token> tokens;
  std::vector<ChatMessage> messages;
  Think think = Think::off;
  Sampling sampling;
  uint32_t max_tokens = 512;
  // Generation ends before the first of these; never shown. Empty strings are skipped. `messages` without any
  // get the chat template's own ("\n\nUser:").
  std::vector<std::string> stop;
  std::vector<Token> stop_tokens;
  bool ignore_eos = false;  // else token 0 (where the vocabulary has no text for it) ends generation
  uint32_t choice = 0;      // 0..n-1 where a client asks for n: choices differ, also under one seed
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
  uint32_t queue = 1024;  // requests waiting; one more is Error(busy)
  uint32_t step_tokens = 256;  // rows of the largest step, at least `slots`: decode rows first, then prompts
  uint32_t threads = 0;        // CPU threads; 0: one per core
  bool matrix_units = true;    // of GPUs, where they have them and passed a try
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

  // Takes a request. Throws Error(busy) when the queue is full, Error(unavailable) while draining or after
  // the device was lost, Error(bad_request) for a request that can never run.
  virtual void submit(Request request, std::shared_ptr<Sink> sink) = 0;

  virtual const ModelInfo& model() const = 0;
  virtual EngineStats stats() const = 0;
  // Empty while healthy, else the sentence that says why requests are refused (draining counts).
  virtual std::string trouble() const = 0;

  virtual std::vector<Token> tokenize(std::string_view text) const = 0;
  virtual std::string detokenize(std::span<const Token> tokens) const = 0;

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
