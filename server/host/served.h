// What a model's name stands for: an engine, and how its texts begin and are drawn.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fulmar/engine.h"

namespace fulmar::host {

// How requests for a name are drawn where they say nothing, before any profile does.
struct Usual {
  std::optional<float> temperature, top_p;
  std::vector<std::string> stops;  // beside a chat template's own
};

// Never changed once others have it. Who holds one keeps the engine: see Host on what becomes of it then.
struct Served {
  std::string id;
  std::shared_ptr<Engine> engine;
  std::vector<Stream> streams = {};  // what a text begins from; none: what the model begins from
  Usual usual = {};
};
using ServedPtr = std::shared_ptr<const Served>;

}  // namespace fulmar::host
