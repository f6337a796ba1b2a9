// The base of nodes that go on after they were activated.
#pragma once
#include "UObject/Object.h"

class UBlueprintAsyncActionBase : public UObject {
 public:
  virtual void Activate() {}
};
