// The ticker of the engine's core: what it is given is called once a frame, on the game thread.
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "UObject/Object.h"

class FTickerDelegate {
 public:
  template <typename Lambda>
  static FTickerDelegate CreateWeakLambda(UObject* object, Lambda lambda) {
    FTickerDelegate made;
    made.tick = [weak = object->weak_from_this(), lambda](float seconds) { return !weak.expired() && lambda(seconds); };
    return made;
  }
  std::function<bool(float)> tick;
};

class FTSTicker {
 public:
  using FDelegateHandle = int;
  static FTSTicker& GetCoreTicker();
  FDelegateHandle AddTicker(FTickerDelegate delegate);
  void RemoveTicker(FDelegateHandle handle);
  void frame();  // of a test
  size_t size() const { return delegates_.size(); }

 private:
  int last_ = 0;
  std::map<int, FTickerDelegate> delegates_;
};
