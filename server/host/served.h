// What a model's name stands for: an engine, and how its texts begin and are drawn.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fulmar/engine.h"

namespace fulmar::host {

// How requests for a name are drawn where they say nothing.
struct Usual {
  std::optional<float> temperature, top_p;
  std::vector<std::string> stops = {};  // of chats, beside the template's own
  std::string profile = {};  // one of known_profiles(), in place of the model's own where --sampling-profile names none
  std::optional<uint32_t> max_tokens = {};  // of chats
};

// Never changed once others have it. Who holds one keeps the engine: see Host on what becomes of it then.
struct Served {
  std::string id;
  std::shared_ptr<Engine> engine;
  std::vector<Stream> streams = {};  // what a text begins from; none: what the model begins from
  Usual usual = {};  // of the name
  Usual base = {};   // of the model, as it was loaded: what comes after the name's own
};
using ServedPtr = std::shared_ptr<const Served>;

}  // namespace fulmar::host
