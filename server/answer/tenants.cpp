// Names of sessions get their holder's in front on the way in, and lose it on the way out.
#include "answer/tenants.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace fulmar::api {

Error told_to(const std::string& tenant, const Error& error) {
  std::string sentence = error.what();
  for (const std::string_view before : {"session ", "session '"}) {
    const std::string kept = fmt::format("{}{}/", before, tenant);
    for (size_t at = sentence.find(kept); !tenant.empty() && at != sentence.npos; at = sentence.find(kept, at))
      sentence.erase(at += before.size(), tenant.size() + 1);
  }
  return {error.kind(), sentence, error.param()};
}

class Tenants::Store final : public StateStore {
 public:
  Store(StateStore& of, const std::string& tenant) : of_(of), tenant_(tenant), prefix_(fmt::format("{}/", tenant)) {}

  std::string scoped(const std::string& id) const { return prefix_ + id; }

  FoundSession find(const std::string& id) override { return of_.find(scoped(id)); }
  Lease lease(const std::vector<std::string>& ids) override {
    std::vector<std::string> own;
    for (const std::string& id : ids) own.push_back(scoped(id));
    return of_.lease(own);
  }
  Ticket put(KeptTurn turn) override {
    turn.id = scoped(turn.id);
    return of_.put(std::move(turn));
  }
  void advance(Node turn, StatePtr state, const std::string& note) override { of_.advance(turn, std::move(state), note); }
  Ticket fork(const std::string& from, const std::string& to, bool replace, uint32_t back) override {
    return of_.fork(scoped(from), scoped(to), replace, back);
  }
  Ticket erase(const std::string& id, bool also_below) override { return of_.erase(scoped(id), also_below); }
  Ticket put_document(const std::string& id, std::string bytes) override { return of_.put_document(scoped(id), std::move(bytes)); }
  std::optional<std::string> document(const std::string& id) override { return of_.document(scoped(id)); }
  bool lasts() const override { return of_.lasts(); }
  std::optional<Outcome> outcome(const Ticket& ticket) override {
    std::optional<Outcome> outcome = of_.outcome(ticket);
    return outcome ? std::optional(told(std::move(*outcome))) : std::nullopt;
  }
  Outcome wait(const Ticket& ticket) override { return told(of_.wait(ticket)); }

  // Those of one holder stand together, for names are sorted.
  std::vector<SessionEntry> list(const std::string& after, size_t count) const override {
    std::vector<SessionEntry> own;
    for (SessionEntry& entry : of_.list(scoped(after), count)) {
      if (!entry.id.starts_with(prefix_)) break;
      own.push_back(unscoped(std::move(entry)));
    }
    return own;
  }
  std::optional<SessionEntry> entry(const std::string& id) const override {
    std::optional<SessionEntry> found = of_.entry(scoped(id));
    if (found) found = unscoped(std::move(*found));
    return found;
  }
  Transcript transcript(const std::string& id) override {
    try {
      return of_.transcript(scoped(id));
    } catch (const Error& error) {
      throw told_to(tenant_, error);
    }
  }
  Subscription subscribe(std::function<void()> changed) override { return of_.subscribe(std::move(changed)); }
  StoreStats stats() const override { return of_.stats(); }

 private:
  Outcome told(Outcome outcome) const {
    if (outcome.error) outcome.error = told_to(tenant_, *outcome.error);
    return outcome;
  }
  SessionEntry unscoped(SessionEntry entry) const {
    entry.id.erase(0, prefix_.size());
    return entry;
  }

  StateStore& of_;
  const std::string tenant_, prefix_;
};

class Tenants::View final : public Engine {
 public:
  View(Engine& of, std::string tenant, Store& sessions) : of_(of), tenant_(std::move(tenant)), sessions_(sessions) {}

  std::shared_ptr<const Prompt> prepare(const PromptInput& input) const override { return of_.prepare(input); }
  void submit(std::vector<Submission> all) override {
    for (Submission& one : all) {
      one.request.tenant = tenant_;
      for (Stream& stream : one.request.streams)
        for (std::string* id : {&stream.from, &stream.keep})
          if (!id->empty()) *id = sessions_.scoped(*id);
    }
    of_.submit(std::move(all));
  }
  StateStore& sessions() const override { return sessions_; }
  void check(const State& state) const override { of_.check(state); }
  void check_brought(const State& state) const override { of_.check_brought(state); }
  StatePtr mix(std::span<const StatePtr> states, std::span<const float> weights) const override { return of_.mix(states, weights); }
  StatePtr tuned_state(const std::string& file, const std::string& order) const override { return of_.tuned_state(file, order); }
  std::string text_of(std::span<const Token> tokens) const override { return of_.text_of(tokens); }
  std::function<std::string(Token)> speller() const override { return of_.speller(); }
  bool spells(const Fingerprint& model) const override { return of_.spells(model); }
  std::shared_ptr<const Constraint> constrain(const ConstraintInput& input) const override { return of_.constrain(input); }
  const ModelInfo& model() const override { return of_.model(); }
  Fingerprint fingerprint() const override { return of_.fingerprint(); }
  Engine* reranker() const override { return of_.reranker(); }
  StatePtr judged(const State& read) const override { return of_.judged(read); }
  EngineStats stats() const override { return of_.stats(); }
  EngineMeasures measures() const override { return of_.measures(); }
  std::string trouble() const override { return of_.trouble(); }
  void set_adapters(const std::vector<Adapter>& adapters, double seconds) override { of_.set_adapters(adapters, seconds); }
  void drain(double seconds, const std::string& why) override { of_.drain(seconds, why); }

 private:
  Engine& of_;
  const std::string tenant_;
  Store& sessions_;
};

Tenants::Tenants() = default;
Tenants::~Tenants() = default;

// Shares its ownership: it is one more pointer to that engine, through which it is seen otherwise.
std::shared_ptr<Engine> Tenants::engine(const std::shared_ptr<Engine>& of, const std::string& tenant) {
  if (tenant.empty()) return of;
  const std::lock_guard lock(mutex_);
  const auto key = std::pair(tenant, static_cast<const Engine*>(of.get()));
  auto found = engines_.find(key);
  if (found == engines_.end() || found->second.of.expired()) {
    std::erase_if(engines_, [](const auto& one) { return one.second.of.expired(); });
    auto& sessions = static_cast<Store&>(store_of(of->sessions(), tenant));
    found = engines_.insert_or_assign(key, Seen{of, std::make_unique<View>(*of, tenant, sessions)}).first;
  }
  return {of, found->second.view.get()};
}

StateStore& Tenants::store(StateStore& of, const std::string& tenant) {
  if (tenant.empty()) return of;
  const std::lock_guard lock(mutex_);
  return store_of(of, tenant);
}

StateStore& Tenants::store_of(StateStore& of, const std::string& tenant) {
  std::unique_ptr<Store>& store = stores_[{tenant, &of}];
  if (!store) store = std::make_unique<Store>(of, tenant);
  return *store;
}

}  // namespace fulmar::api
