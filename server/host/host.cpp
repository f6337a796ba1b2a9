// What any thread may ask of the host; what its own thread does is in host_thread.cpp.
#include "host/host.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/fail.h"
#include "base/log.h"

namespace fulmar::host {
namespace {

std::string percent(double part) {
  return fmt::format("{:.0f} %", part * 100);
}

}  // namespace

NotResident::NotResident(const std::string& model)
    : Error(ErrorKind::unavailable, fmt::format("the model {} is being loaded; ask again in a moment", model), "model"),
      id(model) {}

Host::Host(HostOptions options)
    : options_(std::move(options)), shelf_(options_.folders) {
  look_through_shelf();
  thread_ = std::thread([this] { run(); });
}

void Host::look_through_shelf() {
  std::vector<std::string> ids;
  for (Shelf::Model& model : shelf_.models()) ids.push_back(std::move(model.id));
  const std::lock_guard lock(mutex_);
  on_shelf_ = std::move(ids);
  looked_ = Clock::now();
  look_ = false;
}

void Host::end() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = draining_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
  residents_.clear();
  bury();
  options_.engine.sessions.reset();  // what was not written yet is written now
}

ServedPtr Host::find(std::string_view name) {
  std::string id(name);
  {
    const std::lock_guard lock(mutex_);
    if (draining_) fail(ErrorKind::unavailable, "the server is shutting down");
    if (ServedPtr found = named(name)) return found;
    if (id.empty()) id = current_;
    // Where none is on its way, waiting helps nobody.
    if (shelf_.is_open() && id.empty() && at_work_.empty() && orders_.empty()) throw Error(ErrorKind::bad_request, why_not(), "model");
    if (!shelf_.is_open() || id.empty()) fail(ErrorKind::unavailable, "{}", why_not());
    if (known_.contains(id)) throw NotResident(id);
  }
  if (shelf_.path_of(id)) throw NotResident(id);
  throw Error(ErrorKind::not_found, fmt::format("there is no model {}; GET /v1/models lists those there are", id), "model");
}

ServedPtr Host::find_or_current(std::string_view name) {
  {
    const std::lock_guard lock(mutex_);
    if (draining_) fail(ErrorKind::unavailable, "the server is shutting down");
    if (ServedPtr found = named(name)) return found;
    if (known_.contains(std::string(name))) throw NotResident(std::string(name));
  }
  if (shelf_.path_of(name)) throw NotResident(std::string(name));
  return find({});
}

// A resident by its id or one of its names; the current one for an empty name, and where nobody can mean another.
ServedPtr Host::named(std::string_view name) {
  for (Resident& one : residents_) {
    const auto entry = std::ranges::find_if(one.names, [&](const ServedPtr& served) { return served->id == name; });
    if (one.served->id != name && entry == one.names.end()) continue;
    one.used = Clock::now();
    return entry == one.names.end() ? one.served : *entry;
  }
  if (!name.empty() && shelf_.is_open()) return nullptr;
  const auto current = resident(current_);
  if (current == residents_.end()) return nullptr;
  current->used = Clock::now();
  return current->served;
}

std::list<Host::Resident>::iterator Host::resident(std::string_view id) {
  return std::ranges::find_if(residents_, [&](const Resident& one) { return one.served->id == id; });
}

std::string Host::why_none() const {
  const std::lock_guard lock(mutex_);
  return why_not();
}

std::string Host::why_not() const {
  if (!loading_.empty()) return fmt::format("the model is still loading ({}); GET /health says when it is ready", percent(loaded_));
  if (const auto why = troubles_.find(wanted_); why != troubles_.end()) return why->second;
  return "no model is loaded; name one of GET /v1/models, or load one with POST /loadmodel or /switch-model";
}

std::string Host::trouble() const {
  const std::lock_guard lock(mutex_);
  if (draining_) return "draining: the server is shutting down";
  for (const Resident& one : residents_)
    if (one.served->id == current_) return one.served->engine->trouble();
  const bool would_load = shelf_.is_open() && loading_.empty();
  return residents_.empty() && !would_load ? why_not() : std::string();
}

