// Each holder of a key has sessions of his own: the engine and the store as he sees them.
//
// His session "notes" is kept as "alice/notes", so that whoever has the password sees all, and a store needs no second
// kind of key. The prefix cache is told whose prompt it is (Request::tenant).
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "fulmar/engine.h"

namespace fulmar::api {

// An error as its tenant is told, to whom his session "notes" is no "alice/notes".
Error told_to(const std::string& tenant, const Error& error);

class Tenants {
 public:
  Tenants();
  ~Tenants();

  // `tenant`: empty: the engine or the store itself. What is returned lives as long as that.
  std::shared_ptr<Engine> engine(const std::shared_ptr<Engine>& of, const std::string& tenant);
  StateStore& store(StateStore& of, const std::string& tenant);

 private:
  class Store;
  class View;
  struct Seen {
    std::weak_ptr<Engine> of;
    std::unique_ptr<View> view;
  };
  StateStore& store_of(StateStore& of, const std::string& tenant);  // with the lock held

  std::mutex mutex_;
  std::map<std::pair<std::string, const Engine*>, Seen> engines_;
  // Never taken out: what is answered when a change is durable may still point to one.
  std::map<std::pair<std::string, const StateStore*>, std::unique_ptr<Store>> stores_;
};

}  // namespace fulmar::api
