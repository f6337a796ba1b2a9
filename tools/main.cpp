// The `fulmar` program: picks a command, and turns every error into one line on stderr and an exit code.
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "base/child_process.h"
#include "base/mapped_file.h"
#include "base/platform.h"
#include "base/utf8.h"
#include "commands.h"
#include "fulmar/error.h"

namespace {

int complain(int code, std::string message) {
  for (char& c : message)
    if (c == '\n') c = ' ';
  std::fprintf(stderr, "fulmar: %s\n", fulmar::escape_controls(message).c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace fulmar::tools;
  CommandLine line("Runs RWKV language models on Vulkan GPUs and the CPU.", "fulmar", FULMAR_VERSION);
  fulmar::explain_lost_files();

  add_serve(line);     // an HTTP server with OpenAI's endpoints
  add_chat(line);      // talk in the terminal
  add_complete(line);  // continue a text
  add_sessions(line);  // look after conversations that are kept
  add_logits(line);    // what the model predicts, as numbers
  add_tokenize(line);  // text to ids and back
  add_convert(line);   // a model file in another form
  add_inspect(line);   // what a model file holds
  add_devices(line);   // what this machine can run on
  add_bench(line);     // how fast it runs
  // Of no use to people: a process of its own for what drivers crash in.
  add_matrix_unit_try(line);

  try {
    if (const auto self = fulmar::program_path(); !self.empty())
      fulmar::set_helper_command({self, {matrix_unit_try}});
    const int code = line.read(argc, argv)();
    // What was printed may be on its way still: only now is it known whether it arrived.
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
      return complain(1, "the output could not be written: is the disk full, or its reader gone?");
    return code;
  } catch (const fulmar::Error& e) {
    return complain(e.kind() == fulmar::ErrorKind::misuse ? 2 : 1, e.what());
  } catch (const std::bad_alloc&) {
    return complain(1, "out of memory");
  } catch (const std::system_error& e) {
    if (e.code() == std::errc::resource_unavailable_try_again)
      return complain(
          1,
          "a thread could not be started: the limit of threads (ulimit -u, a container's pids limit) "
          "or of memory is reached");
    return complain(1, e.what());
  } catch (const std::exception& e) {
    return complain(1, e.what());
  }
}