ServedPtr Host::current() const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::max_element(residents_, {}, [this](const Resident& one) {
    return std::pair(one.served->id == current_, one.used);
  });
  return found == residents_.end() ? nullptr : found->served;
}

StateStore& Host::sessions() const {
  if (options_.engine.sessions) return *options_.engine.sessions;
  const ServedPtr served = current();
  if (!served) fail(ErrorKind::unavailable, "{}", why_none());
  return served->engine->sessions();
}

bool Host::is_loading() const {
  const std::lock_guard lock(mutex_);
  return !loading_.empty();
}

std::optional<Host::Known> Host::known_as(const std::string& id) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
  }
  const std::optional<std::string> path = shelf_.path_of(id);
  if (!path) return std::nullopt;
  return Known{spec_for(*path, id), {}};
}

std::optional<ModelSpec> Host::spec_of(const std::string& id) const {
  std::optional<Known> known = known_as(id);
  if (!known) return std::nullopt;
  return std::move(known->spec);
}

void Host::refuse_if_busy() const {
  if (draining_) fail(ErrorKind::unavailable, "the server is shutting down");
  if (!at_work_.empty()) fail(ErrorKind::busy, "{}; try again when that is done", at_work_);
  if (!orders_.empty()) fail(ErrorKind::busy, "another model is about to be loaded; try again when that is done");
}

void Host::push(Order order) {
  orders_.push_back(std::move(order));
  work_.notify_all();
}

void Host::load(ModelSpec spec, double grace, Done done, Usual usual) {
  const std::lock_guard lock(mutex_);
  refuse_if_busy();
  std::string id = spec.name.empty() ? std::filesystem::path(spec.file).stem().string() : spec.name;
  wanted_ = id;
  push({std::move(spec), std::move(id), true, true, grace, {std::move(done)}, std::move(usual)});
}

void Host::unload(std::string_view id, double grace, Done done) {
  const std::lock_guard lock(mutex_);
  refuse_if_busy();
  std::string which(id.empty() ? std::string_view(current_) : id);
  if (which.empty()) fail(ErrorKind::not_found, "no model is loaded");
  if (resident(which) == residents_.end())
    throw Error(ErrorKind::not_found, fmt::format("the model {} is not loaded", which), "model");
  push({{}, std::move(which), false, false, grace, {std::move(done)}});
}

void Host::when_resident(const std::string& id, Done done) {
  std::optional<Known> known = known_as(id);
  {
    const std::lock_guard lock(mutex_);
    if (draining_) fail(ErrorKind::unavailable, "the server is shutting down");
    size_t waiting = 0;
    for (const Order& order : orders_) waiting += order.done.size();
    if (waiting >= kAwaiting)
      fail(ErrorKind::busy, "{} requests wait for models to be loaded already; try again later", waiting);
    if (resident(id) == residents_.end()) {
      if (!known) throw Error(ErrorKind::not_found, fmt::format("there is no model {}", id), "model");
      const auto same = std::ranges::find_if(orders_, [&](const Order& order) { return order.id == id && !order.spec.file.empty(); });
      if (same != orders_.end()) return same->done.push_back(std::move(done));
      const bool current = current_.empty() || current_ == id;
      return push({std::move(known->spec), id, current, false, options_.grace_seconds, {std::move(done)}, std::move(known->usual)});
    }
  }
  done(nullptr);
}

void Host::keep(std::string_view id, double seconds) {
  constexpr double most = 1e9;  // what a clock can count
  if (!shelf_.is_open()) return;
  const std::lock_guard lock(mutex_);
  const auto found = resident(id);
  if (found == residents_.end()) return;
  found->idle = seconds < 0 ? -1 : std::min(seconds, most);
  sooner_ = true;
  work_.notify_all();
}

ModelSpec Host::spec_for(const std::string& path, const std::string& id) const {
  ModelSpec spec = options_.engine.model;
  if (!spec.file.empty()) {
    spec.vocab.clear();
    spec.chat_template.clear();
    spec.head_norm_eps.reset();
    spec.adapters.clear();
    spec.reranker.clear();
    spec.state.clear();
    spec.state_order.clear();
    spec.progress = {};
  }
  spec.file = path;
  spec.name = id;
  return spec;
}

