// The one place that owns engines, and changes them while HTTP runs.
//
// A model is resident (its engine runs), on the shelf (a file in the folder of models) or on its way. One of the residents
// is the current one, for requests that name none. Endpoints hold what they found as long as their answers are made; a
// model that goes is found no more, and its engine ends on the host's thread once the last of its answers did, or after
// the time of grace, with Error(unavailable) for what was left. So no answer is made by two models.
//
// Loads come one after another, on the host's thread. Whatever can be told from a file alone is checked before anything is
// given up for it. Where memory holds both, the old model serves until the new one is there; where not, it goes first, and
// is loaded again should the new one fail.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "host/served.h"
#include "host/shelf.h"

namespace fulmar::host {

struct HostOptions {
  EngineOptions engine;       // of every model, but for what ModelSpec says of one
  ShelfFolders folders;       // without a folder of models there is one model, whatever a request names
  uint32_t most = 1;          // models resident at once
  double idle_seconds = 0;    // after which a resident that is not asked goes; 0: it stays
  double grace_seconds = 30;  // for answers of a model that goes
  std::function<std::unique_ptr<Engine>(const EngineOptions&)> make;  // Engine::create
  // Engine::fits_beside: false where other models must go first; throws what is wrong with a model.
  std::function<bool(const EngineOptions&)> fits;
};

// A model that is known and not resident: it is on its way, and when_resident() says when it is there.
class NotResident : public Error {
 public:
  explicit NotResident(const std::string& id);
  const std::string id;
};

enum class Presence : uint8_t { available, loading, resident, failed };

struct Listed {
  std::string id;
  Presence presence = Presence::available;
  bool current = false;
  double loaded = 0;   // 0 to 1, while loading
  std::string trouble;  // why the last load failed
  ServedPtr served;     // of a resident
  std::optional<double> leaves_in;  // seconds in which nobody asks; nothing: it stays
};

// Called on the host's thread, once; without a failure where the model is there.
using Done = std::function<void(std::exception_ptr failure)>;

class Host {
 public:
  explicit Host(HostOptions options);
  ~Host() { end(); }
  // Cancels what is under way, and ends all engines; nothing that was found may be held any more. A load is waited for.
  void end();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Any thread. An empty name is the current model, and so is every name where there is no shelf and nothing is called so.
  // Throws Error(unavailable), saying why, where there is no model yet, Error(bad_request) where none is asked for and none is
  // on its way, NotResident for one on the shelf, Error(not_found).
  ServedPtr find(std::string_view name);
  // The same, but a name that no model is called by, loaded or on the shelf, is the current model.
  ServedPtr find_or_current(std::string_view name);
  // Requests that wait for models, all together; docs/switching.md has it.
  static constexpr size_t kAwaiting = 64;
  // Has it loaded, as one more resident. Throws Error(busy) where too many wait already, Error(not_found).
  void when_resident(const std::string& id, Done done);

  // Makes this the current model, in place of the one there was where no more may be resident. Returns at once. Throws
  // Error(busy) while another load or unload is under way. `grace`: seconds for the answers of a model that goes.
  // `usual`: how requests for it are drawn where they say nothing.
  void load(ModelSpec spec, double grace, Done done, Usual usual = {});
  // The model of that id goes, or without one the current; none is current then. Throws as load() does, and
  // Error(not_found).
  void unload(std::string_view id, double grace, Done done);
  // How long a resident stays when nobody asks for it, in place of HostOptions::idle_seconds: 0: it goes as soon as nobody
  // uses it; less: it stays. Nothing where there is no shelf, from which it would come back.
  void keep(std::string_view id, double seconds);
  // An engine that was made elsewhere, as the current model.
  void adopt(std::shared_ptr<Engine> engine);

  // Another name for the current model, until that goes. Its base is filled in, and its engine where none is given. Throws
  // Error(unavailable) where there is no model or the engine given is no longer its, Error(busy) beyond kNames.
  static constexpr size_t kNames = 256;
  void name(Served entry);
  void forget_names();
  std::vector<ServedPtr> names() const;  // of the current model, in the order of coming

