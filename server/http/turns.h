// Connections that send much are read in turn, a few at a time, so that a small request never stands behind a
// hundred of them.
#pragma once
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>

namespace fulmar::http {

class Turns {
 public:
  explicit Turns(std::size_t at_once) : free_(at_once) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // A place in the row, first come, first served. The turn ends, or the place is given up, with the object.
  class Turn {
   public:
    // Where it is not `mine` at once, `wake` is called on the thread that ends another's: under the lock, so that it
    // must only post. What it throws is not heard: look again by yourself.
    Turn(Turns& turns, std::function<void()> wake);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    bool mine() const;

   private:
    friend class Turns;
    Turns& turns_;
    const std::function<void()> wake_;
    std::list<Turn*>::iterator place_;  // while it waits
    bool mine_ = false;
  };

 private:
  std::mutex mutex_;
  std::size_t free_;
  std::list<Turn*> waiting_;
};

}  // namespace fulmar::http
