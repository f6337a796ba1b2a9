// What makes a library a module of the engine's.
#pragma once

struct FDefaultModuleImpl {};
#define IMPLEMENT_MODULE(Implementation, Module) \
  Implementation& stand_in_module_##Module() {   \
    static Implementation module;                \
    return module;                               \
  }
