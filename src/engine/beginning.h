// What a request begins from, as admission found it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "fulmar/request.h"
#include "fulmar/state_store.h"

namespace fulmar {

struct Beginning {
  Lease lease;                   // of the sessions that it goes on with, until what is kept is durable; null: of none
  std::shared_ptr<const Prompt> prompt;  // Request::prompt or Request::continued
  std::vector<StatePtr> states;  // by stream; null: what the model starts from
  std::vector<Node> parents;     // by stream: the turn of its session; 0: none
  std::vector<std::string> notes;  // by stream: of that turn
  uint32_t read = 0;             // tokens of the prompt that `states` have seen
  std::vector<uint32_t> slots;   // by stream, that have those states already; else empty
  std::vector<uint32_t> marks;   // tokens of the prompt after which states are wanted, ascending, above `read`
  bool cacheable = false;        // the prefix index may have states of it, by stream under `origins`
  std::vector<StatePtr> origins;
};

}  // namespace fulmar
