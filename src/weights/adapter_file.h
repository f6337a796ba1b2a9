// Adapter files taken apart: which tensors belong to which matrix of the model, and whether they fit it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "fulmar/adapter.h"
#include "weights/adapters.h"
#include "weights/file_source.h"
#include "weights/peft_config.h"

namespace fulmar {

// A tensor of an adapter file, by the name it has there.
struct AdapterTensor {
  SourcePtr file;
  std::string name;
  std::vector<float> values() const { return to_floats(file->load(name)); }
};

// What is done to one matrix W [out, in].
struct MatrixChange {
  enum class Kind : uint8_t {
    lora,   // W + s B A
    dora,   // then every column scaled to the length M says
    pissa,  // W - B0 A0 + B A: W was split into W - B0 A0 and B0 A0 before training
    bone,   // blocks of r x r: W + W D + D
    disha,  // W[o, i] + D[i mod r, o]
  };
  Kind kind = Kind::lora;
  AdapterTensor A, B, M, A0, B0, D;  // those the kind has
  uint64_t r = 0;
  float s = 1;
};

struct AdapterContents {
  std::map<std::string, MatrixChange> changes;    // by the name of the model's matrix
  std::map<std::string, AdapterTensor> replaced;  // tensors that take the place of the model's
  std::map<std::string, AdapterTensor> added;     // tuned initial states, which most models do not have
};

// An open adapter, its tensors under BlinkDL's names.
struct OpenAdapter {
  SourcePtr file;
  std::string mode;
  std::optional<float> scaling;                              // as it was asked for
  std::optional<PeftConfig> config;                          // what lies beside the file
  std::map<std::string, std::string, std::less<>> original;  // the names in the file, where they are others
  float scale = 1;                                           // times the scaling
};
OpenAdapter open_adapter(const Adapter& adapter);
// The same of a file that is open.
OpenAdapter as_adapter(SourcePtr file, std::string mode, std::optional<float> scaling,
                       std::optional<PeftConfig> config);
std::shared_ptr<const AdaptedSource> adapt_open(SourcePtr model, const std::vector<OpenAdapter>& adapters);

// Reads the adapters' tables, one after the other; those of mode "pissa" that follow each other (the trained
// factors and the initial ones) are read as one. Every tensor must have its place in the model and fit it.
// Throws Error(bad_file) naming the tensor, Error(misuse) for a mode that does not exist.
std::vector<AdapterContents> read_adapters(const Source& model, const std::vector<OpenAdapter>& adapters);

}  // namespace fulmar
