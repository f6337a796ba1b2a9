// The plugin's module, which has nothing to start or to end.
#include "Modules/ModuleManager.h"

IMPLEMENT_MODULE(FDefaultModuleImpl, FulmarClient)
