// Reading the words of a fault; see faults.h.
#include "faults.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace fulmar::faults {

Faults parse(const std::string& words) {
  Faults faults;
  std::istringstream list(words);
  std::string word;
  while (list >> word) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals), value = equals == word.npos ? "" : word.substr(equals + 1);
    const auto number = [&] { return std::strtoull(value.c_str(), nullptr, 10); };
    if (name == "lose_submit") faults.lose_submit = number();
    else if (name == "lose_wait") faults.lose_wait = number();
    else if (name == "stop") faults.stop = number();
    else if (name == "fail") faults.fail = number();
    else if (name == "max_allocation") faults.max_allocation = number();
    else if (name == "max_groups") faults.max_groups = number();
    else if (name == "no_memory_in_type") faults.no_memory_in_type = number();
    else if (name == "two_heaps") faults.two_heaps = true;
    else if (name == "portability") faults.portability = true;
    else if (name == "silent") faults.silent = true;
    else if (name == "no_device") faults.no_device = true;
    else if (name == "discrete") faults.discrete = true;
    else if (name == "offer") faults.offer = true;
    else if (name == "no_matrix_units") faults.no_matrix_units = true;
    else if (name == "matrix_query") faults.matrix_query = value;
    else if (name == "matrix_compile") faults.matrix_compile = value;
    else if (name == "matrix_run") faults.matrix_run = value;
    else {
      std::fprintf(stderr, "fault layer: '%s' is no fault\n", word.c_str());
      std::abort();
    }
  }
  return faults;
}

Faults of_environment() {
  const char* words = std::getenv("FULMAR_FAULTS");
  return parse(words ? words : "");
}

bool take_file(Faults& faults) {
  const char* path = std::getenv("FULMAR_FAULT_FILE");
  if (!path) return false;
  std::ifstream file(path);
  if (!file) return false;
  const std::string words{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  file.close();
  std::remove(path);
  faults = parse(words);
  return true;
}

void hang() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

void suffer(const std::string& word) {
  if (word == "hang") hang();
  if (word == "crash") {
    std::fprintf(stderr, "fault layer: crashing as asked\n");
    volatile int* nowhere = nullptr;
    *nowhere = 1;
  }
}

}  // namespace fulmar::faults
