// Lists of names; see pickle_names.h.
#include "weights/pickle_names.h"

#include <algorithm>

namespace fulmar::pickle {

bool is_torch_name(std::string_view module, std::string_view name) {
  if (module == "torch.storage") return name == "TypedStorage" || name == "UntypedStorage";
  if (module != "torch") return false;
  if (name.ends_with("Storage")) return true;
  constexpr std::string_view types[] = {"float64", "float32", "float16", "bfloat16", "int64",
                                        "int32",   "int16",   "int8",    "uint8",    "bool"};
  for (const std::string_view type : types)
    if (name == type) return true;
  return false;
}

bool is_torch_tensor_kind(std::string_view module, std::string_view name) {
  return (module == "torch._utils" || module == "torch._tensor") && name.starts_with("_rebuild_");
}

bool is_refused(std::string_view module, std::string_view name) {
  constexpr std::string_view modules[] = {
      "os",      "posix",   "nt",       "subprocess",      "sys",       "runpy",      "pty",
      "socket",  "shutil",  "ctypes",   "importlib",       "code",      "commands",   "pickle",
      "marshal", "_pickle", "asyncio",  "multiprocessing", "threading", "webbrowser", "pip",
      "urllib",  "http",    "requests", "signal",          "timeit",    "pdb"};
  constexpr std::string_view builtins[] = {"eval",  "exec",       "execfile", "compile",   "open",
                                           "input", "__import__", "apply",    "breakpoint"};
  const std::string_view top = module.substr(0, module.find('.'));
  if (std::find(std::begin(modules), std::end(modules), top) != std::end(modules)) return true;
  if (top == "builtins" || top == "__builtin__")
    return std::find(std::begin(builtins), std::end(builtins), name) != std::end(builtins);
  return module.starts_with("torch._") || module == "torch.storage" || module == "torch.hub" ||
         module == "torch.jit" || module == "torch.serialization" || (module == "torch" && name == "load");
}

}  // namespace fulmar::pickle
