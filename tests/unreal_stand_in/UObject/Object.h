// Objects that something else collects, and pointers that notice.
#pragma once
#include <memory>
#include <vector>

#include "CoreMinimal.h"

class UObject : public std::enable_shared_from_this<UObject> {
 public:
  using Super = UObject;
  virtual ~UObject() = default;
  virtual void BeginDestroy() {}
};

// All objects there are.
std::vector<std::shared_ptr<UObject>>& stand_in_objects();
// What the garbage collector does to an object that nobody refers to.
void stand_in_collect(UObject* object);

template <typename Object>
Object* NewObject() {
  auto made = std::make_shared<Object>();
  stand_in_objects().push_back(made);
  return made.get();
}

template <typename Object>
class TWeakObjectPtr {
 public:
  explicit TWeakObjectPtr(Object* object) : object_(object->weak_from_this()) {}
  Object* Get() const { return static_cast<Object*>(object_.lock().get()); }
  bool IsValid() const { return Get() != nullptr; }
  Object* operator->() const { return Get(); }

 private:
  std::weak_ptr<UObject> object_;
};
