// What only the operating system knows: folders, memory, cores, descriptors, and replacing a file in one
// step.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace fulmar {

// Where this user's regenerable files go: $XDG_CACHE_HOME, ~/.cache, ~/Library/Caches or %LOCALAPPDATA%, then
// "fulmar". Not created. Empty where the environment names no home.
std::filesystem::path cache_folder();
// Where this user's own files go: $XDG_DATA_HOME, ~/.local/share, ~/Library/Application Support or %APPDATA%, then
// "fulmar". Not created. Empty where the environment names no home.
std::filesystem::path data_folder();
// Creates it and what is above it; the folder itself, where it was not there, for this user alone. False where that
// cannot be.
bool make_private_folder(const std::filesystem::path& folder);
// Creates it, for this user alone, where it is not there, and has the disk keep room for so many bytes: they are the file's
// size then, unless it was larger. False where that cannot be.
bool make_private_file(const std::filesystem::path& file, uint64_t bytes);
// The running program and its folder; empty where the system does not tell.
std::filesystem::path program_path();
std::filesystem::path program_folder();
// The number that the system knows this process by.
int64_t process_number();
// When this process crashes, no core file is written and no window asks what to do.
void crash_quietly();

// Cores this process may run on (affinity masks and container limits of cores respected), at least 1.
unsigned usable_cores();

// Lets this process have `wanted` files and connections open at once, or as many as it is allowed; the number it
// may have now.
uint64_t raise_descriptor_limit(uint64_t wanted);

// Has large blocks of memory (from 1 MiB on) go back to the system when they are freed, whatever came before: for
// programs whose need comes and goes. Before the first thread.
void return_freed_memory();
// What is freed by now goes back at once: after something large has ended.
void return_memory_now();

// Bytes of memory that this process has now; 0 where the system does not tell.
uint64_t resident_memory();

// Whether the other end of a connected socket sends no more, found without reading what it sent before; false
// where the system does not tell.
bool peer_has_ended(std::intptr_t socket);

// Writing to a pipe or socket whose reader has gone is an error from here on, and no signal that ends the
// process: for programs that must outlive whoever started them.
void ignore_broken_pipes();

// Writes `bytes` to a temporary file beside `path` and renames it over `path`, so that a reader sees the old
// file or the new one and never half of one. Throws Error(bad_file) naming path and reason; nothing is left
// behind then.
void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace fulmar
