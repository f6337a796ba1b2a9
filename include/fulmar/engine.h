// The public face of the inference engine: load a model, submit requests, receive text as it is made.
//
// One engine thread owns the model. Any thread may call prepare() and submit(); a request's Sink is called on the engine
// thread and must not block. Errors are fulmar::Error (see error.h).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "fulmar/event.h"
#include "fulmar/model.h"
#include "fulmar/request.h"
#include "fulmar/state_store.h"

namespace fulmar {

// One request and where its answers go: choice i differs from the others, also under one seed.
struct Submission {
  Request request;
  std::vector<std::shared_ptr<Sink>> choices;
};

struct EngineOptions {
  ModelSpec model;
  uint32_t queue = 1024;                   // choices waiting; one more is Error(busy)
  uint64_t queue_tokens = 4 << 20;         // tokens of the prompts waiting, each prompt once; more: Error(busy)
  uint32_t max_prompt_tokens = 256 << 10;  // of one prompt, whose text has at most 16 bytes for each
  bool chats = true;  // false: no chat template is looked for, and there are no messages
  std::optional<uint32_t> thinking_budget;  // where a chat says nothing of it; see TemplateOptions
  std::shared_ptr<StateStore> sessions;     // null: a store of its own in memory
  std::optional<uint64_t> prefix_cache;     // bytes of states of prompts; 0: none; else an eighth of the free memory
};

struct EngineStats {
  uint64_t steps = 0, prompt_tokens = 0, completion_tokens = 0;
  uint32_t live = 0, queued = 0;  // requests in slots and waiting
  uint64_t cached_tokens = 0;     // of prompts, not fed again; counted in prompt_tokens too
  uint64_t prefix_hits = 0, prefix_misses = 0, prefix_bytes = 0, prefix_states = 0;
};

// Memory of a device that a model takes, in bytes.
struct DeviceUse {
  std::string name;  // "vulkan:0"
  uint64_t bytes = 0, peak = 0;
};

// What is measured and not only counted.
struct EngineMeasures {
  HistogramValues queue_seconds;   // that choices waited for a slot
  HistogramValues step_seconds;    // of whole steps
  HistogramValues device_seconds;  // of the model's part of them
  HistogramValues step_tokens;     // fed by each
  std::vector<DeviceUse> memory;   // looked at each second while there are steps
};

class Engine {
 public:
  // Loads the model; throws Error. The engine is ready when this returns.
  static std::unique_ptr<Engine> create(const EngineOptions& options);
  // Whether create() would now place the model as it would with all memory free: where not, what else is loaded should go
  // first. Reads no weights; throws what is wrong with the model or the options as far as that shows without them. Without a
  // file only words are checked.
  static bool fits_beside(const EngineOptions& options);
  virtual ~Engine() = default;  // cancels what is in flight

  // Template and tokens, on the caller's thread; any thread may call it. Throws Error(bad_request), naming
  // the field, for a prompt that is too long, cannot be spelled in this vocabulary or breaks the template.
  virtual std::shared_ptr<const Prompt> prepare(const PromptInput& input) const = 0;

  // What holds an answer to what was asked for, made or kept from before; any thread may call it, and it may take a
  // fraction of a second. Throws Error(bad_request), naming the field and the place in it, Error(busy) where those in use
  // take too much memory.
  virtual std::shared_ptr<const Constraint> constrain(const ConstraintInput& input) const = 0;

  // Takes all of them or, with an Error, none. Error(busy) when the queue has no room for them now,
  // Error(unavailable) while draining or after the device was lost, Error(bad_request) for what can never
  // run. Events may come before this returns. Slots are shared evenly among calls, and calls whose first sinks have
  // one owner (of the std::shared_ptr) count as one: a sink may submit more of the same when it hears an event, also
  // while draining.
  virtual void submit(std::vector<Submission> all) = 0;

  // Sessions: requests go on from them and are kept in them by name.
  virtual StateStore& sessions() const = 0;
  // Throws Error(bad_request), naming the difference, for a state of another model or vocabulary.
  virtual void check(const State& state) const = 0;
  // And for one whose unfed tokens are more than a prompt may have, where it comes from outside.
  virtual void check_brought(const State& state) const = 0;
  // sum(weights[i] * states[i]), of states whose tokens are all fed; it has seen as many as the one that saw most. Throws
  // Error(bad_request).
  virtual StatePtr mix(std::span<const StatePtr> states, std::span<const float> weights) const = 0;
  // A tuned state's file as a value: no token fed, and a hash of its own, so that texts that began from different ones are
  // told apart. `order` as in ModelSpec::state_order. Throws Error(bad_file) where it is no state of this model.
  virtual StatePtr tuned_state(const std::string& file, const std::string& order) const = 0;
  // Of a model that embeds, and was loaded with a reranker: that. Else null.
  virtual Engine* reranker() const { return nullptr; }
  // Of a reranker: what the request for a score begins from, by the state of a text that the other model has read. Throws
  // Error(bad_request) for a state that is none of its. Of others null.
  virtual StatePtr judged(const State&) const { return nullptr; }
  virtual std::string text_of(std::span<const Token> tokens) const = 0;
  // The same of one token, for who outlives the engine.
  virtual std::function<std::string(Token)> speller() const = 0;
  // Whether text_of() knows the tokens of this model's sessions, which may be another one's.
  virtual bool spells(const Fingerprint& model) const = 0;

  virtual const ModelInfo& model() const = 0;
  // Of the model with the adapters that it has now.
  virtual Fingerprint fingerprint() const = 0;
  // Neither waits for the engine's thread.
  virtual EngineStats stats() const = 0;
  virtual EngineMeasures measures() const { return {}; }
  // Empty while healthy, else the sentence that says why requests are refused (draining counts).
  virtual std::string trouble() const = 0;

  // Merges these adapters into the model in place of those it has now; none: the model as its file has it.
  // Only matrices that the old or the new ones change are merged and sent to the device again. Requests under
  // way end first, with the weights they began with, while those in the queue wait. Returns when it is done.
  // Throws Error(busy) where requests are still under way after `seconds`, Error(unavailable) while draining,
  // Error(bad_file) or Error(unsupported) for an adapter that does not fit; the model is then what it was.
  // Not for the engine thread, so not from a sink.
  virtual void set_adapters(const std::vector<Adapter>& adapters, double seconds) = 0;

  // Refuses new requests, saying `why`, and returns when those in flight have ended; what still runs after `seconds` is
  // cancelled. Not for the engine thread, so not from a sink.
  virtual void drain(double seconds, const std::string& why = "the server is shutting down") = 0;
};

}  // namespace fulmar