void Host::adopt(std::shared_ptr<Engine> engine) {
  const std::string id = engine->model().id;
  publish(std::move(engine), {{}, id, true, true, 0, {}});
}

void Host::name(Served entry) {
  const std::lock_guard lock(mutex_);
  const auto current = resident(current_);
  if (current == residents_.end()) fail(ErrorKind::unavailable, "{}", why_not());
  // Whoever has it may see it through a view of his own, which shares its ownership.
  const std::shared_ptr<Engine>& engine = current->served->engine;
  if (entry.engine && (entry.engine.owner_before(engine) || engine.owner_before(entry.engine)))
    fail(ErrorKind::unavailable, "another model was loaded meanwhile; ask again, for that one");
  entry.engine = engine;
  entry.base = current->served->base;
  std::vector<ServedPtr>& names = current->names;
  const auto same = std::ranges::find_if(names, [&](const ServedPtr& served) { return served->id == entry.id; });
  if (same != names.end()) {
    *same = std::make_shared<Served>(std::move(entry));
  } else {
    if (names.size() >= kNames) fail(ErrorKind::busy, "the model has {} names already; remove some first", names.size());
    names.push_back(std::make_shared<Served>(std::move(entry)));
  }
}

void Host::forget_names() {
  const std::lock_guard lock(mutex_);
  if (const auto current = resident(current_); current != residents_.end()) current->names.clear();
}

std::vector<ServedPtr> Host::names() const {
  const std::lock_guard lock(mutex_);
  for (const Resident& one : residents_)
    if (one.served->id == current_) return one.names;
  return {};
}

std::vector<Listed> Host::list() {
  std::vector<Listed> all;
  std::string loading;
  double loaded = 0;
  std::map<std::string, std::string> troubles;
  std::vector<std::string> others;
  {
    const std::lock_guard lock(mutex_);
    if (shelf_.is_open() && Clock::now() - looked_ > std::chrono::seconds(1) && !std::exchange(look_, true)) work_.notify_all();
    for (const Resident& one : residents_) {
      const bool current = one.served->id == current_;
      std::optional<double> left = idle_of(one);
      if (left) left = std::max(0.0, *left - std::chrono::duration<double>(Clock::now() - one.used).count());
      all.insert(current ? all.begin() : all.end(), {one.served->id, Presence::resident, current, 1, {}, one.served, left});
    }
    loading = loading_;
    loaded = loaded_;
    troubles = troubles_;
    others = on_shelf_;
    if (shelf_.is_open())
      for (const auto& [id, how] : known_) others.push_back(id);
  }
  if (!loading.empty()) all.push_back({loading, Presence::loading, false, loaded, {}, {}, {}});
  std::ranges::sort(others);
  for (const std::string& id : others) {
    if (std::ranges::find(all, id, &Listed::id) != all.end()) continue;
    const auto why = troubles.find(id);
    const bool failed = why != troubles.end();
    all.push_back({id, failed ? Presence::failed : Presence::available, false, 0, failed ? why->second : std::string(), {}, {}});
  }
  return all;
}

std::shared_ptr<void> Host::subscribe(std::function<void()> changed) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.push_front(std::move(changed));
  const auto at = listeners_.begin();
  return {nullptr, [this, at](void*) {
            const std::lock_guard again(listeners_mutex_);
            listeners_.erase(at);
          }};
}

void Host::tell() {
  const std::lock_guard lock(listeners_mutex_);
  for (const auto& changed : listeners_) changed();
}

void Host::drain(double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::vector<std::shared_ptr<Engine>> engines;
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    for (const Resident& one : residents_) engines.push_back(one.served->engine);
  }
  work_.notify_all();
  for (const auto& engine : engines)
    engine->drain(std::max(0.0, std::chrono::duration<double>(end - Clock::now()).count()));
}

}  // namespace fulmar::host
