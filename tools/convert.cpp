// `fulmar convert`: a model file in another container or in other formats.
#include "model/conversion.h"

#include <cstdio>
#include <memory>

#include "base/fail.h"
#include "commands.h"
#include "interrupt.h"
#include "progress.h"

namespace fulmar::tools {
namespace {

struct ConvertFlags {
  std::string in, out, type, vocab;
  std::vector<std::string> type_for;
  bool force = false;
};

TypeFor parse_type_for(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size())
    fail(ErrorKind::misuse, "--type-for: '{}' is not PATTERN=TYPE, such as '*.att.value.weight=q8_0'", text);
  return {text.substr(0, equals), text.substr(equals + 1)};
}

int run_convert(const ConvertFlags& flags) {
  ConvertOptions options;
  options.in = flags.in;
  options.out = flags.out;
  options.type = flags.type;
  for (const std::string& text : flags.type_for) options.type_for.push_back(parse_type_for(text));
  options.vocab = flags.vocab;
  options.replace = flags.force;
  const CatchInterrupt ctrl_c(CatchInterrupt::Signals::interrupt_and_terminate);
  options.progress = [&, show = show_progress("writing " + flags.out)](uint64_t done, uint64_t total) {
    if (ctrl_c.interrupted()) fail(ErrorKind::unavailable, "interrupted: {} was not written", flags.out);
    show(done, total);
  };
  options.note = [](const std::string& text) { std::fprintf(stderr, "note: %s\n", text.c_str()); };
  convert(options);
  return 0;
}

}  // namespace

void add_convert(CommandLine& line) {
  auto flags = std::make_shared<ConvertFlags>();
  Command command = line.command("convert", "Write a model file in another container or precision");
  command.option("in", flags->in, "Model file, in any container").required();
  command.option("out", flags->out, "File to write; its name ends in .safetensors or .gguf").required();
  command.option("--type", flags->type,
                 "Type of the large matrices, such as f16, i8 or q4_0; by default as they are in the file");
  command.option("--type-for", flags->type_for,
                 "PATTERN=TYPE for the tensors whose names match, such as '*.att.value.weight=q8_0'; of "
                 "several, the first that matches");
  command.option("--vocab", flags->vocab,
                 "Vocabulary file, or 'bytes', for a .gguf file to carry; by default the one the model "
                 "would be run with");
  command.flag("--force", flags->force, "Replace the file to write if it exists");
  command.runs([flags] { return run_convert(*flags); });
}

}  // namespace fulmar::tools
