// What every fuzz target shares: which errors are answers to bad input, and what a program does with a model.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/mapped_file.h"
#include "fulmar/error.h"
#include "rwkv/config.h"
#include "weights/containers.h"
#include "weights/names.h"

namespace fulmar::fuzz {

inline std::string_view text_of(const uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Runs `action`. An Error that blames the input is as good an answer as none; everything else is a finding.
template <typename Action>
void refusing(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::internal) throw;
  }
}

inline void load_all(const Source& source) {
  for (const std::string& name : source.names()) {
    refusing([&] {
      source.info(name);
      source.load(name);
      source.release(name);
    });
  }
}

// Lists and loads every tensor as it lies in the file, then under RWKV's names, then as the engine sees it.
inline void use_model(const SourcePtr& file) {
  load_all(*file);
  const SourcePtr source = blinkdl_names(file, {});
  load_all(*source);
  refusing([&] { source->vocabulary(); });
  load_all(*rwkv::canonical(source, rwkv::detect(*source)));
}

using Reader = SourcePtr (*)(const FileErrors&, FilePtr);

// `bytes` through one container's reader.
inline int use_container(Reader reader, const uint8_t* data, std::size_t size) {
  if (size == 0) return 0;  // an empty file is refused before its container is known
  const auto file = std::make_shared<const MappedFile>(std::as_bytes(std::span(data, size)));
  refusing([&] { use_model(reader({"fuzz"}, file)); });
  return 0;
}

}  // namespace fulmar::fuzz