  // Residents first, the current one at their head, then the shelf by name, as it was looked through last: it is again,
  // on the host's thread, where that was longer ago than a second.
  std::vector<Listed> list();
  // For who only looks, which has nothing loaded: the current model where it is resident, else the resident that was asked
  // last, or null.
  ServedPtr current() const;
  std::string why_none() const;  // a sentence, where there is no model
  // Throws Error(unavailable) where the models bring stores of their own and none is there.
  StateStore& sessions() const;
  // Empty where requests are taken, else why not.
  std::string trouble() const;
  // `changed` is called, by any thread, when list() may have changed, at most a hundred times a load. It must not call back.
  [[nodiscard]] std::shared_ptr<void> subscribe(std::function<void()> changed);

  const Shelf& shelf() const { return shelf_; }
  // How a model of that name was loaded last, else what one of the shelf is loaded with; nothing where there is none.
  std::optional<ModelSpec> spec_of(const std::string& id) const;
  // What a model of that path is loaded with where nothing else is said: nothing of the first model that is only its own.
  ModelSpec spec_for(const std::string& path, const std::string& id) const;
  const HostOptions& options() const { return options_; }
  bool is_loading() const;
  // Refuses everything from now on, and returns when all answers have ended; what still runs after `seconds` is cancelled.
  void drain(double seconds);

 private:
  using Clock = std::chrono::steady_clock;
  struct Resident {
    ModelSpec spec;  // empty file: adopted
    ServedPtr served;
    std::vector<ServedPtr> names;
    Clock::time_point used;
    std::optional<double> idle = {};  // HostOptions::idle_seconds in its place; less than 0: it stays
  };
  struct Order {
    ModelSpec spec;  // of a load; an empty file: an unload of `id`
    std::string id;
    bool current = true;   // the model that is loaded becomes it
    bool replaces = true;  // a resident of the same id, and the current one where there is room for one
    double grace = 0;
    std::vector<Done> done;
    Usual usual = {};
  };
  struct Retiring {
    std::string id;
    std::weak_ptr<Engine> engine;
    double grace;
    Clock::time_point until;
    bool cancelled;
  };
  struct Known {
    ModelSpec spec;
    Usual usual;
  };

  void run();
  void carry_out(Order& order);
  void unload_now(const Order& order);
  void load_now(const Order& order);
  bool change_adapters(const Order& order);
  std::unique_ptr<Engine> make(const ModelSpec& spec, const std::string& id);
  std::list<Resident> publish(std::shared_ptr<Engine> engine, const Order& order);
  void retire(std::list<Resident> gone, double grace);
  void tend();
  void wait_for_retired();
  std::optional<Clock::time_point> next_look() const;
  void unload_idle();
  void look_through_shelf();
  void bury();
  void tell();
  std::shared_ptr<Engine> keep(std::unique_ptr<Engine> engine);
  std::optional<Known> known_as(const std::string& id) const;
  // With the lock held.
  std::list<Resident>::iterator resident(std::string_view id);
  ServedPtr named(std::string_view name);
  bool in_use(const Resident& one) const;
  std::optional<double> idle_of(const Resident& one) const;
  std::list<Resident> take_out(const Order& order, bool all);
  void refuse_if_busy() const;
  std::string why_not() const;
  void push(Order order);

  HostOptions options_;
  const Shelf shelf_;

  std::list<Retiring> retiring_;  // of the host's thread alone

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::list<Resident> residents_;
  std::string current_;  // id; empty: none
  std::deque<Order> orders_;
  std::string at_work_;  // what is being done, for a sentence; empty: nothing
  std::string loading_;  // id
  double loaded_ = 0;
  std::map<std::string, std::string> troubles_;   // of ids, why the last load failed
  std::string wanted_;                             // id of the model that was to be the current one last
  std::vector<std::unique_ptr<Engine>> graveyard_;  // nobody holds these; the host's thread ends them
  std::map<std::string, Known> known_;              // models that were loaded, as they were
  std::vector<std::string> on_shelf_;               // ids
  Clock::time_point looked_;                        // when
  bool look_ = false;                               // it is to be done again
  bool sooner_ = false;                             // what next_look() says may have changed
  bool draining_ = false, quit_ = false;

  mutable std::mutex listeners_mutex_;
  std::list<std::function<void()>> listeners_;

  std::thread thread_;  // last: it uses all of these
};

}  // namespace fulmar::host
